"""The tick of each second that never ends: what is due and in nobody's hands goes to a worker.

It heals whatever a lost wake-up, a dead worker or a restarted Redis has left behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from server.core.errors import Unavailable
from server.core.tasks import end
from server.models.away import is_away

TICK_SECONDS = 1.0
TIDY_SECONDS = 5.0
KEEPING_SECONDS = 60.0
ORPHANS_SECONDS = 15.0

Work = Callable[[], Awaitable[object]]

log = structlog.get_logger("workers")


class Ticks:
    def __init__(self, work: Work, seconds: float = TICK_SECONDS) -> None:
        self._work = work
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._tick_forever())

    async def stop(self) -> None:
        if self._task is not None:
            await end(self._task)

    async def _tick_forever(self) -> None:
        """The first tick comes at once: it is what a restart begins with."""
        while True:
            try:
                await self._work()
            except Unavailable as error:
                log.warning("tick_failed", error=error.message)
            except Exception as error:
                if is_away(error):
                    log.warning("tick_failed", error=str(error))
                else:
                    log.exception("tick_broke")
            # Several workers tick: the jitter keeps them from knocking at the same moment.
            await asyncio.sleep(self._seconds * random.uniform(0.8, 1.2))
