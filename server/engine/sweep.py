"""The look of each second for what is due and in nobody's hands. Where more is due than one look
brings, the next one goes on behind it: what lies at the end of a long queue has its turn too, and
nobody reads the whole queue each second. What has become due just now does not wait for that: it
may be the lease of a worker that died."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import Final

from server.bus.queue import Queue
from server.engine.store import DUE_LIMIT, REDISPATCH_SECONDS, Due, Store

# What was queued since then was sent at once and is not sent again yet.
LATELY: Final = timedelta(seconds=REDISPATCH_SECONDS)
# Two looks may meet in one moment; what was sent by the first is not sent again.
OVERLAP_SECONDS: Final = 1.0


class Sweep:
    def __init__(self, store: Store, queue: Queue, limit: int = DUE_LIMIT) -> None:
        self._store = store
        self._queue = queue
        self._limit = limit
        self._last: tuple[Due, float] | None = None

    async def look(self) -> int:
        """How many were found and sent."""
        within = self._within()
        due = await self._send(within)
        if len(due) < self._limit:
            self._last = None
            return len(due)
        self._last = (due[-1], monotonic())
        return len(due) + len(await self._send(LATELY))

    def _within(self) -> timedelta | None:
        if self._last is None:
            return None
        due, at = self._last
        return timedelta(seconds=due.seconds + monotonic() - at + OVERLAP_SECONDS)

    async def _send(self, within: timedelta | None) -> list[Due]:
        due = await self._store.due(self._limit, within=within)
        self._queue.ready(*(one.ready for one in due))
        return due
