"""A worker beside others in one event loop: inside the server, or alone in `workers/main.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from server.assembly import Assembly
from server.bus.attendance import EVERY_SECONDS
from server.bus.worker import QueueWorker
from server.executions.retention import Retention
from workers.jobs import job_functions
from workers.ticks import KEEPING_SECONDS, ORPHANS_SECONDS, TIDY_SECONDS, Ticks


@asynccontextmanager
async def working(rooms: Assembly) -> AsyncIterator[None]:
    """Takes work until left; what still runs then is drained by the assembly."""
    worker = QueueWorker(rooms.bus.queue, job_functions(rooms), rooms.engine.runner)
    attendance, owner = rooms.bus.attendance, rooms.engine.owner
    coming = Ticks(partial(attendance.come, owner), EVERY_SECONDS)
    ticks = Ticks(rooms.engine.wake_due)
    tidying = Ticks(rooms.tidy, TIDY_SECONDS)
    our_turn = partial(attendance.first, owner)
    retention = Retention(rooms.clock, rooms.settings.retention_days, our_turn)
    orphans = Ticks(rooms.engine.kin.end_orphans, ORPHANS_SECONDS)
    keeping = Ticks(retention.prune, KEEPING_SECONDS)
    worker.start()
    coming.start()
    ticks.start()
    tidying.start()
    orphans.start()
    keeping.start()
    try:
        yield
    finally:
        await keeping.stop()
        await orphans.stop()
        await tidying.stop()
        await ticks.stop()
        await worker.stop()
        await coming.stop()
        await attendance.leave(owner)
