"""Budgets that hold: what a call may cost is set aside before it leaves and settled after it, each
time in one statement for each counter, so that no number of workers can spend the same money.

What a call set aside and never settled, because its worker was lost, is counted as spent: the
provider was asked.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F
from tortoise.transactions import in_transaction

from server.core.clock import Clock
from server.core.ids import new_uuid
from server.core.single_flight import SingleFlight
from server.costs import telling
from server.costs.periods import Window, window_of
from server.costs.spent import Sums, spent_before
from server.models.away import is_deadlock
from server.models.enums import BudgetAction, BudgetScope, ExecutionStatus
from server.models.tables import (
    Budget,
    BudgetCounter,
    BudgetHold,
    BudgetNotice,
    Execution,
    Workspace,
)
from server.workspaces.notifications import Notifier

FRESH_SECONDS = 2.0
ORPHAN_SECONDS = 30.0
DEADLOCK_TRIES = 5
# A limit of each execution has a counter for each of them; the rows know them all.
MOST_COUNTERS = 10_000
THRESHOLDS = (50, 75, 90, 100)


@dataclass(frozen=True, slots=True)
class Spender:
    """Who spends: `root` is the execution that this one was started for, itself at the top.
    `runs`: False for what no execution spends."""

    workspace_id: UUID
    bot_id: UUID
    execution_id: UUID
    attempt: int
    user_id: UUID | None = None
    root: UUID | None = None
    runs: bool = True


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget as it concerns one call, with the counter of its present period."""

    budget_id: UUID
    counter_id: UUID
    name: str
    limit_nano: int
    action: BudgetAction
    ends: datetime | None

    @property
    def hard(self) -> bool:
        return self.action is not BudgetAction.WARN


@dataclass(frozen=True, slots=True)
class Held:
    call_id: UUID


@dataclass(frozen=True, slots=True)
class Full:
    """Not enough is left. `reserved_nano` is set aside for other calls and may come back."""

    limit: Limit
    left_nano: int
    reserved_nano: int
    spent_nano: int


class _NotEnough(Exception):
    def __init__(self, limit: Limit) -> None:
        super().__init__()
        self.limit = limit


@dataclass(frozen=True, slots=True)
class _Known:
    at: datetime
    budgets: tuple[Budget, ...]
    zone: str


class Budgets:
    """Reads a workspace's budgets at most once in two seconds; without one nothing is written."""

    def __init__(self, clock: Clock, notifier: Notifier | None = None) -> None:
        self._clock = clock
        self._notifier = notifier
        self._known: dict[UUID, _Known] = {}
        self._reading = SingleFlight[UUID, _Known](self._known.__setitem__)
        self._counters: dict[tuple[UUID, str], UUID] = {}
        self.settled = asyncio.Event()
        self.sums = Sums(clock)

    def forget(self, workspace_id: UUID) -> None:
        self._known.pop(workspace_id, None)
        self._reading.forget(workspace_id)

    async def limits(self, spender: Spender) -> list[Limit]:
        """Those that this call counts for, in the one order in which counters are taken."""
        known = await self._of(spender.workspace_id)
        found = [budget for budget in known.budgets if _concerns(budget, spender)]
        limits = [await self._limit(budget, known.zone, spender) for budget in found]
        return sorted(limits, key=lambda limit: limit.counter_id)

    async def has_any(self, workspace_id: UUID) -> bool:
        return bool((await self._of(workspace_id)).budgets)

    async def zone(self, workspace_id: UUID) -> str:
        """Where the days of its budgets begin. Another process may have just made the first."""
        known = await self._of(workspace_id)
        return known.zone if known.budgets else await _zone_of(workspace_id)

    async def each_execution(self, workspace_id: UUID) -> bool:
        known = await self._of(workspace_id)
        return any(one.scope is BudgetScope.EXECUTION for one in known.budgets)

    async def hold(self, spender: Spender, limits: list[Limit], nano: int) -> Held | Full:
        """All of them or none."""
        call_id, now = new_uuid(), self._clock.now()
        holds = [
            BudgetHold(
                counter_id=limit.counter_id,
                call_id=call_id,
                execution_id=spender.execution_id,
                attempt=spender.attempt,
                amount_nano=nano,
                created_at=now,
            )
            for limit in limits
        ]

        async def take() -> None:
            for limit in limits:
                await self._take(limit, nano)
            await BudgetHold.bulk_create(holds)

        try:
            await _in_transaction(take)
        except _NotEnough as short:
            return await _full(short.limit)
        return Held(call_id)

    async def settle(self, call_id: UUID, nano: int) -> None:
        """Once; a second time changes nothing."""

        noted: list[BudgetNotice] = []

        async def spend() -> None:
            noted.clear()
            for hold in await BudgetHold.filter(call_id=call_id).order_by("counter_id"):
                if await BudgetHold.filter(id=hold.id).delete():
                    noted.extend(await self._spend(hold, nano))

        await _in_transaction(spend)
        self.settled.set()
        self.settled = asyncio.Event()
        await self.tell(noted)

    async def tell(self, noted: list[BudgetNotice]) -> None:
        """After the commit: thresholds that were passed are among people's notifications."""
        if noted and self._notifier is not None:
            await telling.tell(self._notifier, noted)

    async def tell_recent(self) -> None:
        if self._notifier is not None:
            await telling.tell_recent(self._notifier, self._clock.now())

    async def settle_lost(self) -> int:
        """What workers that were lost had set aside."""
        before = self._clock.now() - timedelta(seconds=ORPHAN_SECONDS)
        holds = await BudgetHold.filter(created_at__lt=before).limit(500)
        rows = await Execution.filter(id__in=list({one.execution_id for one in holds})).only(
            "id", "status", "attempt"
        )
        running = {row.id: row.attempt for row in rows if row.status is ExecutionStatus.RUNNING}
        lost = [one for one in holds if running.get(one.execution_id) != one.attempt]
        for call_id, nano in {one.call_id: one.amount_nano for one in lost}.items():
            await self.settle(call_id, nano)
        return len(lost)

    async def _take(self, limit: Limit, nano: int) -> None:
        row = BudgetCounter.filter(id=limit.counter_id)
        if limit.hard:
            row = row.filter(left_nano__gte=nano)
        taken = await row.update(
            reserved_nano=F("reserved_nano") + nano, left_nano=F("left_nano") - nano
        )
        if not taken:
            raise _NotEnough(limit)

    async def _spend(self, hold: BudgetHold, nano: int) -> list[BudgetNotice]:
        back = hold.amount_nano - nano
        await BudgetCounter.filter(id=hold.counter_id).update(
            spent_nano=F("spent_nano") + nano,
            reserved_nano=F("reserved_nano") - hold.amount_nano,
            left_nano=F("left_nano") + back,
        )
        return await note_thresholds(hold.counter_id, self._clock.now())

    async def _of(self, workspace_id: UUID) -> _Known:
        now = self._clock.now()
        known = self._known.get(workspace_id)
        if known is not None and 0 <= (now - known.at).total_seconds() < FRESH_SECONDS:
            return known
        return await self._reading.get(workspace_id, lambda: self._read(workspace_id, now))

    async def _read(self, workspace_id: UUID, now: datetime) -> _Known:
        rows = await Budget.filter(workspace_id=workspace_id, deleted_at=None).order_by("id")
        zone = await _zone_of(workspace_id) if rows else "UTC"
        return _Known(now, tuple(rows), zone)

    async def _limit(self, budget: Budget, zone: str, spender: Spender) -> Limit:
        window = window_for(budget, zone, self._clock.now(), spender.root or spender.execution_id)
        key = (budget.id, window.key)
        counter_id = self._counters.get(key)
        if counter_id is None:
            if len(self._counters) >= MOST_COUNTERS:
                self._counters.clear()
            counter_id = self._counters[key] = (await counter_of(budget, window, self._clock)).id
        return Limit(
            budget.id, counter_id, budget.name, budget.limit_nano, budget.action, window.ends
        )


async def _zone_of(workspace_id: UUID) -> str:
    return (await Workspace.get(id=workspace_id).only("id", "timezone")).timezone


async def _in_transaction(body: Callable[[], Awaitable[None]]) -> None:
    for tries_left in range(DEADLOCK_TRIES, -1, -1):
        try:
            async with in_transaction():
                return await body()
        except Exception as error:
            if not is_deadlock(error) or not tries_left:
                raise
            await asyncio.sleep(random.uniform(0.005, 0.05))


def window_for(budget: Budget, zone: str, now: datetime, execution_id: UUID) -> Window:
    """A limit of each execution is counted for each of them."""
    if budget.scope is BudgetScope.EXECUTION:
        return Window(f"execution {execution_id}")
    return window_of(budget.period, zone, now)


async def counter_of(budget: Budget, window: Window, clock: Clock) -> BudgetCounter:
    """Made with the first call of a period, and then begins with what was spent in it before. The
    budget's row is locked meanwhile: its limit may be changing."""
    found = await BudgetCounter.get_or_none(budget_id=budget.id, window=window.key)
    if found is not None:
        return found
    try:
        async with in_transaction():
            fresh = await Budget.filter(id=budget.id).select_for_update().get()
            found = await BudgetCounter.get_or_none(budget_id=budget.id, window=window.key)
            if found is not None:
                return found
            spent = await spent_before(fresh, window)
            counter = await BudgetCounter.create(
                budget_id=budget.id,
                window=window.key,
                starts_at=window.starts,
                ends_at=window.ends,
                spent_nano=spent,
                left_nano=fresh.limit_nano - spent,
            )
            await note_thresholds(counter.id, clock.now())
    except IntegrityError:  # another worker was faster
        return await BudgetCounter.get(budget_id=budget.id, window=window.key)
    return counter


async def note_thresholds(counter_id: UUID, now: datetime) -> list[BudgetNotice]:
    """One notice for each threshold of each period, whoever gets there first."""
    counter = await BudgetCounter.get(id=counter_id).prefetch_related("budget")
    budget = counter.budget
    reached = [
        percent
        for percent in THRESHOLDS
        if percent > counter.told_percent
        and counter.spent_nano * 100 >= budget.limit_nano * percent
    ]
    if not reached:
        return []
    first = await BudgetCounter.filter(id=counter_id, told_percent__lt=reached[-1]).update(
        told_percent=reached[-1]
    )
    return [await _noted(counter, percent, now) for percent in reached] if first else []


async def _noted(counter: BudgetCounter, percent: int, now: datetime) -> BudgetNotice:
    return await BudgetNotice.create(
        workspace_id=counter.budget.workspace_id,
        budget_id=counter.budget_id,
        window=counter.window,
        percent=percent,
        spent_nano=counter.spent_nano,
        limit_nano=counter.budget.limit_nano,
        created_at=now,
    )


async def _full(limit: Limit) -> Full:
    row = await BudgetCounter.get(id=limit.counter_id)
    return Full(limit, row.left_nano, row.reserved_nano, row.spent_nano)


def _concerns(budget: Budget, spender: Spender) -> bool:
    if budget.bot_id is not None and budget.bot_id != spender.bot_id:
        return False
    if budget.scope is BudgetScope.EXECUTION and not spender.runs:
        return False
    return budget.scope is not BudgetScope.USER or budget.user_id == spender.user_id
