"""What the end of an execution means for its relatives: the parent goes on, children end too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from server.bus.queue import Queue
from server.bus.turns import Ready
from server.core.clock import Clock
from server.engine.pool import parent_of
from server.engine.store import Commit, ExecutionChange, Fenced, Store
from server.models.enums import FINAL_STATUSES, ExecutionStatus
from server.models.tables import Execution


def _listed(statuses: Iterable[ExecutionStatus]) -> str:
    return ", ".join(f"'{status.value}'" for status in sorted(statuses))


TRIES = 3
LOOKED_AT = (
    *("id", "workspace_id", "bot_id", "status", "waiting_reason", "due_at", "nudged"),
    "priority",
)
OPEN = frozenset(ExecutionStatus) - FINAL_STATUSES
REASON = "The execution that started it has ended."
STEP_ENDED = "The step that started it has ended."
KEYS_AT_ONCE = 500

ORPHANS = f"""SELECT c.id, c.workspace_id FROM workspaces w
JOIN executions c ON c.workspace_id = w.id AND c.status IN ({_listed(OPEN)})
JOIN executions p ON p.id = c.parent_id
WHERE c.cancel_requested_at IS NULL AND p.status IN ({_listed(FINAL_STATUSES)})
LIMIT 200"""

Cancel = Callable[[UUID, UUID, str | None, str | None], Awaitable[bool]]


class Kin:
    """`nudge` tells a run of this process to look again; `cancel` ends an execution."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        clock: Clock,
        nudge: Callable[[UUID], None],
        cancel: Cancel,
    ) -> None:
        self._store = store
        self._clock = clock
        self._queue = queue
        self._nudge = nudge
        self._cancel = cancel

    async def ended(self, execution_id: UUID, trigger: dict[str, Any], *, spawned: bool) -> None:
        """After the end of an execution is stored. The same commit has made the parent due already,
        unless both were in one; what is left is to be quick."""
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

    async def end_born(self, workspace_id: UUID, keys: Sequence[str]) -> None:
        """Children whose step has ended without them."""
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = list(keys[start : start + KEYS_AT_ONCE])
            born = Execution.filter(workspace_id=workspace_id, idempotency_key__in=some)
            left = born.filter(status__in=list(OPEN), cancel_requested_at=None)
            for row in await left.only("id"):
                await self._cancel(workspace_id, row.id, STEP_ENDED, None)

    async def end_orphans(self) -> None:
        """A process may have died between the end of an execution and that of its children."""
        for workspace_id, child_id in await _orphans():
            await self._cancel(workspace_id, child_id, REASON, None)

    async def cancelled(self, execution_id: UUID, reason: str | None, by: str | None) -> None:
        """After a cancel was asked for from outside. One that stood still has ended with it."""
        await self.cancel_children(execution_id, reason, by)
        row = await Execution.get(id=execution_id).only("status", "parent_id")
        if row.parent_id is not None and row.status.final:
            await self.wake(row.parent_id)

    async def wake(self, execution_id: UUID) -> None:
        """A waiting execution is due now; a running one will not begin to wait."""
        for _ in range(TRIES):  # it may begin to wait or to run between the two looks
            row = await Execution.get_or_none(id=execution_id).only(*LOOKED_AT)
            if row is None or row.status not in (ExecutionStatus.RUNNING, ExecutionStatus.WAITING):
                return
            try:
                await self._make_due(row)
            except Fenced:
                continue
            self._nudge(execution_id)
            self._queue.ready(Ready(row.id, row.workspace_id, row.bot_id, row.priority))
            return

    async def _make_due(self, row: Execution) -> None:
        waits = row.status is ExecutionStatus.WAITING
        if row.nudged or (waits and row.due_at is not None and row.due_at <= self._clock.now()):
            return
        change = ExecutionChange(nudge=True)
        if waits:
            reason = row.waiting_reason
            change = ExecutionChange(status=row.status, waiting_reason=reason, due_in=0.0)
        await self._store.commit(Commit(row.id, change=change, while_in=frozenset({row.status})))


async def _orphans() -> list[tuple[UUID, UUID]]:
    """Workspace by workspace, because their open executions are in an index."""
    db: Any = Execution._meta.db  # pyright: ignore[reportPrivateUsage]
    rows: list[dict[str, Any]] = await db.execute_query_dict(ORPHANS)
    return [(UUID(str(row["workspace_id"])), UUID(str(row["id"]))) for row in rows]
