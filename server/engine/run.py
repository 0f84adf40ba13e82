"""One taking of one execution: from its plan and what is recorded to an end that is stored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog

from server.bal.plan import Plan
from server.core.clock import Clock
from server.core.errors import AppError, Unavailable
from server.engine import events as happened
from server.engine.door import ModelDoor
from server.engine.durable import DurableHost
from server.engine.heard import Heard
from server.engine.host import Failure, Outcome, StepFailed, Suspended
from server.engine.leftovers import cancelled, open_steps
from server.engine.lost_workers import failure, in_flight, with_around
from server.engine.pool import parent_of
from server.engine.store import Claimed, ExecutionChange, StepRow
from server.engine.tool_calls import LATER
from server.engine.vanished import HINT
from server.engine.walker import walk
from server.engine.writer import Writer
from server.llm.errors import ModelError
from server.models.enums import ExecutionMode, ExecutionStatus, StepStatus

LOST_WORKERS = 3
QUEUED_TOO_LONG = (
    "No worker, or no place of its bot, was free in the time that this execution may wait in the "
    "queue."
)

HELD = ExecutionChange(status=ExecutionStatus.PAUSED)
GOING_ON = ExecutionChange(status=ExecutionStatus.PENDING, due_in=0.0, control=None)

log = structlog.get_logger("engine")


@dataclass(slots=True)
class Run:
    """`plan` is None when it cannot be read; `gone` when somebody else has the execution; `again`
    when it is to be taken up once more at once."""

    claimed: Claimed
    plan: Plan | None
    writer: Writer
    host: DurableHost
    door: ModelDoor
    clock: Clock
    heard: Heard
    task: asyncio.Task[None] | None = None
    finished: ExecutionChange | None = None
    gone: bool = False
    paused: bool = False
    ending: bool = False
    lost_at: list[StepRow] = field(default_factory=list[StepRow])
    again: bool = False
    _looking: asyncio.Task[None] | None = None
    _unread: bool = False

    def lost(self) -> None:
        """Stop at once and write nothing more. What is about to be inserted was not there yet to be
        renewed; and a last word that is on its way may be what ended the lease. If that was not
        so, the fence keeps it out."""
        if self.writer.inserting:
            return
        self.gone = True
        self.writer.give_up()
        if not self.ending:
            self.abandon()

    def refused(self) -> None:
        """It could not be inserted, so there is nothing to run."""
        self.gone = True
        self.abandon()

    def abandon(self) -> None:
        """What is under way is left as it is, for another worker to go on with."""
        self.host.silence()
        self.writer.give_up()
        if self.task is not None:
            self.task.cancel()

    def cancel(self) -> None:
        self.host.cancel()

    def worked(self) -> int:
        return 0 if self.writer.inserting else self.writer.worked()

    def not_stored(self, worked_ms: int) -> None:
        self.writer.not_stored(worked_ms)

    def look(self) -> None:
        """Somebody else wrote into the log of this execution."""
        self._unread = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while self._unread:
            self._unread = False
            try:
                await self.heard.look()
            except Unavailable as error:
                log.warning("log_not_read", execution=str(self.claimed.id), error=error.message)

    def nudge(self) -> None:
        """What a step waits for may have happened."""
        self.host.nudge()

    @property
    def proven(self) -> bool:
        """It has got through the step that this taking began with."""
        return self.writer.progressed

    @property
    def due_in(self) -> float | None:
        """After a run that ended in a wait: in how many seconds it is to go on."""
        return self.host.due_in

    async def to_the_end(self) -> None:
        claimed, writer = self.claimed, self.writer
        writer.event(happened.ExecutionStarted(resumed=claimed.attempt > 1 or None))
        try:
            outcome = await self._outcome()
        except Suspended:
            await self.host.children.ended()
            self._rest()
            await self._last_word()
            if not writer.cancel_requested:
                await self._heard_too_late()
                return
            self.host.close_open_steps()
            await self._close_leftovers()
            self._finish(ExecutionStatus.CANCELLED, None, None)
        except TimeoutError:
            self.host.close_open_steps()
            message = f"The run took longer than {self.host.spent.caps.seconds:g} s of work."
            error = self.host.error_of(Failure("timeout", message, limit="run"))
            await self._close_leftovers()
            self._finish(ExecutionStatus.TIMED_OUT, None, error)
        except (AppError, asyncio.CancelledError):
            raise
        except Exception as error:
            log.exception("program_broke", execution=str(claimed.id))
            self.host.close_open_steps()
            message = f"The engine failed at this program: {type(error).__name__}."
            failure = self.host.error_of(Failure("internal", message))
            await self._close_leftovers()
            self._finish(ExecutionStatus.FAILED, None, failure)
        else:
            await self._close_leftovers()
            error = None if outcome.error is None else self.host.error_of(outcome.error)
            self._finish(ExecutionStatus(outcome.status), outcome.output, error)
        await self._last_word()

    async def _last_word(self) -> None:
        self.ending = True
        await self.writer.settle()

    async def _close_leftovers(self) -> None:
        """What an earlier taking began and this one did not come back to."""
        if self.claimed.attempt == 1:
            return
        await self.writer.settle()
        now = self.writer.now()
        left = await open_steps(self.claimed.id)
        broken = with_around(left, self.lost_at)
        for step in left:
            if step.key in broken:
                self._lost(step, now)
                continue
            self.writer.step(cancelled(step, now))
            self.writer.event(happened.StepCancelled(), step.key)

    def _lost(self, step: StepRow, now: datetime) -> None:
        """With it, or with what is inside it, the workers were lost."""
        error = self.host.error_of(failure(self.claimed.losses, self.lost_at), step.type)
        if step in self.lost_at:
            error["stepKey"] = step.key
        failed = StepStatus.FAILED
        self.writer.step(replace(step, status=failed, error=error, finished_at=now))
        self.writer.event(happened.StepFailedEvent(error=error), step.key)

    def _rest(self) -> None:
        """Held by a person, or until what the steps wait for has come."""
        self.paused = self.host.must_hold
        if self.paused:
            self.host.leave_open()
            self.writer.event(happened.ExecutionPaused())
            self.writer.change(HELD)
        elif self.host.let_go:
            self.again = True
            self.host.leave_open()
            self.writer.change(GOING_ON)
        else:
            self.host.park()

    async def _heard_too_late(self) -> None:
        """A pause, or its end, that was written between the decision to rest and its commit."""
        if self._looking is None:
            return
        await self._looking
        holds = self.host.must_hold
        if self.paused and not holds:
            self.again = await self.writer.amend(
                GOING_ON, happened.ExecutionResumed(), ExecutionStatus.PAUSED
            )
            self.paused = not self.again
        elif holds and not self.paused and not self.again:
            self.paused = await self.writer.amend(
                HELD, happened.ExecutionPaused(), ExecutionStatus.WAITING
            )

    async def _outcome(self) -> Outcome:
        claimed = self.claimed
        if claimed.cancel_requested:
            return Outcome("cancelled")
        late = self._too_late()
        if late is not None:
            return late
        if claimed.losses >= LOST_WORKERS:
            return Outcome("failed", None, await self._workers_lost())
        if self.plan is None:
            message = "The version of this execution is gone or was made by another release."
            return Outcome("failed", None, Failure("plan_unreadable", message))
        refused = await self._refused(self.plan)
        if refused is not None:
            return refused
        async with asyncio.timeout(self.host.spent.seconds_left):
            return await walk(self.plan, claimed.input, self.host, edits=self.host.edits)

    async def _workers_lost(self) -> Failure:
        """Named are the steps that were under way; the first of them stands for the execution."""
        left = await open_steps(self.claimed.id)
        resting = {one.key for one in left if self.host.recall(one.key + LATER) is not None}
        self.lost_at = in_flight(left, resting)
        found = failure(self.claimed.losses, self.lost_at)
        if self.lost_at:
            self.host.hints.note(self.lost_at[0].key, StepFailed.again(found))
        return found

    def _too_late(self) -> Outcome | None:
        """Nobody took it in time; what has begun is not measured by this."""
        before = self.claimed.start_before
        if before is None or self.claimed.attempt > 1 or self.clock.now() <= before:
            return None
        return Outcome("timed_out", None, Failure("timeout", QUEUED_TOO_LONG, limit="queue"))

    async def _refused(self, plan: Plan) -> Outcome | None:
        """A tool that is not there and a model that cannot be reached at all are known before the
        first step. What may be well again in a moment, such as a database that does not tell the
        connections, is left to the call, which is tried several times."""
        if self.claimed.mode is not ExecutionMode.LIVE:
            return None
        gone = await self.host.tool_gone(plan) if self.claimed.attempt == 1 else None
        if gone is not None:
            self.host.hints.by_message[gone.message] = {"hint": HINT, "stepKey": None}
            return Outcome("failed", None, gone)
        for model in self.host.models(plan):
            try:
                await self.door.check(model)
            except ModelError as error:
                if error.retryable:
                    continue
                failure = Failure(error.kind.value, error.message)
                self.host.hints.by_message[error.message] = {"hint": error.hint, "stepKey": None}
                return Outcome("failed", None, failure)
        return None

    def _finish(self, status: ExecutionStatus, output: Any, error: dict[str, Any] | None) -> None:
        self.host.children.stop()  # all of them are ended after it
        now = self.clock.now()
        started = self.claimed.started_at or now
        duration = max(0, round((now - started).total_seconds() * 1000))
        self.finished = ExecutionChange(
            status=status,
            output=output,
            error=error,
            started_at=started,
            finished_at=now,
            duration_ms=duration,
        )
        self.writer.change(self.finished)
        self.writer.wake(parent_of(self.claimed.trigger or {}))
        self.writer.event(_ending(status, output, error, duration))


def _ending(
    status: ExecutionStatus, output: Any, error: dict[str, Any] | None, duration_ms: int
) -> happened.ExecutionEvent:
    match status:
        case ExecutionStatus.COMPLETED:
            return happened.ExecutionCompleted(output=output, duration_ms=duration_ms)
        case ExecutionStatus.CANCELLED:
            return happened.ExecutionCancelled(duration_ms=duration_ms)
        case ExecutionStatus.TIMED_OUT:
            return happened.ExecutionTimedOut(error=error, duration_ms=duration_ms)
        case _:
            return happened.ExecutionFailed(error=error, duration_ms=duration_ms)
