"""Executions that were under way when workers were lost are innocent until one of them is lost
alone: after two losses at one step an execution runs with nobody beside it in its process but those
that are proven, so that a third loss is its own. What lives through that is acquitted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from server.core.errors import Unavailable
from server.core.tasks import end
from server.engine.run import Run
from server.engine.running import Running
from server.engine.store import SUSPECT_LOSSES
from server.models.enums import ExecutionStatus
from server.models.tables import Execution

# A step that takes longer than this without harm is not what the others died of.
ALONE_SECONDS: Final = 20.0
LOOK_SECONDS: Final = 0.1
AWAY_SECONDS: Final = 2.0
# One that kills late would be acquitted again and again.
ACQUITTALS: Final = 1

CLAIMABLE = [ExecutionStatus.PENDING, ExecutionStatus.RUNNING, ExecutionStatus.WAITING]

TakeOne = Callable[[UUID], Awaitable[Run | None]]

log = structlog.get_logger("engine")


class Isolation:
    def __init__(self, runs: Running, take_one: TakeOne) -> None:
        self._runs = runs
        self._take_one = take_one
        self._waiting: dict[UUID, None] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, suspects: Iterable[UUID]) -> None:
        """Each gets its turn. Until then nothing new begins here."""
        self._waiting.update(dict.fromkeys(suspects))
        if self._waiting and (self._task is None or self._task.done()):
            self._runs.closed = True
            self._task = asyncio.create_task(self._one_after_the_other())

    async def stop(self) -> None:
        if self._task is not None:
            await end(self._task)

    async def _one_after_the_other(self) -> None:
        try:
            while self._waiting and not self._runs.draining:
                await self._runs.quiet(ALONE_SECONDS)
                suspect = next(iter(self._waiting))
                await self._alone(suspect)
                del self._waiting[suspect]
        finally:
            self._waiting.clear()
            self._runs.closed = False
            self._runs.changed()

    async def _alone(self, suspect: UUID) -> None:
        try:
            run = await self._take_one(suspect)
        except Unavailable as error:
            log.warning("suspect_not_taken", execution=str(suspect), error=error.message)
            await asyncio.sleep(AWAY_SECONDS)
            return
        if run is None or run.task is None:
            return
        log.info("runs_alone", execution=str(suspect), losses=run.claimed.losses)
        for _ in range(round(ALONE_SECONDS / LOOK_SECONDS)):
            await asyncio.wait([run.task], timeout=LOOK_SECONDS)
            if run.task.done() or run.proven:
                return
        if run.host.acquit(ACQUITTALS):
            return
        while not (run.task.done() or run.proven):
            await asyncio.wait([run.task], timeout=LOOK_SECONDS)


async def suspects_due(now: datetime, among: Iterable[UUID] | None = None) -> list[UUID]:
    """Those that nobody runs and that have to run alone, as far as can be seen from here."""
    rows = Execution.filter(losses__gte=SUSPECT_LOSSES - 1, status__in=CLAIMABLE, due_at__lte=now)
    if among is not None:
        rows = rows.filter(id__in=list(among))
    return [
        row.id
        for row in await rows.only("id", "losses", "status")
        if row.losses + (row.status is ExecutionStatus.RUNNING) == SUSPECT_LOSSES
    ]
