"""Which budgets a run would probably pass, told before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from server.costs.service import Office, concerning, standings_of
from server.models.enums import BudgetAction
from server.workspaces.access import Viewer, require


@dataclass(frozen=True, slots=True)
class Passed:
    """`left_nano` is what is left now, beside what calls under way have set aside."""

    name: str
    action: BudgetAction
    left_nano: int
    ends_at: datetime | None


async def would_pass(viewer: Viewer, office: Office, bot_id: UUID, nano: int) -> list[Passed]:
    """The one with the least room first. A spent budget that stops lets nothing begin, not even
    what is free."""
    require(viewer, "executions:read")
    if not await office.budgets.has_any(viewer.workspace_id):
        return []
    found: list[Passed] = []
    rows = await concerning(viewer, bot_id)
    standings = await standings_of(viewer, office, rows)
    for row in rows:
        now = standings[row.id]
        left, ends = row.limit_nano - now.spent_nano - now.reserved_nano, now.ends_at
        if nano > left or (left <= 0 and row.action is BudgetAction.STOP):
            found.append(Passed(row.name, row.action, left, ends))
    return sorted(found, key=lambda one: one.left_nano)
