"""Looking on, as many browsers do: one socket each, read as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from tests.faults.rig import Rig

FOLLOW = """subscription($id: ID!, $after: Int) {
  executionEvents(executionId: $id, after: $after) { lastSeq caughtUp done events } }"""
OPENED_AT_ONCE = 50
_KIND = re.compile(r'"type": ?"(\w+)"')
_CAUGHT_UP = re.compile(r'"caughtUp": ?true')


@dataclass(eq=False)
class Onlooker:
    """`lags`: seconds from when something happened until it was read, for what happened after this
    one had come. `pause`: how long this one thinks about each message. What came is taken apart at
    the end: a thousand that do so meanwhile on the server's machine would measure themselves."""

    socket: aiohttp.ClientWebSocketResponse
    seqs: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    caught_up: bool = False
    done: bool = False
    closed: int | None = None
    messages: int = 0
    _came: list[tuple[float, str]] = field(default_factory=list)
    pause: float = 0.0

    async def subscribe(self, name: str, after: int = 0, number: int = 1) -> None:
        payload = {"query": FOLLOW, "variables": {"id": name, "after": after}}
        await self.socket.send_json({"id": str(number), "type": "subscribe", "payload": payload})

    async def read(self) -> None:
        """To the end of the execution, or of the socket."""
        while not self.done:
            message = await self.socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                self.closed = self.socket.close_code
                break
            await self._hear(message.data)
            if self.pause:
                await asyncio.sleep(self.pause)
        self._take_apart()

    async def _hear(self, text: str) -> None:
        kind = _KIND.search(text)
        assert kind is not None, text[:200]
        if kind[1] == "ping":
            await self.socket.send_json({"type": "pong"})
        elif kind[1] == "complete":
            self.done = True
        elif kind[1] == "next":
            self._came.append((time.time(), text))
            self.messages += 1
            self.caught_up = self.caught_up or _CAUGHT_UP.search(text) is not None
        else:
            assert kind[1] == "pong", text[:200]

    def _take_apart(self) -> None:
        there = False
        for read_at, text in self._came:
            batch = json.loads(text)["payload"]["data"]["executionEvents"]
            self.seqs += [event["seq"] for event in batch["events"]]
            if there and batch["events"]:
                at = datetime.fromisoformat(batch["events"][0]["at"]).timestamp()
                self.lags.append(read_at - at)
            there = there or batch["caughtUp"]
        self._came.clear()


@contextlib.asynccontextmanager
async def onlookers(world: Rig, count: int) -> AsyncIterator[list[Onlooker]]:
    headers = {"Authorization": f"Bearer {world.token}"}
    connector = aiohttp.TCPConnector(limit=0)
    gate = asyncio.Semaphore(OPENED_AT_ONCE)
    async with aiohttp.ClientSession(world.url, headers=headers, connector=connector) as session:

        async def come() -> Onlooker:
            async with gate:
                asked: dict[str, Any] = {"protocols": ["graphql-transport-ws"], "compress": 15}
                socket = await session.ws_connect("/graphql", **asked)
                await socket.send_json({"type": "connection_init"})
                assert (await socket.receive_json())["type"] == "connection_ack"
                return Onlooker(socket)

        came = await asyncio.gather(*(come() for _ in range(count)))
        try:
            yield list(came)
        finally:
            await asyncio.gather(*(one.socket.close() for one in came), return_exceptions=True)


def slowest(everyone: Sequence[Onlooker]) -> float:
    """The 95th of 100, in seconds."""
    lags = sorted(lag for one in everyone for lag in one.lags)
    assert lags, "nobody saw anything happen"
    return lags[int(len(lags) * 0.95)]


def saw_everything(everyone: Sequence[Onlooker]) -> None:
    for one in everyone:
        assert one.done, one.closed
        assert one.seqs == list(range(1, len(one.seqs) + 1)), one.seqs[:50]
