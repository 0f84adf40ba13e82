"""What a run says of its steps, as rows and events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from server.engine import events as happened
from server.engine.decisions import Given
from server.engine.host import Failure, StepEnd, StepFailed, StepStart
from server.engine.store import RecordedStep, StepRow, UsageRow
from server.engine.writer import Identity
from server.llm.messages import ModelAnswer, Source
from server.models.enums import StepStatus
from server.tools.base import Charge


@dataclass(slots=True)
class OpenStep:
    """A step under way. `named`: the model that was to answer, whichever did. `tools_nano`: what
    the tools of an entity had to pay, on rows of their own, which its own budget counts too.
    `given`: what a person may put something else in the place of, should it fail."""

    start: StepStart
    at: datetime
    named: str | None = None
    answer: ModelAnswer | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    cost_nano: int | None = None
    tools_nano: int = 0
    given: Given | None = None
    estimated: bool = False
    unpriced: bool = False
    issues: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    sources: set[Source] = field(default_factory=set[Source])

    @property
    def source(self) -> Source | None:
        """From where, when no model was asked at all."""
        if not self.sources or "live" in self.sources:
            return None
        return min(self.sources)

    def add(self, answer: ModelAnswer) -> None:
        """A step may need several answers; it shows the last one's model and everybody's cost."""
        usage = answer.usage
        self.answer = answer
        self.sources.add(answer.source)
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.cached_tokens += usage.cached_tokens
        self.reasoning_tokens += usage.reasoning_tokens
        self.cache_write_tokens += usage.cache_write_tokens
        if answer.cost is not None:
            self.cost_nano = (self.cost_nano or 0) + answer.cost
        self.estimated = self.estimated or answer.estimated
        self.unpriced = self.unpriced or answer.unpriced

    def charge(self, nano: int | None, estimated: bool) -> None:
        """What a tool had to pay."""
        if nano is not None:
            self.cost_nano = (self.cost_nano or 0) + nano
        self.estimated = self.estimated or estimated
        self.unpriced = self.unpriced or nano is None


@dataclass(slots=True)
class Hints:
    """Where a failure came from and what to do about it: the walker's failures carry neither."""

    by_message: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    types: dict[str, str] = field(default_factory=dict[str, str])

    def note(self, key: str, failed: StepFailed) -> None:
        self.by_message.setdefault(failed.failure.message, {"hint": failed.hint, "stepKey": key})

    def error(self, failure: Failure) -> dict[str, Any]:
        more = self.by_message.get(failure.message, {"hint": None, "stepKey": None})
        limit = {} if failure.limit is None else {"limit": failure.limit}
        return {**failure.to_json(), **more, **limit}

    def type_of(self, failure: Failure, step_type: str | None) -> str | None:
        """Of the step that failed first with it: what stands around that only passes it on."""
        if step_type is None:
            return self.types.get(failure.message)
        return self.types.setdefault(failure.message, step_type)


def step_row(
    opened: OpenStep,
    attempt: int,
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
        attempt=attempt,
        input=start.input,
        output=output,
        error=error,
        issues=opened.issues or None,
        requested_model=opened.named or (answer.requested_model if answer else None),
        model=answer.model if answer else None,
        provider=answer.provider if answer else None,
        input_tokens=opened.input_tokens,
        output_tokens=opened.output_tokens,
        cached_tokens=opened.cached_tokens,
        reasoning_tokens=opened.reasoning_tokens,
        cache_write_tokens=opened.cache_write_tokens,
        cost_nano=opened.cost_nano,
        estimated=opened.estimated,
        unpriced=opened.unpriced,
        ttft_ms=round(answer.ttft_ms) if answer and answer.ttft_ms is not None else None,
        started_at=opened.at,
        finished_at=finished_at,
        duration_ms=None if finished_at is None else milliseconds(opened.at, finished_at),
        source=opened.source,
    )


def begun_anew(row: RecordedStep) -> StepRow:
    """A step that failed and gets another chance."""
    return StepRow(
        key=row.key,
        type=row.type,
        name=row.name,
        status=StepStatus.PENDING,
        parent_key=row.parent_key,
        position=row.position,
    )


def usage_row(identity: Identity, key: str, answer: ModelAnswer, now: datetime) -> UsageRow:
    return UsageRow(
        workspace_id=identity.workspace_id,
        bot_id=identity.bot_id,
        step_key=key,
        attempt=identity.attempt,
        created_at=now,
        connection_id=connection_of(answer.connection),
        **used_by(answer),
    )


def used_by(answer: ModelAnswer) -> dict[str, Any]:
    """What an answer used and cost, as the columns of its row of usage."""
    usage = answer.usage
    return {
        "provider": answer.provider,
        "requested_model": answer.requested_model,
        "model": answer.model,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cost_nano": answer.cost,
        "price": answer.price,
        "estimated": answer.estimated,
        "unpriced": answer.unpriced,
        "duration_ms": round(answer.duration_ms),
    }


def connection_of(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def charge_row(identity: Identity, key: str, tool: str, charge: Charge, now: datetime) -> UsageRow:
    return UsageRow(
        workspace_id=identity.workspace_id,
        bot_id=identity.bot_id,
        step_key=key,
        attempt=identity.attempt,
        provider=charge.provider,
        requested_model=tool,
        model=charge.what,
        created_at=now,
        cost_nano=charge.nano,
        estimated=charge.estimated,
        unpriced=charge.nano is None,
    )


def ending(
    step: StepEnd, error: dict[str, Any] | None, duration_ms: int | None
) -> happened.ExecutionEvent:
    if step.status == "completed":
        return happened.StepCompleted(output=step.output, duration_ms=duration_ms)
    if step.status == "failed":
        return happened.StepFailedEvent(error=error, handled=step.handled, duration_ms=duration_ms)
    return happened.StepCancelled(duration_ms=duration_ms)


def milliseconds(since: datetime, until: datetime) -> int:
    return max(0, round((until - since).total_seconds() * 1000))


def failure_of(error: Any) -> Failure | None:
    if not error:
        return None
    return Failure(
        str(error.get("kind")),
        str(error.get("message")),
        error.get("entity"),
        error.get("limit"),
    )
