"""W6: 100 subscribers to one execution that tells about 200 events a second; one of them is slow:
it never reads."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

import aiohttp

from tests.benchmarks.executions import FOLLOW, START
from tests.benchmarks.product import create_bot, graphql, product, session
from tests.benchmarks.stub import model_server
from tests.benchmarks.table import Row, load_average

SUBSCRIBERS = 100
# Their events are taken apart; the others' only counted, for the client is on the same machine.
LOOKED_AT = 10
DELAY_MS = 500
SOURCE = (
    'writer { "goal": "Say it better", "model": "openai:stub" }\n'
    "map (result, concurrency: 16) { writer }"
)
EVENTS_EACH = 6.0


class Subscriber:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.lags: list[float] = []
        self.seqs: list[int] = []
        self.messages = 0

    async def read(self, *, looking: bool) -> None:
        async for message in self.socket:
            self.messages += 1
            text: Any = message.data
            if looking and '"next"' in text[:200]:
                self._take(message.json())
            if '"complete"' in text[:60]:
                return

    def _take(self, said: dict[str, Any]) -> None:
        now = time.time()
        for event in said["payload"]["data"]["executionEvents"]["events"]:
            self.seqs.append(event["seq"])
            self.lags.append(now - datetime.fromisoformat(event["at"]).timestamp())


async def measure(repeats: int, seconds: float) -> list[Row]:
    rows: list[Row] = []
    with (
        model_server(DELAY_MS) as endpoint,
        product(
            BALEYBOTS_LOG_LEVEL="error", OPENAI_BASE_URL=f"{endpoint}/v1", OPENAI_API_KEY="sk-bench"
        ) as running,
    ):
        async with session(running) as client:
            bot = await create_bot(client, "W6", SOURCE)
            for _ in range(repeats):
                items = round(max(seconds, 5) * 200 / EVENTS_EACH)
                everybody = [await _connected(client) for _ in range(SUBSCRIBERS)]
                cpu, began = running.cpu_seconds(), time.perf_counter()
                await _run(client, bot, items, everybody)
                took = time.perf_counter() - began
                used = (running.cpu_seconds() - cpu) / took
                lags = sorted(lag for one in everybody for lag in one.lags)
                last = max(one.seqs[-1] for one in everybody if one.seqs)
                rows.append(
                    Row(
                        "W6",
                        {
                            "events per s": last / took,
                            "p50 ms": lags[len(lags) // 2] * 1000,
                            "p95 ms": lags[int(len(lags) * 0.95)] * 1000,
                            "p99 ms": lags[int(len(lags) * 0.99)] * 1000,
                            "core %": used * 100,
                            "RSS MiB": running.rss_mib(),
                        },
                        "p95 <= 60 ms, <= 20 % of a core",
                        load_average(),
                    )
                )
    return rows


async def _run(
    client: aiohttp.ClientSession, bot: str, items: int, everybody: list[Subscriber]
) -> None:
    value = [f"article {number}" for number in range(items)]
    data = await graphql(client, START, {"input": {"botId": bot, "input": value}})
    execution = data["startExecution"]["execution"]["id"]
    payload = {"query": FOLLOW, "variables": {"id": execution}}
    for one in everybody:
        await one.socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
    slow, *others = everybody
    await asyncio.gather(*(one.read(looking=place < LOOKED_AT) for place, one in enumerate(others)))
    for one in others[:LOOKED_AT]:
        assert one.seqs == list(range(1, len(one.seqs) + 1))
    assert slow.messages == 0
    await asyncio.gather(*(one.socket.close() for one in everybody))


async def _connected(client: aiohttp.ClientSession) -> Subscriber:
    socket = await client.ws_connect("/graphql", protocols=["graphql-transport-ws"])
    await socket.send_json({"type": "connection_init"})
    assert (await socket.receive_json())["type"] == "connection_ack"
    return Subscriber(socket)
