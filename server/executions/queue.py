"""What waits for its turn and what runs now, and why what waits does not run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from tortoise.expressions import Q
from tortoise.functions import Count
from tortoise.queryset import QuerySet

from server.bots.service import many as many_bots
from server.models.enums import ExecutionStatus, WaitingReason
from server.models.tables import Bot, Execution
from server.workspaces.access import Viewer, mine, require
from server.workspaces.listing import Page, PageAsk, read_page

# A wait for a person, another bot or money is none for a turn.
FOR_A_TURN: Final = (WaitingReason.QUEUE, WaitingReason.RETRY, WaitingReason.WAIT)
COLUMNS: Final = (
    *("id", "workspace_id", "bot_id", "version_id", "status", "waiting_reason", "priority"),
    *("concurrency_key", "due_at"),
)


class QueueState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"


class QueueReason(StrEnum):
    """Why something waits."""

    WORKERS_BUSY = "workers_busy"
    NO_WORKER = "no_worker"
    WORKERS_SHORT_OF_MEMORY = "workers_short_of_memory"
    BOT_LIMIT = "bot_limit"
    KEY_LIMIT = "key_limit"
    NOT_DUE = "not_due"


@dataclass(frozen=True, slots=True)
class Workers:
    """How many there are, and how many of them take nothing new; None while nobody can say."""

    count: int | None = None
    short: int | None = None

    @property
    def reason(self) -> QueueReason:
        if self.count == 0:
            return QueueReason.NO_WORKER
        if self.count is not None and self.count <= (self.short or 0):
            return QueueReason.WORKERS_SHORT_OF_MEMORY
        return QueueReason.WORKERS_BUSY


@dataclass(frozen=True, slots=True)
class OfBot:
    bot: Bot
    waiting: int
    running: int


@dataclass(frozen=True, slots=True)
class Queue:
    """`of_keys` counts what runs, by bot and key."""

    bots: Mapping[UUID, Bot]
    counts: Mapping[tuple[UUID, QueueState], int]
    of_keys: Mapping[tuple[UUID, str], int]
    workers: Workers
    now: datetime

    def count(self, state: QueueState, bot_id: UUID | None = None) -> int:
        """Of one bot, or of all."""
        return sum(
            count
            for (of, in_state), count in self.counts.items()
            if in_state is state and bot_id in (None, of)
        )

    def by_bot(self) -> list[OfBot]:
        """Those with the most first."""
        found = [
            OfBot(
                bot,
                self.counts.get((bot_id, QueueState.WAITING), 0),
                self.counts.get((bot_id, QueueState.RUNNING), 0),
            )
            for bot_id, bot in self.bots.items()
        ]
        found.sort(key=lambda one: (-one.waiting, -one.running, one.bot.name.casefold()))
        return [one for one in found if one.waiting or one.running]

    def reason(self, row: Execution) -> QueueReason | None:
        """None of what runs."""
        if row.status is ExecutionStatus.RUNNING:
            return None
        if row.waiting_reason is WaitingReason.QUEUE:
            return self._limit(row)
        if row.due_at is not None and row.due_at > self.now:
            return QueueReason.NOT_DUE
        return self.workers.reason

    def until(self, row: Execution) -> datetime | None:
        return row.due_at if self.reason(row) is QueueReason.NOT_DUE else None

    def _limit(self, row: Execution) -> QueueReason:
        bot = self.bots.get(row.bot_id)
        per_key = None if bot is None else bot.max_running_per_key
        if row.concurrency_key is None or per_key is None:
            return QueueReason.BOT_LIMIT
        of_key = self.of_keys.get((row.bot_id, row.concurrency_key), 0)
        return QueueReason.KEY_LIMIT if of_key >= per_key else QueueReason.BOT_LIMIT


async def look(viewer: Viewer, now: datetime, workers: Workers) -> Queue:
    """Three statements, however much there is. Whoever may not read bots is told of none."""
    require(viewer, "executions:read")
    counts, of_keys = await _waiting(viewer, now), Counter[tuple[UUID, str]]()
    for bot_id, key, count in await _running(viewer):
        counts[bot_id, QueueState.RUNNING] += count
        if key is not None:
            of_keys[bot_id, key] = count
    ids = list({bot_id for bot_id, _ in counts}) if viewer.may("bots:read") else []
    bots = await many_bots(viewer, ids) if ids else {}
    return Queue(bots, counts, of_keys, workers, now)


async def entries(
    viewer: Viewer,
    queue: Queue,
    ask: PageAsk,
    state: QueueState,
    bot_id: UUID | None = None,
    columns: Sequence[str] | None = (),
) -> Page[Execution]:
    """What waits comes by priority, and of equal ones the oldest first. Rows have what a `Queue`
    needs and `columns`; None: all there are."""
    require(viewer, "executions:read")
    rows = _in_state(mine(viewer, Execution), state, queue.now)
    if bot_id is not None:
        rows = rows.filter(bot_id=bot_id)
    if columns is not None:
        rows = rows.only(*{*COLUMNS, *columns})

    async def count() -> int:
        return queue.count(state, bot_id)

    if state is QueueState.RUNNING:
        page = await read_page(rows, ask, descending=False)
    else:
        page = await read_page(rows, ask, "priority", ties_descending=False)
    return replace(page, count=count)


def _in_state(rows: QuerySet[Execution], state: QueueState, now: datetime) -> QuerySet[Execution]:
    if state is QueueState.RUNNING:
        return rows.filter(status=ExecutionStatus.RUNNING)
    waits = Q(waiting_reason__in=list(FOR_A_TURN)) | Q(waiting_reason=None) | Q(due_at__lte=now)
    return rows.filter(
        Q(status=ExecutionStatus.PENDING) | (Q(status=ExecutionStatus.WAITING) & waits)
    )


async def _waiting(viewer: Viewer, now: datetime) -> Counter[tuple[UUID, QueueState]]:
    rows = _in_state(mine(viewer, Execution), QueueState.WAITING, now)
    counted = rows.annotate(number=Count("id")).group_by("bot_id")
    found: Sequence[Any] = await counted.values_list("bot_id", "number")
    return Counter({(bot_id, QueueState.WAITING): count for bot_id, count in found})


async def _running(viewer: Viewer) -> Sequence[Any]:
    rows = _in_state(mine(viewer, Execution), QueueState.RUNNING, datetime.min)
    counted = rows.annotate(number=Count("id")).group_by("bot_id", "concurrency_key")
    return await counted.values_list("bot_id", "concurrency_key", "number")
