"""Budgets as people see them: made, changed, adjusted, looked at. Whatever gives room again wakes
the executions that wait for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from tortoise.expressions import F
from tortoise.transactions import in_transaction

from server.core.clock import Clock
from server.core.errors import BudgetExceeded, Conflict, Invalid, NotFound
from server.core.ids import new_uuid
from server.core.money import from_decimal, to_decimal_text
from server.costs.budgets import Budgets, counter_of, note_thresholds, window_for
from server.models.enums import (
    BudgetAction,
    BudgetPeriod,
    BudgetScope,
    ExecutionStatus,
    WaitingReason,
)
from server.models.tables import (
    Bot,
    Budget,
    BudgetCounter,
    BudgetNotice,
    Execution,
    Member,
    Workspace,
)
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, one_of_mine, require
from server.workspaces.listing import Page, PageAsk, read_page

MOST_DOLLARS = Decimal(10_000_000)
MOST_BUDGETS = 200
Wake = Callable[[UUID], Awaitable[None]]


class StaleBudget(Conflict):
    """Somebody else changed this budget in the meantime; load it again."""

    def __init__(self, current_version: int) -> None:
        super().__init__(path=["expectedVersion"])
        self.current_version = current_version


class BudgetSpent(BudgetExceeded):
    """The budget is spent."""

    def __init__(self, name: str, limit_nano: int, spent_nano: int) -> None:
        limit, spent = to_decimal_text(limit_nano, 4), to_decimal_text(spent_nano, 4)
        super().__init__(
            f"The budget “{name}” is spent: {spent} of {limit} US dollars.",
            hint="Raise it under Costs, or wait until it begins anew.",
        )
        self.limit_nano = limit_nano
        self.spent_nano = spent_nano


@dataclass(frozen=True, slots=True)
class Office:
    """What the work with budgets needs."""

    budgets: Budgets
    clock: Clock
    wake: Wake


@dataclass(frozen=True, slots=True)
class NewBudget:
    limit: Decimal
    scope: BudgetScope = BudgetScope.WORKSPACE
    period: BudgetPeriod = BudgetPeriod.MONTH
    action: BudgetAction = BudgetAction.STOP
    name: str = ""
    bot_id: UUID | None = None
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class BudgetChange:
    """None leaves a part as it is."""

    name: str | None = None
    limit: Decimal | None = None
    action: BudgetAction | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a budget stands in its present period. A limit of each execution has no one counter."""

    spent_nano: int = 0
    reserved_nano: int = 0
    starts_at: Any = None
    ends_at: Any = None


Standings = dict[UUID, Standing]


async def create(viewer: Viewer, office: Office, given: NewBudget) -> Budget:
    require(viewer, "costs:write")
    if await _living(viewer).count() >= MOST_BUDGETS:
        raise Invalid(f"A workspace has at most {MOST_BUDGETS} budgets.")
    bot, person = await _subjects(viewer, given)
    row = Budget(
        id=new_uuid(),
        workspace_id=viewer.workspace_id,
        name=_checked_name(given.name or _usual_name(given, bot, person)),
        scope=given.scope,
        bot_id=given.bot_id,
        user_id=given.user_id if given.scope is BudgetScope.USER else None,
        period=BudgetPeriod.TOTAL if given.scope is BudgetScope.EXECUTION else given.period,
        limit_nano=_nano(given.limit),
        action=given.action,
    )
    async with in_transaction():
        await row.save(force_create=True)
        await _audit(viewer, "budget.created", row, None, _facts(row))
    office.budgets.forget(viewer.workspace_id)
    return row


async def update(
    viewer: Viewer,
    office: Office,
    budget_id: UUID,
    change: BudgetChange,
    expected_version: int | None = None,
) -> Budget:
    """A new limit counts at once, also for what is spent already."""
    require(viewer, "costs:write")
    row = await _one(viewer, budget_id)
    if expected_version not in (None, row.version):
        raise StaleBudget(row.version)
    before, version, old_limit = _facts(row), row.version, row.limit_nano
    row.name = _checked_name(change.name) if change.name is not None else row.name
    row.limit_nano = _nano(change.limit) if change.limit is not None else row.limit_nano
    row.action = change.action or row.action
    row.version = version + 1
    async with in_transaction():
        fresh = await _living(viewer).filter(id=row.id, version=version).select_for_update().first()
        if fresh is None:
            raise StaleBudget((await _one(viewer, budget_id)).version)
        await row.save()
        more = row.limit_nano - old_limit
        await BudgetCounter.filter(budget_id=row.id).update(left_nano=F("left_nano") + more)
        await _audit(viewer, "budget.changed", row, before, _facts(row))
    await _room_again(viewer, office)
    return row


async def adjust(
    viewer: Viewer, office: Office, budget_id: UUID, amount: Decimal, reason: str
) -> Budget:
    """Corrects what counts as spent in the present period: less after a refund, more for what was
    spent elsewhere."""
    require(viewer, "costs:write")
    row = await _one(viewer, budget_id)
    if not reason.strip():
        raise Invalid("Say why what was spent is corrected.", path=["reason"])
    if row.scope is BudgetScope.EXECUTION:
        raise Invalid("A limit of each execution has no sum to correct; change its limit.")
    nano = _checked_amount(amount)
    counter = await _counter(row, office)
    async with in_transaction():
        await BudgetCounter.filter(id=counter.id).update(
            spent_nano=F("spent_nano") + nano, left_nano=F("left_nano") - nano
        )
        noted = await note_thresholds(counter.id, office.clock.now())
        facts = {"spent": counter.spent_nano, "window": counter.window}
        after = {"spent": counter.spent_nano + nano, "window": counter.window}
        await _audit(viewer, "budget.adjusted", row, facts, after, reason.strip())
    await office.budgets.tell(noted)
    await _room_again(viewer, office)
    return row


async def delete(viewer: Viewer, office: Office, budget_id: UUID) -> Budget:
    require(viewer, "costs:write")
    row = await _one(viewer, budget_id)
    row.deleted_at = office.clock.now()
    async with in_transaction():
        await row.save(update_fields=["deleted_at", "updated_at"])
        await _audit(viewer, "budget.deleted", row, _facts(row), None)
    await _room_again(viewer, office)
    return row


async def get(viewer: Viewer, budget_id: UUID) -> Budget:
    require(viewer, "costs:read")
    return await _one(viewer, budget_id)


async def list_budgets(viewer: Viewer, ask: PageAsk | None = None) -> Page[Budget]:
    require(viewer, "costs:read")
    return await read_page(_living(viewer), ask or PageAsk(), descending=False)


async def notices(viewer: Viewer, ask: PageAsk | None = None) -> Page[BudgetNotice]:
    """Thresholds that were passed, the latest first."""
    require(viewer, "costs:read")
    return await read_page(mine(viewer, BudgetNotice), ask or PageAsk())


async def notice(viewer: Viewer, notice_id: UUID) -> BudgetNotice:
    require(viewer, "costs:read")
    return await one_of_mine(viewer, BudgetNotice, notice_id, "notice")


async def standing(viewer: Viewer, office: Office, row: Budget) -> Standing:
    return (await standings(viewer, office, [row]))[row.id]


async def standings(viewer: Viewer, office: Office, rows: Sequence[Budget]) -> Standings:
    require(viewer, "costs:read")
    return await standings_of(viewer, office, rows)


async def standings_of(viewer: Viewer, office: Office, rows: Sequence[Budget]) -> Standings:
    """Looks and writes nothing: a counter is made with the first call of a period."""
    found = {row.id: Standing() for row in rows}
    counted = [row for row in rows if row.scope is not BudgetScope.EXECUTION]
    if not counted:
        return found
    zone, now = await office.budgets.zone(viewer.workspace_id), office.clock.now()
    windows = {row.id: window_for(row, zone, now, row.id) for row in counted}
    keys = {window.key for window in windows.values()}
    counters = {
        (one.budget_id, one.window): one
        for one in await BudgetCounter.filter(budget_id__in=list(windows), window__in=list(keys))
    }
    for row in counted:
        window = windows[row.id]
        counter = counters.get((row.id, window.key))
        found[row.id] = (
            Standing(await office.budgets.sums.of(row, window), 0, window.starts, window.ends)
            if counter is None
            else Standing(
                counter.spent_nano, counter.reserved_nano, counter.starts_at, counter.ends_at
            )
        )
    return found


async def refuse_if_spent(viewer: Viewer, office: Office, bot_id: UUID) -> None:
    """Before a start: nothing begins that a spent budget would stop at its first call."""
    if not await office.budgets.has_any(viewer.workspace_id):
        return
    stops = [row for row in await concerning(viewer, bot_id) if row.action is BudgetAction.STOP]
    found = await standings_of(viewer, office, stops)
    for row in stops:
        if (spent := found[row.id].spent_nano) >= row.limit_nano:
            await _counter(row, office)  # with it come the notices, where no call makes it any more
            raise BudgetSpent(row.name, row.limit_nano, spent)


async def concerning(viewer: Viewer, bot_id: UUID) -> list[Budget]:
    """The budgets that a run of the bot by the viewer counts for."""
    return [
        row
        for row in await _living(viewer)
        if row.bot_id in (None, bot_id)
        and (row.scope is not BudgetScope.USER or row.user_id == viewer.user_id)
    ]


def _living(viewer: Viewer) -> Any:
    """Budgets of the whole workspace too: a token for some bots sees what limits them."""
    return Budget.filter(workspace_id=viewer.workspace_id, deleted_at=None)


async def _one(viewer: Viewer, budget_id: UUID) -> Budget:
    row = await _living(viewer).get_or_none(id=budget_id)
    if row is None:
        raise NotFound.of("budget")
    return row


async def _counter(row: Budget, office: Office) -> BudgetCounter:
    zone = (await Workspace.get(id=row.workspace_id).only("id", "timezone")).timezone
    return await counter_of(row, window_for(row, zone, office.clock.now(), row.id), office.clock)


async def _subjects(viewer: Viewer, given: NewBudget) -> tuple[str, str]:
    """The names of the bot and of the person; both must be of this workspace."""
    bot = person = ""
    if given.scope is BudgetScope.BOT and given.bot_id is None:
        raise Invalid("Say which bot the budget is for.", path=["botId"])
    if given.scope is BudgetScope.USER and given.user_id is None:
        raise Invalid("Say whose budget it is.", path=["userId"])
    if given.bot_id is not None:
        bot = (await one_of_mine(viewer, Bot, given.bot_id, "bot")).name
    if given.scope is BudgetScope.USER:
        member = await Member.get_or_none(
            workspace_id=viewer.workspace_id, user_id=given.user_id
        ).prefetch_related("user")
        if member is None:
            raise NotFound("There is no such user.", path=["userId"])
        person = member.user.name or member.user.email
    return bot, person


async def _room_again(viewer: Viewer, office: Office) -> None:
    office.budgets.forget(viewer.workspace_id)
    waiting = Execution.filter(
        workspace_id=viewer.workspace_id,
        status__in=[ExecutionStatus.WAITING, ExecutionStatus.RUNNING],
    )
    for row in await waiting.only("id", "status", "waiting_reason"):
        if row.status is ExecutionStatus.WAITING and row.waiting_reason is not WaitingReason.BUDGET:
            continue
        await office.wake(row.id)


def _usual_name(given: NewBudget, bot: str, person: str) -> str:
    whose = {
        BudgetScope.WORKSPACE: "Everything",
        BudgetScope.BOT: bot,
        BudgetScope.USER: person,
        BudgetScope.EXECUTION: f"Each execution of {bot}" if bot else "Each execution",
    }[given.scope]
    each = "" if given.scope is BudgetScope.EXECUTION else f", {_PERIODS[given.period]}"
    return f"{whose}{each}"[:200]


_PERIODS = {
    BudgetPeriod.DAY: "a day",
    BudgetPeriod.WEEK: "a week",
    BudgetPeriod.MONTH: "a month",
    BudgetPeriod.YEAR: "a year",
    BudgetPeriod.TOTAL: "in all",
}


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise Invalid("Give it a name of 1 to 200 characters.", path=["name"])
    return name


def _nano(limit: Decimal) -> int:
    if not Decimal(0) < limit <= MOST_DOLLARS:
        raise Invalid(f"A limit is above 0 and at most {MOST_DOLLARS}.", path=["limit"])
    return from_decimal(limit)


def _checked_amount(amount: Decimal) -> int:
    if not -MOST_DOLLARS <= amount <= MOST_DOLLARS or amount == 0:
        raise Invalid("Give the amount that is added to what is spent.", path=["amount"])
    return from_decimal(amount)


def _facts(row: Budget) -> dict[str, Any]:
    return {
        "name": row.name,
        "scope": row.scope.value,
        "period": row.period.value,
        "limit": to_decimal_text(row.limit_nano),
        "action": row.action.value,
    }


async def _audit(
    viewer: Viewer,
    action: str,
    row: Budget,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    reason: str | None = None,
) -> None:
    subject = audit.Subject("budget", row.id, row.name)
    await audit.record(viewer, action, subject, audit.Change(before, after, reason))
