"""Places at the database. Whoever only asks leaves some of them free for those who act: two hundred
slow questions must not keep anybody from stopping an execution, or `/readyz` from answering."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

KEPT_FREE = 3

only_asks: ContextVar[bool] = ContextVar("only_asks", default=False)
"""Set for the task that answers a query; tasks that it starts inherit it."""


class Places:
    """A driver's pool, with some of its connections kept for those who act. `leaving` looks at each
    that is given back."""

    def __init__(self, pool: Any, size: int, leaving: Callable[[Any], None] | None = None) -> None:
        self._pool = pool
        self._leaving = leaving
        self._free = asyncio.Semaphore(max(1, size - KEPT_FREE))
        self._asking: set[int] = set()

    async def acquire(self) -> Any:
        if not only_asks.get():
            return await self._pool.acquire()
        await self._free.acquire()
        try:
            connection = await self._pool.acquire()
        except BaseException:
            self._free.release()
            raise
        self._asking.add(id(connection))
        return connection

    async def release(self, connection: Any) -> None:
        if id(connection) in self._asking:
            self._asking.discard(id(connection))
            self._free.release()
        if self._leaving is not None:
            self._leaving(connection)
        releasing = asyncio.ensure_future(self._pool.release(connection))
        releasing.add_done_callback(_heard)
        await asyncio.shield(releasing)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def _heard(releasing: asyncio.Future[Any]) -> None:
    """Whoever gave it back may be gone by the time it turns out that it is broken."""
    if not releasing.cancelled():
        releasing.exception()
