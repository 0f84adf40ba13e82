"""Steering an execution from outside. What is asked is written down first: in the row, so that it
outlives any worker, and in the log, where a run finds it; what is quicker comes after.

Each action is a short list of ways, one for each kind of state; the first whose state holds wins,
and the states exclude each other, so of two people who act at once one is told that it is late."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from server.bus.notices import Notices
from server.bus.queue import Queue
from server.bus.turns import Ready
from server.core.clock import Clock
from server.engine import events as happened
from server.engine.decisions import Diagnosing
from server.engine.heard import CONTROL_TOPIC
from server.engine.host import Failure
from server.engine.leftovers import endings, leftovers
from server.engine.modified import rows_of
from server.engine.run import QUEUED_TOO_LONG
from server.engine.runner import Runner
from server.engine.stepping import held_row
from server.engine.store import (
    Commit,
    ExecutionChange,
    Fenced,
    StepRow,
    Store,
)
from server.engine.writer import tell, tell_workspace
from server.models.enums import FINAL_STATUSES, ControlAsked, ExecutionStatus
from server.models.tables import Execution

TRIES = 3
BATCH = 200
IDLE = frozenset({ExecutionStatus.PENDING, ExecutionStatus.WAITING, ExecutionStatus.PAUSED})
BUSY = frozenset({ExecutionStatus.RUNNING})
STANDING = frozenset({ExecutionStatus.PENDING, ExecutionStatus.WAITING})
PAUSED = frozenset({ExecutionStatus.PAUSED})
QUEUED = frozenset({ExecutionStatus.PENDING})
WAITING = frozenset({ExecutionStatus.WAITING})
OPEN = frozenset(ExecutionStatus) - FINAL_STATUSES

CancelChildren = Callable[[UUID, str | None, str | None], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Target:
    workspace_id: UUID
    execution_id: UUID


@dataclass(frozen=True, slots=True)
class Way:
    """What an action means in some states."""

    while_in: frozenset[ExecutionStatus]
    change: ExecutionChange
    event: happened.ExecutionEvent
    steps: Sequence[StepRow] = ()
    wakes: Ready | None = None


class Control:
    """Each answers whether it was done; when it was not, the status is another one."""

    def __init__(
        self,
        store: Store,
        notices: Notices,
        queue: Queue,
        clock: Clock,
        runner: Runner,
        cancel_children: CancelChildren,
        diagnosing: Diagnosing | None = None,
    ) -> None:
        self._store = store
        self._notices = notices
        self._queue = queue
        self._clock = clock
        self._runner = runner
        self._cancel_children = cancel_children
        self._diagnosing = diagnosing

    async def cancel(
        self, workspace_id: UUID, execution_id: UUID, reason: str | None, by: str | None
    ) -> bool:
        """One that no worker holds ends here and now; a running one is told, and ends by itself,
        or with the next worker if its own died. Its children end with it."""
        now = self._clock.now()
        asked = ExecutionChange(cancel_requested_at=now, cancel_reason=reason)
        ended = replace(asked, status=ExecutionStatus.CANCELLED, finished_at=now)
        ways = (
            Way(IDLE, ended, happened.ExecutionCancelled(reason=reason)),
            Way(BUSY, asked, happened.ExecutionCancelRequested(reason=reason, by=by)),
        )
        done = await self._go(Target(workspace_id, execution_id), ways)
        if done:
            await self._cancel_children(execution_id, reason, by)
        return done

    async def pause(
        self, target: Target, reason: str | None, by: str | None, *, with_parent: bool = False
    ) -> bool:
        """A running one holds before its next step; one that waits holds at once and, resumed,
        waits again if there is still something to wait for. `with_parent`: it goes on with it."""
        held = (held_row(with_parent),)
        paused = ExecutionChange(status=ExecutionStatus.PAUSED, control=None)
        asked = ExecutionChange(control=ControlAsked.PAUSE)
        ways = (
            Way(STANDING, paused, happened.ExecutionPaused(reason=reason, by=by), held),
            Way(BUSY, asked, happened.ExecutionPauseRequested(reason=reason, by=by), held),
        )
        return await self._go(target, ways)

    async def resume(self, one: Ready, reason: str | None, by: str | None) -> bool:
        event = happened.ExecutionResumed(reason=reason, by=by)
        return await self._go(_target(one), (Way(PAUSED, _going_on(None), event, wakes=one),))

    async def take_back_pause(self, target: Target, reason: str | None, by: str | None) -> bool:
        """A pause that has not come to its step yet."""
        event = happened.ExecutionResumed(reason=reason, by=by)
        way = Way(BUSY | STANDING, ExecutionChange(control=None), event)
        return await self._go(target, (way,))

    async def step(self, one: Ready, reason: str | None, by: str | None) -> bool:
        event = happened.ExecutionResumed(one_step=True, reason=reason, by=by)
        way = Way(PAUSED, _going_on(ControlAsked.STEP), event, wakes=one)
        return await self._go(_target(one), (way,))

    async def modify(
        self, target: Target, entity: str, changes: Mapping[str, Any], by: str | None
    ) -> bool:
        """Goal, description, tools or notes of an entity, for the calls that are still to come."""
        event = happened.EntityModified(name=entity, by=by, **changes)
        steps = tuple(rows_of(entity, changes))
        return await self._go(target, (Way(OPEN, ExecutionChange(), event, steps),))

    async def prioritize(self, target: Target, bot_id: UUID, priority: int, by: str | None) -> bool:
        """What stands in the queue takes its new place there at once."""
        event = happened.ExecutionPrioritized(priority=priority, by=by)
        change = ExecutionChange(priority=priority)
        queued = Ready(target.execution_id, target.workspace_id, bot_id, priority)
        ways = (
            Way(QUEUED, change, event, wakes=queued),
            Way(WAITING | PAUSED, change, event),
        )
        return await self._go(target, ways)

    async def say(self, target: Target, event: happened.ExecutionEvent, step_key: str) -> bool:
        """Something that a person did about a step, for the log of an execution that is open."""
        way = Way(OPEN, ExecutionChange(), event)
        return await self._go(target, (way,), step_key)

    async def close_late(self) -> None:
        """Ends what waited in the queue for longer than it may."""
        late = Execution.filter(
            start_before__lte=self._clock.now(), attempt=0, status=ExecutionStatus.PENDING
        )
        error = self._queued_too_long()
        for row in await late.limit(BATCH).only("id", "workspace_id", "bot_id"):
            ended = ExecutionChange(
                status=ExecutionStatus.TIMED_OUT, error=error, finished_at=self._clock.now()
            )
            way = Way(QUEUED, ended, happened.ExecutionTimedOut(error=error))
            ended_here = await self._go(Target(row.workspace_id, row.id), (way,))
            if ended_here and self._diagnosing is not None:
                one = Ready(row.id, row.workspace_id, row.bot_id)
                await self._diagnosing.learn(self._store, one, None)

    def _queued_too_long(self) -> dict[str, Any]:
        failed = Failure("timeout", QUEUED_TOO_LONG, limit="queue")
        error = {**failed.to_json(), "hint": None, "stepKey": None, "limit": failed.limit}
        if self._diagnosing is None:
            return error
        return {**error, "diagnosis": self._diagnosing.diagnose(error)}

    async def _go(self, target: Target, ways: Sequence[Way], step_key: str | None = None) -> bool:
        for _ in range(TRIES):  # it may start or hand back between the two looks
            for way in ways:
                if await self._gone(target, way, step_key):
                    return True
        return False

    async def _gone(self, target: Target, way: Way, step_key: str | None) -> bool:
        execution_id, now = target.execution_id, self._clock.now()
        over = await leftovers(execution_id, now) if way.change.status in FINAL_STATUSES else []
        commit = Commit(
            execution_id,
            change=way.change,
            while_in=way.while_in,
            events=(*endings(over, now), way.event.row(now, step_key)),
            steps=(*over, *way.steps),
        )
        try:
            committed = await self._store.commit(commit)
        except Fenced:
            return False
        tell(self._notices, commit, committed.last_seq)
        tell_workspace(self._notices, target.workspace_id, execution_id)
        kind, data = way.event.TYPE, way.event.to_data()
        self._runner.tell(execution_id, committed.last_seq, kind, data)
        told = {"id": str(execution_id), "seq": committed.last_seq, "type": kind, "data": data}
        self._notices.publish(CONTROL_TOPIC, told)
        if way.wakes is not None:
            self._queue.ready(way.wakes)
        return True


def _target(one: Ready) -> Target:
    return Target(one.workspace_id, one.id)


def _going_on(control: ControlAsked | None) -> ExecutionChange:
    return ExecutionChange(status=ExecutionStatus.PENDING, due_in=0.0, control=control)
