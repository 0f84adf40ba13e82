"""How busy a workspace is at this moment, read once for all who watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tortoise.functions import Count, Sum

from server.bus.notices import Notices
from server.core.clock import Clock
from server.core.ids import uuid_at
from server.engine.writer import workspace_topic
from server.executions.figures import by_status, since
from server.models.enums import OPEN_STATUSES, ExecutionStatus
from server.models.tables import Execution, Usage
from server.workspaces.access import Viewer, mine, require

WINDOW = timedelta(minutes=1)
PAUSE_SECONDS = 1.0
BEAT_SECONDS = 5.0
BAD_ENDS = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)

Key = tuple[UUID, frozenset[UUID] | None]


@dataclass(frozen=True, slots=True)
class Vitals:
    """Executions that are open now, and what the last minute brought. `cost_nano` in
    nano-dollars; `failed` counts those of the started ones that have failed already."""

    at: datetime
    queued: int
    running: int
    waiting: int
    started: int
    failed: int
    calls: int
    tokens: int
    cost_nano: int


class VitalSigns:
    """One reading a second for a workspace, however many look on."""

    def __init__(self, notices: Notices, clock: Clock) -> None:
        self._notices = notices
        self._clock = clock
        self._readings: dict[Key, tuple[float, asyncio.Task[Vitals]]] = {}

    async def watch(self, viewer: Viewer) -> AsyncGenerator[Vitals, None]:
        """At once, after changes at most once a second, and every five seconds."""
        require(viewer, "executions:read")
        with self._notices.subscribe(workspace_topic(viewer.workspace_id)) as changes:
            while True:
                yield await self._now(viewer)
                await asyncio.sleep(PAUSE_SECONDS)
                await changes.next(BEAT_SECONDS - PAUSE_SECONDS)

    async def _now(self, viewer: Viewer) -> Vitals:
        key = viewer.workspace_id, viewer.bot_ids
        now = self._clock.monotonic()
        found = self._readings.get(key)
        if found is None or now - found[0] >= PAUSE_SECONDS / 2:
            self._forget(now)
            found = now, asyncio.create_task(read(viewer, self._clock.now()))
            self._readings[key] = found
        return await asyncio.shield(found[1])

    def _forget(self, now: float) -> None:
        old = [key for key, (at, _task) in self._readings.items() if now - at > BEAT_SECONDS]
        for key in old:
            del self._readings[key]


async def read(viewer: Viewer, now: datetime) -> Vitals:
    """Three statements, each over rows that an index names."""
    open_now = await by_status(mine(viewer, Execution).filter(status__in=list(OPEN_STATUSES)))
    started = await by_status(since(mine(viewer, Execution), uuid_at(now - WINDOW)))
    used: list[dict[str, Any]] = (
        await mine(viewer, Usage)
        .filter(created_at__gte=now - WINDOW)
        .annotate(
            calls=Count("id"),
            input=Sum("input_tokens"),
            output=Sum("output_tokens"),
            cost=Sum("cost_nano"),
        )
        .values("calls", "input", "output", "cost")
    )
    sums = {name: int(value or 0) for name, value in used[0].items()}
    return Vitals(
        at=now,
        queued=open_now.get(ExecutionStatus.PENDING, 0),
        running=open_now.get(ExecutionStatus.RUNNING, 0),
        waiting=open_now.get(ExecutionStatus.WAITING, 0) + open_now.get(ExecutionStatus.PAUSED, 0),
        started=sum(started.values()),
        failed=sum(started.get(status, 0) for status in BAD_ENDS),
        calls=sums["calls"],
        tokens=sums["input"] + sums["output"],
        cost_nano=sums["cost"],
    )
