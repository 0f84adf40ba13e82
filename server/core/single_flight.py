"""One reading at a time of the same thing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class SingleFlight(Generic[Key, Value]):
    """Whoever asks while it is being read gets the answer of that reading: the calls of a parallel
    block ask all at once. Whoever stops waiting stops nobody else. `keep` gets what was read,
    unless it was forgotten meanwhile."""

    def __init__(self, keep: Callable[[Key, Value], None] | None = None) -> None:
        self._under_way: dict[Key, asyncio.Task[Value]] = {}
        self._keep = keep

    async def get(self, key: Key, read: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        reading = self._under_way.get(key)
        if reading is None:
            reading = self._under_way[key] = asyncio.create_task(read())
            reading.add_done_callback(lambda done: self._over(key, done))
        return await asyncio.shield(reading)

    def forget(self, key: Key) -> None:
        """What is under way may be out of date: who asks from now on has it read anew."""
        self._under_way.pop(key, None)

    def _over(self, key: Key, done: asyncio.Task[Value]) -> None:
        current = self._under_way.get(key) is done
        if current:
            del self._under_way[key]
        # Looked at in any case: nobody may be waiting for it any more.
        failed = done.cancelled() or done.exception() is not None
        if current and not failed and self._keep is not None:
            self._keep(key, done.result())
