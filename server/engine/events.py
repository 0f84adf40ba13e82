"""What can happen in an execution: one class per kind of event, JSON in and out.

A kind is never deleted and its fields only grow; when a shape has to change, `VERSION` of that
class goes up and `from_data` learns to read the older one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from server.engine.store import EventRow

EventType = TypeVar("EventType", bound="ExecutionEvent")

# Several are made per step: a frozen dataclass costs three times as much to make, so these are only
# treated as frozen.


@dataclass(slots=True, kw_only=True)
class ExecutionEvent:
    """`TYPE` is the word on the wire, the fields are its `data`."""

    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1

    def to_data(self) -> dict[str, Any]:
        """Fields that are null are left out; so is the version while it is 1."""
        data: dict[str, Any] = {}
        for name, wire in _wire_names(type(self)):
            if (value := getattr(self, name)) is not None:
                data[wire] = value
        return data if self.VERSION == 1 else {**data, "version": self.VERSION}

    @classmethod
    def from_data(cls: type[EventType], data: dict[str, Any] | None) -> EventType:
        """Fields that this release does not know are passed over."""
        given = data or {}
        return cls(**{name: given[wire] for name, wire in _wire_names(cls) if wire in given})

    def row(self, at: datetime, step_key: str | None = None, attempt: int = 0) -> EventRow:
        return EventRow(
            type=self.TYPE, at=at, data=self.to_data() or None, step_key=step_key, attempt=attempt
        )


@functools.cache
def _wire_names(kind: type[ExecutionEvent]) -> tuple[tuple[str, str], ...]:
    return tuple((item.name, _camel(item.name)) for item in fields(kind))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


# --- the execution ---------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class ExecutionQueued(ExecutionEvent):
    TYPE: ClassVar[str] = "execution.queued"
    input: Any = None
    trigger_kind: str | None = None
    mode: str | None = None
    forked_from: str | None = None
    from_step: str | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionStarted(ExecutionEvent):
    """`resumed` when an earlier attempt was lost, handed back or waited."""

    TYPE: ClassVar[str] = "execution.started"
    resumed: bool | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionCompleted(ExecutionEvent):
    TYPE: ClassVar[str] = "execution.completed"
    output: Any = None
    duration_ms: int | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionFailed(ExecutionEvent):
    TYPE: ClassVar[str] = "execution.failed"
    error: dict[str, Any] | None = None
    duration_ms: int | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionCancelRequested(ExecutionEvent):
    TYPE: ClassVar[str] = "execution.cancel_requested"
    reason: str | None = None
    by: str | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionCancelled(ExecutionEvent):
    TYPE: ClassVar[str] = "execution.cancelled"
    reason: str | None = None
    duration_ms: int | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionTimedOut(ExecutionEvent):
    TYPE: ClassVar[str] = "execution.timed_out"
    error: dict[str, Any] | None = None
    duration_ms: int | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionWaiting(ExecutionEvent):
    TYPE: ClassVar[str] = "execution.waiting"
    reason: str | None = None
    seconds: float | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionPauseRequested(ExecutionEvent):
    TYPE: ClassVar[str] = "execution.pause_requested"
    reason: str | None = None
    by: str | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionPaused(ExecutionEvent):
    TYPE: ClassVar[str] = "execution.paused"
    reason: str | None = None
    by: str | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionResumed(ExecutionEvent):
    """`one_step`: it takes one action and holds again."""

    TYPE: ClassVar[str] = "execution.resumed"
    one_step: bool | None = None
    reason: str | None = None
    by: str | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionPrioritized(ExecutionEvent):
    """9 goes first, 1 last."""

    TYPE: ClassVar[str] = "execution.prioritized"
    priority: int = 0
    by: str | None = None


@dataclass(slots=True, kw_only=True)
class EntityModified(ExecutionEvent):
    """For the rest of this execution; what is null stays as the program has it."""

    TYPE: ClassVar[str] = "entity.modified"
    name: str | None = None
    goal: str | None = None
    description: str | None = None
    model: str | None = None
    tools: list[str] | None = None
    notes: str | None = None
    by: str | None = None


@dataclass(slots=True, kw_only=True)
class ExecutionHandedBack(ExecutionEvent):
    """The worker stops; another one goes on."""

    TYPE: ClassVar[str] = "execution.handed_back"


# --- steps -----------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class StepStarted(ExecutionEvent):
    TYPE: ClassVar[str] = "step.started"
    name: str | None = None
    type: str | None = None
    parent_key: str | None = None
    position: int | None = None
    input: Any = None


@dataclass(slots=True, kw_only=True)
class StepDelta(ExecutionEvent):
    """The text that a model wrote in the last 50 ms; `kind` is text or reasoning."""

    TYPE: ClassVar[str] = "step.delta"
    text: str = ""
    kind: str | None = None


@dataclass(slots=True, kw_only=True)
class StepCompleted(ExecutionEvent):
    TYPE: ClassVar[str] = "step.completed"
    output: Any = None
    duration_ms: int | None = None
    reused: bool | None = None
    edited: bool | None = None


@dataclass(slots=True, kw_only=True)
class StepFailedEvent(ExecutionEvent):
    """`handled` says what `on_error` made of it: skip or continue."""

    TYPE: ClassVar[str] = "step.failed"
    error: dict[str, Any] | None = None
    handled: str | None = None
    duration_ms: int | None = None
    reused: bool | None = None


@dataclass(slots=True, kw_only=True)
class StepCancelled(ExecutionEvent):
    TYPE: ClassVar[str] = "step.cancelled"
    duration_ms: int | None = None


@dataclass(slots=True, kw_only=True)
class StepChild(ExecutionEvent):
    """The step has started an execution of another bot, whose events can be followed on their
    own. `depth` is how many executions stand above it."""

    TYPE: ClassVar[str] = "step.child"
    execution_id: str | None = None
    bot_id: str | None = None
    bot_name: str | None = None
    depth: int | None = None


@dataclass(slots=True, kw_only=True)
class StepOutcomeUnknown(ExecutionEvent):
    """A worker was lost in the middle of a call that must not be repeated: a person has to say
    whether it happened."""

    TYPE: ClassVar[str] = "step.outcome_unknown"
    name: str | None = None


@dataclass(slots=True, kw_only=True)
class StepSkippedEvent(ExecutionEvent):
    TYPE: ClassVar[str] = "step.skipped"
    name: str | None = None
    type: str | None = None
    parent_key: str | None = None


@dataclass(slots=True, kw_only=True)
class StepWaiting(ExecutionEvent):
    TYPE: ClassVar[str] = "step.waiting"
    reason: str | None = None
    error: dict[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class RepairTried(ExecutionEvent):
    """Something was done about a failure without asking anybody, or because a person chose it."""

    TYPE: ClassVar[str] = "repair.tried"
    action: str | None = None
    failure_class: str | None = None
    reason: str | None = None
    by: str | None = None


# --- decisions -------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class ApprovalRequested(ExecutionEvent):
    """The step goes on when a person has decided, or when the time is up."""

    TYPE: ClassVar[str] = "approval.requested"
    approval_id: str | None = None
    approval_kind: str | None = None
    tool: str | None = None
    arguments: Any = None
    reason: str | None = None
    expires_at: str | None = None


@dataclass(slots=True, kw_only=True)
class ApprovalDecided(ExecutionEvent):
    TYPE: ClassVar[str] = "approval.decided"
    approval_id: str | None = None
    verdict: str | None = None
    by: str | None = None
    note: str | None = None
    arguments: Any = None


@dataclass(slots=True, kw_only=True)
class ApprovalExpired(ExecutionEvent):
    TYPE: ClassVar[str] = "approval.expired"
    approval_id: str | None = None


# --- models ----------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class ModelRequested(ExecutionEvent):
    """`repair`: asked again because the answer did not fit the output block."""

    TYPE: ClassVar[str] = "model.requested"
    model: str | None = None
    try_number: int | None = None
    repair: bool | None = None


@dataclass(slots=True, kw_only=True)
class ModelAnswered(ExecutionEvent):
    """`cost` is in nano-dollars; null when no price is known. `source`: from where, when the model
    was not asked. `parts`: tokens read by what they were there for; `left_out`: messages that were
    dropped or shortened to fit."""

    TYPE: ClassVar[str] = "model.answered"
    requested_model: str | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: int | None = None
    estimated: bool | None = None
    ttft_ms: int | None = None
    duration_ms: int | None = None
    source: str | None = None
    parts: dict[str, int] | None = None
    left_out: int | None = None


@dataclass(slots=True, kw_only=True)
class ModelFailed(ExecutionEvent):
    """What comes next: the same again after `retry_in` seconds, or `next_model`; with neither the
    step has failed. `provider`: who was asked, when that is known; `next_from`: whose chain the
    next model is of, bot or workspace."""

    TYPE: ClassVar[str] = "model.failed"
    model: str | None = None
    provider: str | None = None
    kind: str | None = None
    message: str | None = None
    hint: str | None = None
    try_number: int | None = None
    retry_in: float | None = None
    next_model: str | None = None
    next_from: str | None = None


# --- tools -----------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class ToolFailedEvent(ExecutionEvent):
    """One attempt at a call that may be repeated; the next one comes after `retry_in` seconds."""

    TYPE: ClassVar[str] = "tool.failed"
    tool: str | None = None
    kind: str | None = None
    message: str | None = None
    try_number: int | None = None
    retry_in: float | None = None


@dataclass(slots=True, kw_only=True)
class ToolRefused(ExecutionEvent):
    """A model asked for what it may not have, or in a way that does not fit; it was told why."""

    TYPE: ClassVar[str] = "tool.refused"
    tool: str | None = None
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class ToolPaid(ExecutionEvent):
    """A tool cost something of its own. `cost` is in nano-dollars; null when no price is known."""

    TYPE: ClassVar[str] = "tool.paid"
    tool: str | None = None
    provider: str | None = None
    what: str | None = None
    cost: int | None = None
    estimated: bool | None = None


EVENT_TYPES: dict[str, type[ExecutionEvent]] = {
    kind.TYPE: kind
    for kind in (
        ExecutionQueued,
        ExecutionStarted,
        ExecutionCompleted,
        ExecutionFailed,
        ExecutionCancelRequested,
        ExecutionCancelled,
        ExecutionTimedOut,
        ExecutionWaiting,
        ExecutionPauseRequested,
        ExecutionPaused,
        ExecutionResumed,
        ExecutionHandedBack,
        ExecutionPrioritized,
        EntityModified,
        StepStarted,
        StepDelta,
        StepCompleted,
        StepFailedEvent,
        StepCancelled,
        StepSkippedEvent,
        StepWaiting,
        RepairTried,
        ApprovalRequested,
        ApprovalDecided,
        ApprovalExpired,
        ModelRequested,
        ModelAnswered,
        ModelFailed,
        StepChild,
        StepOutcomeUnknown,
        ToolFailedEvent,
        ToolRefused,
        ToolPaid,
    )
}

FINAL_TYPES = frozenset(
    {
        ExecutionCompleted.TYPE,
        ExecutionFailed.TYPE,
        ExecutionCancelled.TYPE,
        ExecutionTimedOut.TYPE,
    }
)


def read_event(kind: str, data: dict[str, Any] | None) -> ExecutionEvent | None:
    """None for a kind that only a later release knows."""
    found = EVENT_TYPES.get(kind)
    return None if found is None else found.from_data(data)
