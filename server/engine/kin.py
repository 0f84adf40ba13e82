"""What the end of an execution means for its relatives: the parent goes on, children end too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from server.bus.queue import Queue
from server.core.ids import read_id
from server.engine.store import Commit, ExecutionChange, Fenced, Store
from server.models.enums import FINAL_STATUSES, ExecutionStatus, TriggerKind
from server.models.tables import Execution

TRIES = 3
OPEN = frozenset(ExecutionStatus) - FINAL_STATUSES
REASON = "The execution that started it has ended."

Cancel = Callable[[UUID, UUID, str | None, str | None], Awaitable[bool]]


class Kin:
    """`nudge` tells a run of this process to look again; `cancel` ends an execution."""

    def __init__(
        self, store: Store, queue: Queue, nudge: Callable[[UUID], None], cancel: Cancel
    ) -> None:
        self._store = store
        self._queue = queue
        self._nudge = nudge
        self._cancel = cancel

    async def ended(self, execution_id: UUID, trigger: dict[str, Any], *, spawned: bool) -> None:
        """After the end of an execution is stored. What a lost process leaves undone here is done
        when the parent looks by itself."""
        if spawned:
            await self.cancel_children(execution_id, REASON)
        parent = parent_of(trigger)
        if parent is not None:
            await self.wake(parent)

    async def cancel_children(
        self, execution_id: UUID, reason: str | None, by: str | None = None
    ) -> None:
        rows = Execution.filter(parent_id=execution_id, status__in=list(OPEN))
        for row in await rows.only("id", "workspace_id"):
            await self._cancel(row.workspace_id, row.id, reason, by)

    async def wake(self, execution_id: UUID) -> None:
        """A waiting execution is due now; a running one will not begin to wait."""
        for _ in range(TRIES):  # it may begin to wait or to run between the two looks
            row = await Execution.get_or_none(id=execution_id).only("status", "waiting_reason")
            if row is None or row.status not in (ExecutionStatus.RUNNING, ExecutionStatus.WAITING):
                return
            change = ExecutionChange(nudge=True)
            if row.status is ExecutionStatus.WAITING:
                change = ExecutionChange(
                    status=row.status, waiting_reason=row.waiting_reason, due_in=0.0
                )
            try:
                await self._store.commit(
                    Commit(execution_id, change=change, while_in=frozenset({row.status}))
                )
            except Fenced:
                continue
            self._nudge(execution_id)
            self._queue.ready(str(execution_id))
            return


def parent_of(trigger: dict[str, Any]) -> UUID | None:
    if trigger.get("kind") != TriggerKind.PARENT.value:
        return None
    return read_id("execution", trigger["data"]["executionId"])
