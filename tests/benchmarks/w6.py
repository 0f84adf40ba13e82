"""W6: 100 subscribers to one execution that tells about 200 events a second; one of them is slow:
it never reads. And a crowd of 1,000 of them. They offer to compress, as browsers do."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

import aiohttp

from tests.benchmarks.executions import FOLLOW, START
from tests.benchmarks.product import Product, create_bot, graphql, product, session
from tests.benchmarks.stub import model_server
from tests.benchmarks.table import Row, load_average

GOALS = {
    100: "p95 <= 60 ms, <= 20 % of a core",
    1000: "p95 < 250 ms, < 64 MiB for the crowd",
}
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
            items = round(max(seconds, 5) * 200 / EVENTS_EACH)
            await _run(client, bot, 20, [await _connected(client) for _ in range(2)])
            for count in GOALS:
                rows += [await _watched(running, client, bot, items, count) for _ in range(repeats)]
    return rows


async def _watched(
    running: Product, client: aiohttp.ClientSession, bot: str, items: int, count: int
) -> Row:
    before = running.rss_mib()
    everybody = [await _connected(client) for _ in range(count)]
    cpu, began = running.cpu_seconds(), time.perf_counter()
    await _run(client, bot, items, everybody)
    took = time.perf_counter() - began
    lags = sorted(lag for one in everybody for lag in one.lags)
    figures = {
        "events per s": max(one.seqs[-1] for one in everybody if one.seqs) / took,
        "p50 ms": lags[len(lags) // 2] * 1000,
        "p95 ms": lags[int(len(lags) * 0.95)] * 1000,
        "p99 ms": lags[int(len(lags) * 0.99)] * 1000,
        "core %": (running.cpu_seconds() - cpu) / took * 100,
        "RSS MiB": running.rss_mib(),
        "more MiB": running.rss_mib() - before,
    }
    return Row(f"W6 {count}", figures, GOALS[count], load_average())


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
    asked = {"protocols": ["graphql-transport-ws"], "compress": 15}
    socket = await client.ws_connect("/graphql", **asked)
    await socket.send_json({"type": "connection_init"})
    assert (await socket.receive_json())["type"] == "connection_ack"
    return Subscriber(socket)
