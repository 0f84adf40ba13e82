"""An execution as it stood after any of its events: a pure fold, the same live and later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from itertools import chain, islice
from typing import Any, Final

from server.engine import events as happened
from server.engine.store import StoredEvent

Data = dict[str, Any]


@dataclass(slots=True)
class StepState:
    """`text` is what a model has written so far; `output` is there once the step has ended."""

    key: str
    name: str = ""
    type: str = ""
    parent_key: str | None = None
    position: int = 0
    status: str = "running"
    attempt: int = 0
    input: Any = None
    output: Any = None
    error: Data | None = None
    reused: bool = False
    edited: bool = False
    text: str = ""
    reasoning: str = ""
    tries: int = 0
    model: str | None = None
    provider: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    started_at: str | None = None
    finished_at: str | None = None
    duration_ms: int | None = None


@dataclass(slots=True)
class ExecutionState:
    """`approvals` are those without a decision, by their id; `entities` what people changed. Cost
    in nano-dollars. `open`: the keys of the steps that have begun and not ended."""

    seq: int = 0
    at: str | None = None
    status: str = "pending"
    waiting_reason: str | None = None
    attempt: int = 0
    mode: str | None = None
    trigger_kind: str | None = None
    forked_from: str | None = None
    input: Any = None
    output: Any = None
    error: Data | None = None
    started_at: str | None = None
    finished_at: str | None = None
    duration_ms: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    steps: dict[str, StepState] = field(default_factory=dict[str, StepState])
    approvals: dict[str, Data] = field(default_factory=dict[str, Data])
    entities: dict[str, Data] = field(default_factory=dict[str, Data])
    open: set[str] = field(default_factory=set[str], compare=False, repr=False)

    def step(self, event: StoredEvent) -> StepState:
        key = event.step_key or ""
        found = self.steps.get(key)
        if found is None:
            found = self.steps[key] = StepState(key)
            self.open.add(key)
        return found

    def open_steps(self) -> Iterable[StepState]:
        return (self.steps[key] for key in self.open)

    def to_json(self) -> Data:
        return {**self.own(), "steps": dict(chain.from_iterable(self.steps_by(len(self.steps))))}

    def own(self) -> Data:
        """Without its steps."""
        return {name: getattr(self, name) for name in _OWN}

    def steps_by(self, many: int) -> Iterator[list[tuple[str, Data]]]:
        """So many at a time: all of a large map at once are more than one holds for a moment."""
        steps = iter(self.steps.items())
        while some := list(islice(steps, many)):
            yield [(key, {name: getattr(step, name) for name in _OF_STEP}) for key, step in some]

    @classmethod
    def from_json(cls, data: Data) -> ExecutionState:
        steps = {key: StepState(**step) for key, step in data["steps"].items()}
        still_open = {key for key, step in steps.items() if step.status in OPEN}
        named: Any = {**data, "steps": steps, "open": still_open}
        return cls(**named)


OPEN: Final = frozenset({"running", "waiting"})
_OWN = tuple(item.name for item in fields(ExecutionState) if item.compare and item.name != "steps")
_OF_STEP = tuple(item.name for item in fields(StepState))


def fold(events: Iterable[StoredEvent], state: ExecutionState | None = None) -> ExecutionState:
    """Takes events in order; goes on from `state`, which is changed."""
    state = ExecutionState() if state is None else state
    for event in events:
        apply(state, event)
    return state


def apply(state: ExecutionState, event: StoredEvent) -> None:
    """An event of a kind that changes nothing here only moves the number on."""
    state.seq = event.seq
    state.at = _moment(event)
    change = CHANGES.get(event.type)
    if change is not None:
        change(state, event, event.data or {})


Change = Callable[[ExecutionState, StoredEvent, Data], None]


# --- the execution ---------------------------------------------------------------------------


def _queued(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    state.input = data.get("input")
    state.mode = data.get("mode")
    state.trigger_kind = data.get("triggerKind")
    state.forked_from = data.get("forkedFrom")


def _started(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    state.status, state.waiting_reason = "running", None
    state.attempt = event.attempt
    state.started_at = state.started_at or _moment(event)
    asked = {question["stepKey"] for question in state.approvals.values()}
    for step in state.open_steps():
        if step.key not in asked:
            step.status = "running"


def _waiting(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    _rest(state, "waiting", data.get("reason"))


def _paused(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    _rest(state, "paused")


def _rest(state: ExecutionState, status: str, reason: str | None = None) -> None:
    """What is under way rests with its execution, and goes on with it."""
    state.status, state.waiting_reason = status, reason
    for step in state.open_steps():
        step.status = "waiting"


def _resumed(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    """A pause that is taken back before it came to its step changes nothing."""
    if state.status == "paused":
        state.status = "pending"


def _handed_back(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    state.status, state.waiting_reason = "pending", None


def _ended(status: str) -> Change:
    def change(state: ExecutionState, event: StoredEvent, data: Data) -> None:
        state.status, state.waiting_reason = status, None
        state.output, state.error = data.get("output"), data.get("error")
        state.finished_at, state.duration_ms = _moment(event), data.get("durationMs")
        state.approvals.clear()

    return change


def _modified(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    given = {name: value for name, value in data.items() if name not in ("name", "by")}
    state.entities.setdefault(str(data.get("name")), {}).update(given)


def _asked(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    state.approvals[str(data.get("approvalId"))] = {**data, "stepKey": event.step_key}


def _decided(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    state.approvals.pop(str(data.get("approvalId")), None)
    step = state.steps.get(event.step_key or "")
    if step is not None and step.type in ("tool", "entity") and data.get("arguments") is not None:
        step.input = data["arguments"]


# --- steps -----------------------------------------------------------------------------------


def _step_started(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    """Once more after a lost worker: it begins anew."""
    key = event.step_key or ""
    state.open.add(key)
    state.steps[key] = StepState(
        key,
        name=data.get("name") or "",
        type=data.get("type") or "",
        parent_key=data.get("parentKey"),
        position=data.get("position") or 0,
        attempt=event.attempt,
        input=data.get("input"),
        started_at=_moment(event),
    )


def _step_delta(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    step = state.step(event)
    if data.get("kind") == "reasoning":
        step.reasoning += data.get("text") or ""
    else:
        step.text += data.get("text") or ""


def _step_waiting(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    step = state.step(event)
    state.open.add(step.key)
    step.status, step.error = "waiting", data.get("error")


def _step_ended(status: str) -> Change:
    def change(state: ExecutionState, event: StoredEvent, data: Data) -> None:
        step = state.step(event)
        step.status = status
        state.open.discard(step.key)
        step.output, step.error = data.get("output"), data.get("error")
        step.reused, step.edited = bool(data.get("reused")), bool(data.get("edited"))
        step.finished_at, step.duration_ms = _moment(event), data.get("durationMs")
        if data.get("name"):
            step.name, step.type = data["name"], data.get("type") or ""
            step.parent_key = data.get("parentKey")

    return change


def _requested(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    """What an earlier try wrote does not count."""
    step = state.step(event)
    state.open.add(step.key)
    step.status, step.text, step.reasoning = "running", "", ""
    step.tries += 1
    step.model = data.get("model")


def _answered(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    step = state.step(event)
    step.model, step.provider = data.get("model"), data.get("provider")
    tokens, written = data.get("inputTokens") or 0, data.get("outputTokens") or 0
    cost = data.get("cost") or 0
    step.input_tokens += tokens
    step.output_tokens += written
    step.cost += cost
    state.input_tokens += tokens
    state.output_tokens += written
    state.cost += cost


def _paid(state: ExecutionState, event: StoredEvent, data: Data) -> None:
    cost = data.get("cost") or 0
    state.step(event).cost += cost
    state.cost += cost


def _moment(event: StoredEvent) -> str:
    return event.at.isoformat().replace("+00:00", "Z")


CHANGES: Final[dict[str, Change]] = {
    happened.ExecutionQueued.TYPE: _queued,
    happened.ExecutionStarted.TYPE: _started,
    happened.ExecutionWaiting.TYPE: _waiting,
    happened.ExecutionPaused.TYPE: _paused,
    happened.ExecutionResumed.TYPE: _resumed,
    happened.ExecutionHandedBack.TYPE: _handed_back,
    happened.ExecutionCompleted.TYPE: _ended("completed"),
    happened.ExecutionFailed.TYPE: _ended("failed"),
    happened.ExecutionCancelled.TYPE: _ended("cancelled"),
    happened.ExecutionTimedOut.TYPE: _ended("timed_out"),
    happened.EntityModified.TYPE: _modified,
    happened.ApprovalRequested.TYPE: _asked,
    happened.ApprovalDecided.TYPE: _decided,
    happened.ApprovalExpired.TYPE: _decided,
    happened.StepStarted.TYPE: _step_started,
    happened.StepDelta.TYPE: _step_delta,
    happened.StepWaiting.TYPE: _step_waiting,
    happened.StepCompleted.TYPE: _step_ended("completed"),
    happened.StepFailedEvent.TYPE: _step_ended("failed"),
    happened.StepCancelled.TYPE: _step_ended("cancelled"),
    happened.StepSkippedEvent.TYPE: _step_ended("skipped"),
    happened.ModelRequested.TYPE: _requested,
    happened.ModelAnswered.TYPE: _answered,
    happened.ToolPaid.TYPE: _paid,
}
