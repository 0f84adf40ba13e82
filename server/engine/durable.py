"""The walker's surroundings in production: facts are gathered and committed in one piece just
before anything leaves the process.

Calls that leave at the same moment (the branches of a parallel block) share one commit. Text that
a model writes becomes `step.delta` events every 50 ms, which nobody waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from server.core.ids import public_id
from server.core.money import NANO_PER_DOLLAR
from server.engine import events as happened
from server.engine.asking import Asking, ModelFailure
from server.engine.deltas import Deltas
from server.engine.entities import issues_of
from server.engine.host import (
    Cancelled,
    EntityCall,
    Failure,
    Limits,
    Recorded,
    Remedy,
    StepEnd,
    StepFailed,
    StepSkipped,
    StepStart,
    Suspended,
    ToolCall,
)
from server.engine.store import ExecutionChange, RecordedStep, StepRow, UsageRow
from server.engine.writer import Writer
from server.llm.errors import ModelError
from server.llm.messages import Delta, ModelAnswer
from server.models.enums import ExecutionStatus, StepStatus, WaitingReason

WAIT_IN_PLACE_SECONDS = 5.0
REMEMBERED = "remembered"

Result = TypeVar("Result")


@dataclass(slots=True)
class OpenStep:
    """A step under way."""

    start: StepStart
    at: datetime
    answer: ModelAnswer | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int | None = None
    estimated: bool = False
    unpriced: bool = False
    issues: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def add(self, answer: ModelAnswer) -> None:
        """A step may need several answers; it shows the last one's model and everybody's cost."""
        usage = answer.usage
        self.answer = answer
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.cached_tokens += usage.cached_tokens
        self.reasoning_tokens += usage.reasoning_tokens
        if answer.cost is not None:
            self.cost_nano = (self.cost_nano or 0) + answer.cost
        self.estimated = self.estimated or answer.estimated
        self.unpriced = self.unpriced or answer.unpriced


@dataclass(slots=True)
class Hints:
    """Where a failure came from and what to do about it: the walker's failures carry neither."""

    by_message: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def note(self, key: str, failed: StepFailed) -> None:
        hint = failed.hint if isinstance(failed, ModelFailure) else None
        self.by_message.setdefault(failed.failure.message, {"hint": hint, "stepKey": key})

    def error(self, failure: Failure) -> dict[str, Any]:
        more = self.by_message.get(failure.message, {"hint": None, "stepKey": None})
        return {**failure.to_json(), **more}


class DurableHost:
    def __init__(
        self, writer: Writer, asking: Asking, recorded: dict[str, RecordedStep] | None = None
    ) -> None:
        self.limits = Limits()
        self.hints = Hints()
        self._writer = writer
        self._asking = asking
        self._recorded = recorded or {}
        self._open: dict[str, OpenStep] = {}
        self._deltas = Deltas(writer)
        self._calls: set[asyncio.Task[Any]] = set()
        self._cancelled = False
        self._silent = False
        self._cost_nano = 0
        self._tokens = 0

    # --- stopping

    def cancel(self) -> None:
        """Somebody asked for it: calls under way are broken off, no further step begins."""
        self._cancelled = True
        for call in self._calls:
            call.cancel()

    def silence(self) -> None:
        """From here on nothing is recorded: another worker goes on with this execution."""
        self._silent = True
        self._deltas.close()

    def checkpoint(self) -> None:
        if self._cancelled or self._writer.cancel_requested:
            raise Cancelled
        self._writer.flush_if_old()

    # --- what earlier attempts have left

    def recall(self, key: str) -> Recorded | None:
        found = self._recorded.get(key)
        if found is None or found.status not in (StepStatus.COMPLETED, StepStatus.FAILED):
            return None
        return Recorded(found.output, _failure(found.error))

    def remember(self, key: str, value: Any) -> None:
        row = StepRow(key=key, type=REMEMBERED, name=key, status=StepStatus.COMPLETED, output=value)
        self._recorded[key] = RecordedStep(key, StepStatus.COMPLETED, 1, value)
        self._writer.step(row)

    def reserved(self, name: str) -> Any:
        identity = self._writer.identity
        if name == "run":
            lasted = _milliseconds(identity.created_at, self._writer.now())
            return {
                "id": public_id("execution", identity.id),
                "cost": self._cost_nano / NANO_PER_DOLLAR,
                "tokens": self._tokens,
                "duration_ms": lasted,
            }
        return reserved_of(identity.trigger, name)

    # --- facts

    def step_started(self, step: StepStart) -> None:
        if self._silent or step.key in self._recorded:
            return
        now = self._writer.now()
        self._open[step.key] = OpenStep(step, now)
        self._writer.step(self._row(self._open[step.key], StepStatus.RUNNING))
        self._writer.event(
            happened.StepStarted(
                name=step.name,
                type=step.type,
                parent_key=step.parent_key,
                position=step.position,
                input=step.input,
            ),
            step.key,
        )

    def step_ended(self, step: StepEnd) -> None:
        opened = self._open.pop(step.key, None)
        if self._silent or opened is None:
            return
        self._deltas.flush(step.key)
        status = StepStatus(step.status)
        error = None if step.error is None else self.hints.error(step.error)
        now = self._writer.now()
        self._writer.step(self._row(opened, status, step.output, error, now))
        self._writer.event(_ending(step, error, _milliseconds(opened.at, now)), step.key)

    def step_skipped(self, step: StepSkipped) -> None:
        if self._silent or step.key in self._recorded:
            return
        self._recorded[step.key] = RecordedStep(step.key, StepStatus.SKIPPED, 1)
        self._writer.step(
            StepRow(
                key=step.key,
                type=step.type,
                name=step.name,
                status=StepStatus.SKIPPED,
                parent_key=step.parent_key,
            )
        )
        self._writer.event(
            happened.StepSkippedEvent(name=step.name, type=step.type, parent_key=step.parent_key),
            step.key,
        )

    def close_open_steps(self) -> None:
        """When a run ends from outside (its time is up), nothing in it may look as if it ran."""
        for key in list(self._open):
            self.step_ended(StepEnd(key, "cancelled"))

    # --- calls

    async def call_entity(self, call: EntityCall) -> Any:
        try:
            value = await self._interruptible(self._asking.ask(call, self))
        except StepFailed as failed:
            self.hints.note(call.key, failed)
            raise
        opened = self._open.get(call.key)
        if opened is not None:
            opened.issues = [issue.to_json() for issue in issues_of(call, value)]
        return value

    async def call_tool(self, call: ToolCall) -> Any:
        await self._writer.settle()
        message = f"There is no tool `{call.tool}` here."
        raise StepFailed("tool_not_found", message, entity=call.tool)

    async def wait(self, key: str, seconds: float) -> None:
        """Short waits sleep; a long one is a row with a due time and holds no worker."""
        until = self._wait_until(key, seconds)
        left = (until - self._writer.now()).total_seconds()
        if left <= 0:
            return
        if left <= WAIT_IN_PLACE_SECONDS or self._calls:
            await self._interruptible(asyncio.sleep(left))
            return
        self._writer.event(happened.ExecutionWaiting(reason="wait", seconds=left))
        self._writer.change(
            ExecutionChange(
                status=ExecutionStatus.WAITING, waiting_reason=WaitingReason.WAIT, due_in=left
            )
        )
        raise Suspended

    async def ask_for_remedy(self, key: str, failure: Failure) -> Remedy:
        message = f"A person would have to decide here: {failure.message}"
        raise StepFailed(
            "approval_required", message, entity=failure.entity, catchable=False
        ) from None

    def _wait_until(self, key: str, seconds: float) -> datetime:
        recorded = self.recall(f"{key}#until")
        if recorded is not None:
            return datetime.fromisoformat(recorded.output)
        until = self._writer.now() + timedelta(seconds=seconds)
        self.remember(f"{key}#until", until.isoformat())
        return until

    async def _interruptible(self, work: Coroutine[Any, Any, Result]) -> Result:
        call = asyncio.create_task(work)
        self._calls.add(call)
        try:
            return await call
        except asyncio.CancelledError:
            call.cancel()
            if self._cancelled:
                raise Cancelled from None
            raise
        finally:
            self._calls.discard(call)

    # --- what the models say (Told)

    async def ready(self) -> None:
        await self._writer.settle()
        if self._writer.cancel_requested:
            raise Cancelled

    def asked(self, key: str, model: str | None, try_number: int) -> None:
        self._writer.event(happened.ModelRequested(model=model, try_number=try_number), key)

    def wrote(self, key: str, delta: Delta) -> None:
        if not self._silent:
            self._deltas.add(key, delta)

    def answered(self, key: str, answer: ModelAnswer) -> None:
        self._deltas.flush(key)
        opened = self._open.get(key)
        if opened is not None:
            opened.add(answer)
        usage = answer.usage
        self._cost_nano += answer.cost or 0
        self._tokens += usage.total_tokens
        self._writer.event(
            happened.ModelAnswered(
                requested_model=answer.requested_model,
                model=answer.model,
                provider=answer.provider,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cost=answer.cost,
                estimated=answer.estimated or None,
                ttft_ms=None if answer.ttft_ms is None else round(answer.ttft_ms),
                duration_ms=round(answer.duration_ms),
            ),
            key,
        )
        self._writer.usage(self._usage_row(key, answer))

    def failed(
        self, key: str, model: str | None, error: ModelError, number: int, retry_in: float | None
    ) -> None:
        self._deltas.flush(key)
        self._writer.event(
            happened.ModelFailed(
                model=model,
                kind=error.kind.value,
                message=error.message,
                hint=error.hint or None,
                try_number=number,
                retry_in=None if retry_in is None else round(retry_in, 3),
            ),
            key,
        )
        if retry_in is not None:
            self._writer.soon()

    # --- rows

    def _row(
        self,
        opened: OpenStep,
        status: StepStatus,
        output: Any = None,
        error: dict[str, Any] | None = None,
        finished_at: datetime | None = None,
    ) -> StepRow:
        start, answer = opened.start, opened.answer
        return StepRow(
            key=start.key,
            type=start.type,
            name=start.name,
            status=status,
            parent_key=start.parent_key,
            position=start.position,
            attempt=self._writer.identity.attempt,
            input=start.input,
            output=output,
            error=error,
            issues=opened.issues or None,
            requested_model=answer.requested_model if answer else None,
            model=answer.model if answer else None,
            provider=answer.provider if answer else None,
            input_tokens=opened.input_tokens,
            output_tokens=opened.output_tokens,
            cached_tokens=opened.cached_tokens,
            reasoning_tokens=opened.reasoning_tokens,
            cost_nano=opened.cost_nano,
            estimated=opened.estimated,
            unpriced=opened.unpriced,
            ttft_ms=round(answer.ttft_ms) if answer and answer.ttft_ms is not None else None,
            started_at=opened.at,
            finished_at=finished_at,
            duration_ms=None if finished_at is None else _milliseconds(opened.at, finished_at),
        )

    def _usage_row(self, key: str, answer: ModelAnswer) -> UsageRow:
        identity, usage = self._writer.identity, answer.usage
        return UsageRow(
            workspace_id=identity.workspace_id,
            bot_id=identity.bot_id,
            step_key=key,
            attempt=identity.attempt,
            provider=answer.provider,
            requested_model=answer.requested_model,
            model=answer.model,
            created_at=self._writer.now(),
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cost_nano=answer.cost,
            estimated=answer.estimated,
            unpriced=answer.unpriced,
            duration_ms=round(answer.duration_ms),
        )


def reserved_of(trigger: dict[str, Any], name: str) -> Any:
    """`$user` and `$trigger`: both are kept with the execution, so a replay sees the same."""
    if name == "user":
        return trigger.get("user")
    return {key: value for key, value in trigger.items() if key != "user"}


def _ending(
    step: StepEnd, error: dict[str, Any] | None, duration_ms: int
) -> happened.ExecutionEvent:
    if step.status == "completed":
        return happened.StepCompleted(output=step.output, duration_ms=duration_ms)
    if step.status == "failed":
        return happened.StepFailedEvent(error=error, handled=step.handled, duration_ms=duration_ms)
    return happened.StepCancelled(duration_ms=duration_ms)


def _milliseconds(since: datetime, until: datetime) -> int:
    return max(0, round((until - since).total_seconds() * 1000))


def _failure(error: Any) -> Failure | None:
    if not error:
        return None
    return Failure(str(error.get("kind")), str(error.get("message")), error.get("entity"))
