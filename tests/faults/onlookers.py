"""Looking on, as many browsers do: one socket each, read as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
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
SMALL_BUFFER = 16 * 1024
_KIND = re.compile(r'"type": ?"(\w+)"')
_NUMBER = re.compile(r'"id": ?"(\d+)"')
_CAUGHT_UP = re.compile(r'"caughtUp": ?true')


@dataclass(eq=False)
class Onlooker:
    """`lags`: seconds from when something happened until it was read, for what happened after this
    one had come. `pause`: how long this one thinks about each message. `caught_up`: with which of
    its subscriptions. What came is taken apart at the end: a thousand that do so meanwhile on the
    server's machine would measure themselves."""

    socket: aiohttp.ClientWebSocketResponse
    seqs: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    caught_up: set[str] = field(default_factory=set)
    done: bool = False
    closed: int | None = None
    messages: int = 0
    _came: list[tuple[float, str]] = field(default_factory=list)
    _open: set[str] = field(default_factory=set)
    pause: float = 0.0

    async def subscribe(self, name: str, after: int = 0, number: int = 1) -> None:
        self._open.add(str(number))
        payload = {"query": FOLLOW, "variables": {"id": name, "after": after}}
        await self.socket.send_json({"id": str(number), "type": "subscribe", "payload": payload})

    async def read(self) -> None:
        """To the end of what it follows, or of the socket."""
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
        kind, number = _KIND.search(text), _NUMBER.search(text)
        assert kind is not None, text[:200]
        if kind[1] == "ping":
            await self.socket.send_json({"type": "pong"})
        elif kind[1] == "complete":
            assert number is not None, text[:200]
            self._open.discard(number[1])
            self.done = not self._open
        elif kind[1] == "next":
            assert number is not None, text[:200]
            self._came.append((time.time(), text))
            self.messages += 1
            if number[1] not in self.caught_up and _CAUGHT_UP.search(text):
                self.caught_up.add(number[1])
        else:
            assert kind[1] == "pong", text[:200]

    def read_little(self) -> None:
        """Its end of the line has no room for what it does not read."""
        line = self.socket.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)

    def count(self, word: str) -> int:
        """How often it stands in what came up to now."""
        return sum(text.count(word) for _, text in self._came)

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
