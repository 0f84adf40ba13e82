"""What a budget's period has cost by the rows, while it has no counter yet: one is made with the
first call. Looking writes nothing, and however often one looks, the rows are summed twice a minute.
Each of the sums begins in an index: at the workspace's rows of that period."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tortoise.functions import Sum

from server.core.clock import Clock
from server.core.ids import uuid_at
from server.costs.periods import Window
from server.models.enums import BudgetScope
from server.models.tables import Budget, Execution, Usage

# Without a counter no call was made under the budget, so the sum hardly changes.
REMEMBERED_SECONDS: Final = 30.0
MOST_REMEMBERED: Final = 1_000
# An id is made a moment before or after the row's own time.
_ID_MARGIN: Final = timedelta(hours=1)


class Sums:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[UUID, Window], tuple[datetime, int]] = {}

    async def of(self, budget: Budget, window: Window) -> int:
        now, key = self._clock.now(), (budget.id, window)
        at, nano = self._known.get(key, (None, 0))
        if at is not None and 0 <= (now - at).total_seconds() < REMEMBERED_SECONDS:
            return nano
        nano = await spent_before(budget, window)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = (now, nano)
        return nano


async def spent_before(budget: Budget, window: Window) -> int:
    if budget.scope is BudgetScope.USER:
        return await _spent_by(budget, window)
    rows = Usage.filter(workspace_id=budget.workspace_id)
    if window.starts is not None:
        rows = rows.filter(created_at__gte=window.starts)
    if budget.scope is BudgetScope.EXECUTION:
        rows = rows.filter(execution_id=UUID(window.key.removeprefix("execution ")))
    if budget.bot_id is not None:
        rows = rows.filter(bot_id=budget.bot_id)
    return await _sum(rows)


async def _spent_by(budget: Budget, window: Window) -> int:
    """Usage rows do not name a person; their executions do, with their totals."""
    rows = Execution.filter(workspace_id=budget.workspace_id, created_by_id=budget.user_id)
    if window.starts is not None:
        first = uuid_at(window.starts - _ID_MARGIN)
        rows = rows.filter(id__gte=first, created_at__gte=window.starts)
    return await _sum(rows)


async def _sum(rows: Any) -> int:
    found: list[dict[str, Any]] = await rows.annotate(sum=Sum("cost_nano")).values("sum")
    return int(found[0]["sum"] or 0) if found else 0
