"""Start executions over GraphQL and follow each to its end, as an outside program does."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.benchmarks.product import graphql

START = """
mutation Start($input: StartExecutionInput!) {
  startExecution(input: $input) { execution { id } errors { code message } }
}
"""
FOLLOW = """
subscription Follow($id: ID!) {
  executionEvents(executionId: $id) { lastSeq done events }
}
"""


@dataclass
class Load:
    """What one closed loop did: seconds of wall time and the latency of each execution."""

    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


# The product ends a socket that goes on asking more than 200 times a second, after a burst of 600.
ASKED_OVER_ONE_SOCKET = 500


class Follower:
    """One GraphQL WebSocket that follows one execution at a time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.ids = itertools.count(1)
        self.asked = 0

    @classmethod
    async def open(cls, client: aiohttp.ClientSession) -> Follower:
        socket = await client.ws_connect("/graphql", protocols=["graphql-transport-ws"])
        await socket.send_json({"type": "connection_init"})
        hello = await socket.receive_json()
        assert hello["type"] == "connection_ack", hello
        return cls(socket)

    async def events(self, execution: str) -> list[dict[str, Any]]:
        """All events of an execution, read until it is done."""
        name = str(next(self.ids))
        self.asked += 1
        payload = {"query": FOLLOW, "variables": {"id": execution}}
        await self.socket.send_json({"id": name, "type": "subscribe", "payload": payload})
        events: list[dict[str, Any]] = []
        while True:
            message = await self.socket.receive_json()
            if message["type"] == "ping":
                await self.socket.send_json({"type": "pong"})
            if message.get("id") != name:
                continue
            if message["type"] == "complete":
                return events
            assert message["type"] == "next", message
            events += message["payload"]["data"]["executionEvents"]["events"]


async def run_one(
    client: aiohttp.ClientSession,
    follower: Follower,
    bot: str,
    value: Any,
    check: Callable[[Any], bool],
) -> str:
    """The id of an execution that was started, followed to its end and answered rightly."""
    data = await graphql(client, START, {"input": {"botId": bot, "input": value}})
    assert not data["startExecution"]["errors"], data
    execution = data["startExecution"]["execution"]["id"]
    events = await follower.events(execution)
    last = events[-1]
    assert last["type"] == "execution.completed", last
    assert check(last["data"]["output"]), last
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    return execution


async def closed_loop(
    client: aiohttp.ClientSession,
    connections: int,
    seconds: float,
    once: Callable[[Follower | None], Any],
    follow: bool = True,
) -> Load:
    """`connections` callers, each starting anew as soon as it was answered."""
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def caller() -> None:
        follower = await Follower.open(client) if follow else None
        while time.perf_counter() < end:
            started = time.perf_counter()
            await once(follower)
            latencies.append(time.perf_counter() - started)
            if follower is not None and follower.asked >= ASKED_OVER_ONE_SOCKET:
                await follower.socket.close()
                follower = await Follower.open(client)
        if follower is not None:
            await follower.socket.close()

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(connections)))
    return Load(time.perf_counter() - started, latencies)
