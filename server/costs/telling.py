"""Who has to know that a budget has passed a threshold: owners and admins, and the person whose own
budget it is, among their notifications."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from server.core.ids import public_id
from server.core.money import to_decimal_text
from server.models.enums import BudgetAction, BudgetScope, Priority, Role
from server.models.tables import Budget, BudgetNotice
from server.workspaces.addressees import addressees
from server.workspaces.notifications import News, Notifier

PLACE = "/costs"
# A process may have died between a notice and its telling.
AGAIN_SECONDS = 300

_AT_THE_LIMIT = {
    BudgetAction.WARN: "Work goes on.",
    BudgetAction.ASK: "Executions wait until the budget is raised or a new period begins.",
    BudgetAction.STOP: "Steps that would cost more fail until the budget is raised or a new period "
    "begins.",
}


async def tell(notifier: Notifier, noted: Iterable[BudgetNotice]) -> None:
    """Whoever passes several thresholds with one call is told of the highest."""
    highest: dict[tuple[UUID, str], BudgetNotice] = {}
    for one in sorted(noted, key=lambda notice: notice.percent):
        highest[one.budget_id, one.window] = one
    for one in highest.values():
        budget = await Budget.get(id=one.budget_id)
        if budget.scope is not BudgetScope.EXECUTION or one.percent == 100:
            await notifier.tell(_news(budget, one), await _concerned(budget))


async def tell_recent(notifier: Notifier, now: datetime) -> None:
    """A person is told of each only once, so that telling again does no harm."""
    since = now - timedelta(seconds=AGAIN_SECONDS)
    if noted := await BudgetNotice.filter(created_at__gte=since):
        await tell(notifier, noted)


async def _concerned(budget: Budget) -> list[UUID]:
    found = await addressees(budget.workspace_id, Role.ADMIN.value)
    if budget.scope is BudgetScope.USER and budget.user_id is not None:
        found.append(budget.user_id)
    return list(dict.fromkeys(found))


def _news(budget: Budget, notice: BudgetNotice) -> News:
    spent, limit = to_decimal_text(notice.spent_nano, 4), to_decimal_text(notice.limit_nano, 4)
    message = f"{spent} of {limit} US dollars are spent."
    if notice.percent == 100:
        message += f" {_AT_THE_LIMIT[budget.action]}"
    return News(
        budget.workspace_id,
        f"budget:{budget.id}:{notice.window}:{notice.percent}",
        f"The budget “{budget.name}” has reached {notice.percent} %",
        message,
        Priority.HIGH if notice.percent >= 90 else Priority.NORMAL,
        budget.bot_id,
        _source(budget, notice),
    )


def _source(budget: Budget, notice: BudgetNotice) -> dict[str, object]:
    source: dict[str, object] = {
        "kind": "budget",
        "budgetId": public_id("budget", budget.id),
        "percent": notice.percent,
        "path": PLACE,
    }
    if budget.scope is BudgetScope.EXECUTION:
        execution = UUID(notice.window.removeprefix("execution "))
        source["executionId"] = public_id("execution", execution)
    return source
