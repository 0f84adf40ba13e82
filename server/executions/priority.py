"""Which execution goes before which: given at the start, and changed while it does not run."""

from __future__ import annotations

from uuid import UUID

from server.bus.turns import HIGHEST, LOWEST, PRIORITIES
from server.core.errors import Invalid, InvalidState
from server.engine.control import Target
from server.engine.engine import Engine
from server.models.tables import Execution
from server.workspaces.access import Viewer, one_of_mine, require


def checked_priority(priority: int) -> int:
    if priority not in PRIORITIES:
        message = f"A priority is {LOWEST} to {HIGHEST}; {HIGHEST} goes first."
        raise Invalid(message, path=["priority"])
    return priority


async def set_priority(
    viewer: Viewer, engine: Engine, execution_id: UUID, priority: int
) -> Execution:
    """What runs has its place already; what it starts later would not hear of it."""
    require(viewer, "executions:control")
    row = await one_of_mine(viewer, Execution, execution_id, "execution")
    checked_priority(priority)
    target = Target(row.workspace_id, row.id)
    done = await engine.control.prioritize(target, row.bot_id, priority, viewer.email)
    row = await one_of_mine(viewer, Execution, execution_id, "execution")
    if not done:
        message = f"This execution is {row.status.value}; nothing was changed."
        raise InvalidState(message, hint="The priority of what waits can be changed.")
    return row
