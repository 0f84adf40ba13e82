"""A pause reaches the executions that an execution has started, as a cancel does: they hold with
it, go on with it, and a step of the one is a step of the other. What a person paused by itself
stays as it is."""

from __future__ import annotations

from uuid import UUID

from server.bus.turns import Ready
from server.engine.control import OPEN, Control, Target
from server.engine.stepping import HELD, WITH_PARENT
from server.models.enums import ExecutionStatus
from server.models.tables import Execution, Step

LOOKED_AT = ("id", "workspace_id", "bot_id", "status", "control", "priority")
PAUSED = ExecutionStatus.PAUSED


class Holding:
    """Each answers whether it was done to the execution itself."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def pause(
        self, target: Target, reason: str | None, by: str | None, *, with_parent: bool = False
    ) -> bool:
        if not await self._control.pause(target, reason, by, with_parent=with_parent):
            return False
        await self.pause_children(target.workspace_id, target.execution_id, reason, by)
        return True

    async def pause_children(
        self, workspace_id: UUID, execution_id: UUID, reason: str | None, by: str | None
    ) -> None:
        for child in await _open_children(workspace_id, execution_id):
            if child.status is not PAUSED and not child.control:
                target = Target(workspace_id, child.id)
                await self.pause(target, reason or WITH_PARENT, by, with_parent=True)

    async def resume(self, row: Execution, reason: str | None, by: str | None) -> bool:
        """Its children first: whoever is broken off in the middle can resume it once more."""
        if row.status is PAUSED or row.control:
            for child in await _held_children(row):
                await self.resume(child, reason, by)
        if row.status is not PAUSED and row.control:
            target = Target(row.workspace_id, row.id)
            if await self._control.take_back_pause(target, reason, by):
                return True
        return await self._control.resume(_ready(row), reason, by)

    async def step(self, row: Execution, reason: str | None, by: str | None) -> bool:
        """Of one that waits for held children: an action of the eldest that can take one."""
        for child in await _held_children(row) if row.status is PAUSED else ():
            if child.status is PAUSED and await self.step(child, reason, by):
                return True
        return await self._control.step(_ready(row), reason, by)


async def _open_children(workspace_id: UUID, execution_id: UUID) -> list[Execution]:
    rows = Execution.filter(
        workspace_id=workspace_id, parent_id=execution_id, status__in=list(OPEN)
    )
    return await rows.order_by("id").only(*LOOKED_AT)


async def _held_children(row: Execution) -> list[Execution]:
    """Those that hold because of it, and not because of a person who paused just them."""
    children = await _open_children(row.workspace_id, row.id)
    ids = [child.id for child in children if child.status is PAUSED or child.control]
    if not ids:
        return []
    marks = Step.filter(execution_id__in=ids, key=HELD).only("id", "execution_id", "output")
    with_parent = {mark.execution_id for mark in await marks if mark.output}
    return [child for child in children if child.id in with_parent]


def _ready(row: Execution) -> Ready:
    return Ready(row.id, row.workspace_id, row.bot_id, row.priority)
