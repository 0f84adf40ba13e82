"""A worker beside others in one event loop: inside the server, or alone in `workers/main.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from server.assembly import Assembly
from server.bus.attendance import EVERY_SECONDS
from server.bus.worker import QueueWorker
from server.engine.writer import tell_workspace
from server.executions.retention import Retention
from workers.jobs import job_functions
from workers.memory import LOOK_SECONDS, MemoryGuard, bound_of
from workers.ticks import KEEPING_SECONDS, ORPHANS_SECONDS, TIDY_SECONDS, Ticks


@asynccontextmanager
async def working(
    rooms: Assembly, replace: Callable[[], None] | None = None
) -> AsyncIterator[None]:
    """Takes work until left; what still runs then is drained by the assembly. `replace`: as the
    memory guard has it."""
    worker = QueueWorker(rooms.bus.queue, job_functions(rooms), rooms.engine.runner)
    attendance, owner = rooms.bus.attendance, rooms.engine.owner
    guard = MemoryGuard(rooms.engine.runner.runs, bound_of(rooms.settings), replace)
    guarding = Ticks(guard.look, LOOK_SECONDS)

    async def come() -> None:
        await attendance.come(owner, short=guard.short)

    coming = Ticks(come, EVERY_SECONDS)
    ticks = Ticks(rooms.engine.wake_due)
    tidying = Ticks(rooms.tidy, TIDY_SECONDS)
    tell = partial(tell_workspace, rooms.bus.notices)
    our_turn = partial(attendance.first, owner)
    retention = Retention(rooms.clock, rooms.settings.retention_days, our_turn, tell)
    orphans = Ticks(rooms.engine.kin.end_orphans, ORPHANS_SECONDS)
    keeping = Ticks(retention.prune, KEEPING_SECONDS)
    worker.start()
    guarding.start()
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
        await guarding.stop()
        await coming.stop()
        await attendance.leave(owner)
