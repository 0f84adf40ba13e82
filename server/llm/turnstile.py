"""The limits of a connection: so many calls at once, so many a minute. Waiting for one's turn is no
failed attempt; a turn too far off is refused with the time to come back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from time import time
from uuid import uuid4

from server.llm.access import Access
from server.llm.board import Board
from server.llm.errors import ModelError, ModelErrorKind

LONGEST_TURN_SECONDS = 60.0
LEASE_SECONDS = 30.0
_LOOK_SECONDS = 0.05
_LOOK_LEAST_OFTEN_SECONDS = 1.0

Sleep = Callable[[float], Awaitable[object]]


def is_open(access: Access | None) -> bool:
    """Nobody counts how many go through."""
    return access is None or (access.concurrency is None and access.per_minute is None)


class Turnstile:
    def __init__(
        self, board: Board, clock: Callable[[], float] = time, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._board = board
        self._clock = clock
        self._sleep = sleep
        # Those who wait in this process stand in one line for each connection: first come first.
        self._lines: dict[str, asyncio.Lock] = {}
        self._freed: dict[str, asyncio.Event] = {}

    @asynccontextmanager
    async def through(self, access: Access | None) -> AsyncIterator[None]:
        if access is None or is_open(access):
            yield
            return
        if access.per_minute is not None:
            await self._turn(access, access.per_minute)
        if access.concurrency is None:
            yield
            return
        async with self._place(access.connection, access.concurrency):
            yield

    async def _turn(self, access: Access, per_minute: int) -> None:
        interval = 60.0 / per_minute
        # A tenth of a minute's calls may come at once.
        burst = max(1, per_minute // 10)
        wait = await self._board.turn(access.connection, interval, burst, self._clock())
        if wait > LONGEST_TURN_SECONDS:
            raise ModelError(
                ModelErrorKind.RATE_LIMITED,
                f"The connection “{access.label}” takes {per_minute} calls a minute; many wait.",
                "Raise its limit, or run fewer at once.",
                retry_after=wait,
            )
        if wait > 0:
            await self._sleep(wait)

    @asynccontextmanager
    async def _place(self, key: str, most: int) -> AsyncIterator[None]:
        holder = uuid4().hex
        await self._wait_for_place(key, most, holder)
        keeping = asyncio.create_task(self._keep(key, most, holder))
        try:
            yield
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            await self._board.leave(key, holder)
            self._freed[key].set()

    async def _wait_for_place(self, key: str, most: int, holder: str) -> None:
        freed = self._freed.setdefault(key, asyncio.Event())
        async with self._lines.setdefault(key, asyncio.Lock()):
            pause = _LOOK_SECONDS
            while True:
                freed.clear()
                if await self._enter(key, most, holder):
                    return
                # Other processes do not tell when a place is free; it is looked for.
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause * (0.5 + random.random())):
                        await freed.wait()
                pause = min(pause * 1.5, _LOOK_LEAST_OFTEN_SECONDS)

    async def _keep(self, key: str, most: int, holder: str) -> None:
        """A place whose holder was killed is free again after its lease."""
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            await self._enter(key, most, holder)

    async def _enter(self, key: str, most: int, holder: str) -> bool:
        now = self._clock()
        return await self._board.enter(key, most, holder, now + LEASE_SECONDS, now)
