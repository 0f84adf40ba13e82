"""Commits turned into plain rows, encoded once, before they wait for their turn to be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.engine.store import (
    UNSET,
    CallRow,
    Commit,
    EventRow,
    ExecutionChange,
    Fence,
    NewExecution,
    StepRow,
    Unset,
    UsageRow,
)
from server.engine.texts import Texts
from server.models.enums import OPEN_STATUSES, ControlAsked, StepStatus

NEW_COLUMNS = (
    "id",
    "workspace_id",
    "bot_id",
    "version_id",
    "status",
    "waiting_reason",
    "mode",
    "trigger_kind",
    "trigger",
    "input",
    "output",
    "error",
    "idempotency_key",
    "request_hash",
    "owner",
    "attempt",
    "losses",
    "last_seq",
    "cancel_requested_at",
    "cancel_reason",
    "created_by_id",
    "parent_id",
    "forked_from_id",
    "forked_from_step",
    "input_tokens",
    "output_tokens",
    "cost_nano",
    "estimated",
    "unpriced",
    "created_at",
    "started_at",
    "finished_at",
    "duration_ms",
    "start_before",
    "session_id",
    "priority",
    "concurrency_key",
)

STEP_COLUMNS = (
    "key",
    "parent_key",
    "type",
    "name",
    "position",
    "status",
    "attempt",
    "reused",
    "input",
    "output",
    "error",
    "issues",
    "requested_model",
    "model",
    "provider",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cache_write_tokens",
    "cost_nano",
    "estimated",
    "unpriced",
    "ttft_ms",
    "started_at",
    "finished_at",
    "duration_ms",
    "source",
)

CALL_COLUMNS = (
    "workspace_id",
    "execution_id",
    "step_key",
    "attempt",
    "try_number",
    "question",
    "requested_model",
    "model",
    "provider",
    "address",
    "connection_id",
    "source",
    "repair",
    "mode",
    "carried",
    "messages",
    "params",
    "parts",
    "left_out",
    "context_window",
    "answer",
    "error",
    "error_kind",
    "input_tokens",
    "output_tokens",
    "cost_nano",
    "ttft_ms",
    "duration_ms",
    "created_at",
)

USAGE_COLUMNS = (
    "workspace_id",
    "bot_id",
    "execution_id",
    "step_key",
    "attempt",
    "provider",
    "requested_model",
    "model",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cache_write_tokens",
    "cost_nano",
    "price",
    "estimated",
    "unpriced",
    "duration_ms",
    "connection_id",
    "created_at",
)

CHANGE_COLUMNS = (
    "id",
    "attempt",
    "owner",
    "open_in",
    "status",
    "waiting_reason",
    "due_in",
    "events",
    "progress",
    "output",
    "error",
    "started_at",
    "finished_at",
    "duration_ms",
    "cancel_requested_at",
    "cancel_reason",
    "input_tokens",
    "output_tokens",
    "cost_nano",
    "estimated",
    "unpriced",
    "control",
    "nudge",
    "worked_ms",
    "priority",
)

COUNT_COLUMNS = (
    "id",
    "attempt",
    "owner",
    "events",
    "progress",
    "input_tokens",
    "output_tokens",
    "cost_nano",
    "estimated",
    "unpriced",
    "worked_ms",
)

EVENT_COLUMNS = ("type", "at", "step_key", "attempt", "data")

_DONE_STEPS = frozenset({StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED})

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """What the usage of one commit adds to its execution."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano: int = 0
    estimated: bool = False
    unpriced: bool = False


def totals(usage: tuple[UsageRow, ...] | list[UsageRow]) -> Totals:
    return Totals(
        input_tokens=sum(row.input_tokens for row in usage),
        output_tokens=sum(row.output_tokens for row in usage),
        cost_nano=sum(row.cost_nano or 0 for row in usage),
        estimated=any(row.estimated for row in usage),
        unpriced=any(row.unpriced for row in usage),
    )


def encoded(value: Any, texts: Texts) -> str | None:
    return None if value is UNSET else texts.of(value)


def optional(value: Any, texts: Texts) -> str | None:
    """JSON for a column where nothing and null are the same."""
    return None if value is None else texts.of(value)


def new_row(commit: Commit, new: NewExecution) -> Row:
    """In the order of NEW_COLUMNS; the due time is counted by the database and comes apart."""
    change, texts = commit.change or ExecutionChange(), commit.texts
    sums = totals(list(commit.usage))
    status, reason, owner = new.status, new.waiting_reason, new.owner
    if change.status is not None:
        status, reason = change.status, change.waiting_reason
        owner = new.owner if status == "running" else None
    return (
        new.id,
        new.workspace_id,
        new.bot_id,
        new.version_id,
        status.value,
        reason.value if reason else None,
        new.mode.value,
        new.trigger_kind.value,
        optional(new.trigger, texts),
        optional(new.input, texts),
        encoded(change.output, texts),
        optional(change.error, texts),
        texts.clean(new.idempotency_key),
        new.request_hash,
        owner,
        new.attempt,
        0,
        len(commit.events),
        change.cancel_requested_at,
        texts.clean(change.cancel_reason),
        new.created_by_id,
        new.parent_id,
        new.forked_from_id,
        texts.clean(new.forked_from_step),
        sums.input_tokens,
        sums.output_tokens,
        sums.cost_nano,
        sums.estimated,
        sums.unpriced,
        new.created_at,
        change.started_at,
        change.finished_at,
        change.duration_ms,
        new.start_before,
        new.session_id,
        new.priority,
        texts.clean(new.concurrency_key),
    )


def change_row(commit: Commit) -> Row:
    """What a commit sets in an execution that is there, in the order of CHANGE_COLUMNS."""
    change, texts = commit.change or ExecutionChange(), commit.texts
    fence = commit.fence
    sums = totals(list(commit.usage))
    return (
        commit.execution_id,
        fence.attempt if fence else None,
        fence.owner if fence else None,
        ",".join(sorted(commit.while_in or OPEN_STATUSES)),
        change.status.value if change.status else None,
        change.waiting_reason.value if change.waiting_reason else None,
        change.due_in,
        len(commit.events),
        is_progress(commit),
        encoded(change.output, texts),
        optional(change.error, texts),
        change.started_at,
        change.finished_at,
        change.duration_ms,
        change.cancel_requested_at,
        texts.clean(change.cancel_reason),
        sums.input_tokens,
        sums.output_tokens,
        sums.cost_nano,
        sums.estimated,
        sums.unpriced,
        _control_text(change.control),
        change.nudge,
        commit.worked_ms,
        change.priority,
    )


def count_row(commit: Commit, fence: Fence) -> Row:
    """What a commit that sets nothing adds to its execution, in the order of COUNT_COLUMNS."""
    sums = totals(list(commit.usage))
    return (
        commit.execution_id,
        fence.attempt,
        fence.owner,
        len(commit.events),
        is_progress(commit),
        sums.input_tokens,
        sums.output_tokens,
        sums.cost_nano,
        sums.estimated,
        sums.unpriced,
        commit.worked_ms,
    )


def is_progress(commit: Commit) -> bool:
    """A step was finished: workers that were lost before do not count any more."""
    return any(step.status in _DONE_STEPS for step in commit.steps)


def _control_text(asked: ControlAsked | Unset | None) -> str | None:
    """None leaves the column alone, an empty text clears it."""
    if asked is None:
        return ""
    return None if isinstance(asked, Unset) else asked.value


def new_due_in(commit: Commit, new: NewExecution) -> float | None:
    change = commit.change
    return new.due_in if change is None or change.status is None else change.due_in


def event_row(event: EventRow, texts: Texts) -> Row:
    data = optional(event.data, texts)
    return (event.type, event.at, texts.clean(event.step_key), event.attempt, data)


def step_row(step: StepRow, texts: Texts) -> Row:
    return (
        texts.clean(step.key),
        texts.clean(step.parent_key),
        step.type,
        texts.clean(step.name),
        step.position,
        step.status.value,
        step.attempt,
        step.reused,
        optional(step.input, texts),
        encoded(step.output, texts),
        optional(step.error, texts),
        optional(step.issues, texts),
        texts.clean(step.requested_model),
        texts.clean(step.model),
        texts.clean(step.provider),
        step.input_tokens,
        step.output_tokens,
        step.cached_tokens,
        step.reasoning_tokens,
        step.cache_write_tokens,
        step.cost_nano,
        step.estimated,
        step.unpriced,
        step.ttft_ms,
        step.started_at,
        step.finished_at,
        step.duration_ms,
        step.source,
    )


def step_rows(commit: Commit) -> list[Row]:
    """The last word on each key: one statement cannot write a row twice."""
    last = {step.key: step for step in commit.steps}
    return [step_row(step, commit.texts) for step in last.values()]


def call_row(commit: Commit, call: CallRow) -> Row:
    texts = commit.texts
    return (
        call.workspace_id,
        commit.execution_id,
        texts.clean(call.step_key),
        call.attempt,
        call.try_number,
        call.question,
        texts.clean(call.requested_model),
        texts.clean(call.model),
        call.provider,
        texts.clean(call.address),
        call.connection_id,
        call.source,
        call.repair,
        call.mode,
        call.carried,
        optional(call.messages, texts),
        optional(call.params, texts),
        optional(call.parts, texts),
        optional(call.left_out, texts),
        call.context_window,
        optional(call.answer, texts),
        optional(call.error, texts),
        call.error_kind,
        call.input_tokens,
        call.output_tokens,
        call.cost_nano,
        call.ttft_ms,
        call.duration_ms,
        call.created_at,
    )


def usage_row(commit: Commit, usage: UsageRow) -> Row:
    texts = commit.texts
    return (
        usage.workspace_id,
        usage.bot_id,
        commit.execution_id,
        texts.clean(usage.step_key),
        usage.attempt,
        usage.provider,
        texts.clean(usage.requested_model),
        texts.clean(usage.model),
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
        usage.cache_write_tokens,
        usage.cost_nano,
        optional(usage.price, texts),
        usage.estimated,
        usage.unpriced,
        usage.duration_ms,
        usage.connection_id,
        usage.created_at,
    )
