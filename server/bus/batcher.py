"""Collects what one loop tick brings and sends it in one go, so that nobody waits for Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from server.bus.redis import AWAY

log = structlog.get_logger("bus")
Item = TypeVar("Item")

LIMIT = 10_000
SEND_SECONDS = 5.0


class Batcher(Generic[Item]):
    """What cannot be sent is dropped with a warning: every receiver also looks at the tables."""

    def __init__(self, name: str, send: Callable[[list[Item]], Awaitable[object]]) -> None:
        self._name = name
        self._send = send
        self._items: list[Item] = []
        self._task: asyncio.Task[None] | None = None

    def add(self, item: Item) -> None:
        if len(self._items) >= LIMIT:
            del self._items[: LIMIT // 2]
        self._items.append(item)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._flush())

    async def flush(self) -> None:
        if self._task is not None:
            await self._task

    async def _flush(self) -> None:
        while self._items:
            batch, self._items = self._items, []
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._send(batch)
            except AWAY as error:
                log.warning("redis_away", what=self._name, dropped=len(batch), error=str(error))
