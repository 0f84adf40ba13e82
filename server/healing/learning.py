"""Incidents read off the events of an execution that has ended: what failed, what was tried, and
whether that helped. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from server.bal.plan import Plan
from server.bal.plan_steps import MapStep, all_steps
from server.engine.events import (
    ExecutionFailed,
    ExecutionTimedOut,
    ModelFailed,
    RepairTried,
    StepCompleted,
    StepFailedEvent,
    StepStarted,
    StepWaiting,
    ToolFailedEvent,
)
from server.engine.forking import plan_key
from server.engine.store import StoredEvent

CALLS = frozenset({"entity", "use", "tool"})
# Their program may say that they go on without what failed in them.
DROPPING = frozenset({"map", "parallel"})
NOTHING = "none"
CAUGHT = "try"
# A parallel block that goes on without one of its branches has its error for a result.
COLLECTED = "collect"
# In the place of the step's name, where no step tells of the failure; no step is called so.
WHOLE = "the whole execution"
NO_MODES: Mapping[str, str] = {}


@dataclass(slots=True)
class Found:
    """`action` is what was tried; `try` when the program caught the failure, `none` when it was
    simply let through."""

    step_key: str
    name: str
    kind: str
    message: str
    action: str
    automatic: bool
    at: datetime
    healed: bool = False
    provider: str | None = None


@dataclass(slots=True)
class _Step:
    name: str
    type: str | None = None
    parent: str | None = None
    tried: dict[str, Found] = field(default_factory=dict[str, Found])
    last: Found | None = None
    # About which a person is asked.
    asked: dict[str, Any] | None = None
    # Its failure, until what stands around it has dealt with that.
    failure: StoredEvent | None = None
    # The steps inside it that failed.
    failed: list[_Step] = field(default_factory=list)

    @property
    def calls(self) -> bool:
        return self.type is None or self.type in CALLS


def modes_of(plan: Plan | None) -> dict[str, str]:
    """What the maps of a program do with an item that failed, by their key in it."""
    steps = () if plan is None else all_steps(plan.root)
    return {step.key: step.errors for step in steps if isinstance(step, MapStep)}


def incidents_of(events: Iterable[StoredEvent], modes: Mapping[str, str] = NO_MODES) -> list[Found]:
    """One per step and action. A block that fails because of what is inside it is no incident of
    its own; what no step tells of, such as a lack of time, is one of the whole execution."""
    steps: dict[str, _Step] = {}
    told: set[str] = set()
    for event in events:
        key, data = event.step_key or "", event.data or {}
        if event.type == StepStarted.TYPE:
            _begun(steps, key, data)
        elif event.type in (ModelFailed.TYPE, ToolFailedEvent.TYPE):
            _attempt_failed(steps.setdefault(key, _Step(key)), event, key, data)
        elif event.type == StepWaiting.TYPE:
            steps.setdefault(key, _Step(key)).asked = data.get("error")
        elif event.type == RepairTried.TYPE:
            _tried(steps.setdefault(key, _Step(key)), event, key, data)
        elif event.type == StepCompleted.TYPE and key in steps:
            _healed(steps[key], modes.get(plan_key(key), COLLECTED))
        elif event.type == StepFailedEvent.TYPE and not data.get("reused"):
            step = steps.setdefault(key, _Step(key))
            message = str((data.get("error") or {}).get("message"))
            if step.calls or message not in told:
                _failed(step, event, key, data)
                _tell_around(steps, step, event)
            told.add(message)
            if data.get("handled") is not None:
                _dealt_with(step, data["handled"], healed=True)
        elif event.type in (ExecutionFailed.TYPE, ExecutionTimedOut.TYPE):
            error = data.get("error") or {}
            if error.get("message") not in told:
                whole = steps.setdefault(key, _Step(WHOLE))
                _note(whole, event, key, NOTHING, error, automatic=True)
    return [found for step in steps.values() for found in step.tried.values()]


def _begun(steps: dict[str, _Step], key: str, data: dict[str, Any]) -> None:
    parent = data.get("parentKey")
    steps.setdefault(key, _Step(data.get("name") or key, data.get("type") or "", parent))
    around = steps.get(parent or "")
    # Its next attempt, or its catch; `finally` deals with nothing.
    if around is not None and around.type == CAUGHT and not key.startswith(f"{parent}/finally/"):
        _dealt_with(around, CAUGHT, healed=False)


def _tell_around(steps: dict[str, _Step], step: _Step, event: StoredEvent) -> None:
    """Whatever stands around a failure that was let through may deal with it."""
    if (event.data or {}).get("handled") is not None:
        return
    step.failure = event
    around = steps.get(step.parent or "")
    while around is not None:
        around.failed.append(step)
        around = steps.get(around.parent or "")


def _dealt_with(around: _Step, action: str, *, healed: bool, automatic: bool = True) -> None:
    """What failed inside was dealt with around it: by a `try`, by the `on_error` of a block, by
    what a map does with an item that failed."""
    for step in around.failed:
        if (failure := step.failure) is None:
            continue
        if (found := step.tried.pop(NOTHING, None)) is not None:
            found.action, found.automatic = action, automatic
            step.tried[action] = found
        key, error = failure.step_key or "", (failure.data or {}).get("error") or {}
        _note(step, failure, key, action, error, automatic=automatic).healed = healed
        if healed:
            step.failure = None


def _attempt_failed(step: _Step, event: StoredEvent, key: str, data: dict[str, Any]) -> None:
    if data.get("retryIn") is not None:
        _note(step, event, key, "retry", data, automatic=True)
    elif data.get("nextModel") is not None:
        _note(step, event, key, "fallback", data, automatic=True)


def _tried(step: _Step, event: StoredEvent, key: str, data: dict[str, Any]) -> None:
    """What a person chose for a block is about what failed inside it."""
    action, automatic = str(data.get("action")), data.get("by") is None
    went_on = action in ("skip", "continue")
    if any(inside.failure is not None for inside in step.failed):
        _dealt_with(step, action, healed=went_on, automatic=automatic)
        return
    error = step.asked or {"kind": "unknown", "message": data.get("reason")}
    if step.last is not None and step.last.kind == error.get("kind"):
        error = {**error, "provider": step.last.provider}
    _note(step, event, key, action, error, automatic=automatic).healed = went_on


def _failed(step: _Step, event: StoredEvent, key: str, data: dict[str, Any]) -> None:
    error = data.get("error") or {}
    handled = data.get("handled")
    if handled is not None:
        if handled not in step.tried:
            found = _note(step, event, key, handled, error, automatic=True)
            found.healed = True
    elif not step.tried:
        _note(step, event, key, NOTHING, error, automatic=True)


def _healed(step: _Step, mode: str) -> None:
    """What was tried last has helped, and what failed inside is nobody's business any more."""
    if step.last is not None:
        step.last.healed = True
    if step.type == CAUGHT:
        _dealt_with(step, CAUGHT, healed=True)
    elif step.type in DROPPING:
        _dealt_with(step, mode, healed=True)
    for inside in (step, *step.failed):
        inside.failure = None
    step.failed.clear()


def _note(
    step: _Step,
    event: StoredEvent,
    key: str,
    action: str,
    error: dict[str, Any],
    *,
    automatic: bool,
) -> Found:
    found = step.tried.get(action)
    if found is None:
        kind, message = str(error.get("kind")), str(error.get("message"))
        found = Found(key, step.name, kind, message, action, automatic, event.at)
        found.provider = error.get("provider")
        step.tried[action] = found
    step.last = found
    return found
