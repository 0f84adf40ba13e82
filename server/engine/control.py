"""Stopping an execution from outside. The row is marked first; what is quicker comes after."""

from __future__ import annotations

from uuid import UUID

from server.bus.notices import Notices
from server.core.clock import Clock
from server.engine.events import ExecutionCancelled, ExecutionCancelRequested
from server.engine.runner import CANCEL_TOPIC, Runner
from server.engine.store import Commit, ExecutionChange, Fenced, Store
from server.engine.writer import tell, tell_workspace
from server.models.enums import ExecutionStatus

IDLE = frozenset({ExecutionStatus.PENDING, ExecutionStatus.WAITING, ExecutionStatus.PAUSED})
BUSY = frozenset({ExecutionStatus.RUNNING})


class Control:
    def __init__(self, store: Store, notices: Notices, clock: Clock, runner: Runner) -> None:
        self._store = store
        self._notices = notices
        self._clock = clock
        self._runner = runner

    async def cancel(
        self, workspace_id: UUID, execution_id: UUID, reason: str | None, by: str | None
    ) -> bool:
        """False when the execution has ended already. One that no worker holds ends here and
        now; a running one is told, and ends by itself, or with the next worker if its own died."""
        for _ in range(3):  # it may start or hand back between the two looks
            for commit in (self._end(execution_id, reason), self._mark(execution_id, reason, by)):
                try:
                    committed = await self._store.commit(commit)
                except Fenced:
                    continue
                tell(self._notices, execution_id, commit.events, committed.last_seq)
                tell_workspace(self._notices, workspace_id, execution_id)
                self._runner.cancel(execution_id)
                self._notices.publish(CANCEL_TOPIC, str(execution_id))
                return True
        return False

    def _end(self, execution_id: UUID, reason: str | None) -> Commit:
        now = self._clock.now()
        return Commit(
            execution_id,
            change=ExecutionChange(
                status=ExecutionStatus.CANCELLED,
                cancel_requested_at=now,
                cancel_reason=reason,
                finished_at=now,
            ),
            while_in=IDLE,
            events=(ExecutionCancelled(reason=reason).row(now),),
        )

    def _mark(self, execution_id: UUID, reason: str | None, by: str | None) -> Commit:
        now = self._clock.now()
        return Commit(
            execution_id,
            change=ExecutionChange(cancel_requested_at=now, cancel_reason=reason),
            while_in=BUSY,
            events=(ExecutionCancelRequested(reason=reason, by=by).row(now),),
        )
