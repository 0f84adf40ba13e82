"""Incidents read off the events of an execution that has ended: what failed, what was tried, and
whether that helped. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from server.engine.events import (
    ModelFailed,
    RepairTried,
    StepCompleted,
    StepFailedEvent,
    StepStarted,
    ToolFailedEvent,
)
from server.engine.store import StoredEvent

CALLS = frozenset({"entity", "use", "tool"})
NOTHING = "none"
CAUGHT = "try"


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
    # Its failure, until what stands around it has dealt with that.
    failure: StoredEvent | None = None
    # The steps inside it that failed.
    failed: list[_Step] = field(default_factory=list)

    @property
    def calls(self) -> bool:
        return self.type is None or self.type in CALLS


def incidents_of(events: Iterable[StoredEvent]) -> list[Found]:
    """One per step and action. A block that fails because of what is inside it is no incident of
    its own."""
    steps: dict[str, _Step] = {}
    told: set[str] = set()
    for event in events:
        key, data = event.step_key or "", event.data or {}
        if event.type == StepStarted.TYPE:
            _begun(steps, key, data)
        elif event.type in (ModelFailed.TYPE, ToolFailedEvent.TYPE):
            _attempt_failed(steps.setdefault(key, _Step(key)), event, key, data)
        elif event.type == RepairTried.TYPE:
            _tried(steps.setdefault(key, _Step(key)), event, key, data)
        elif event.type == StepCompleted.TYPE and key in steps:
            _healed(steps[key])
        elif event.type == StepFailedEvent.TYPE and not data.get("reused"):
            step = steps.setdefault(key, _Step(key))
            message = str((data.get("error") or {}).get("message"))
            if step.calls or message not in told:
                _failed(step, event, key, data)
                _tell_around(steps, step, event)
            told.add(message)
            if data.get("handled") is not None:
                _dealt_with(step, data["handled"], healed=True)
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


def _dealt_with(around: _Step, action: str, *, healed: bool) -> None:
    """What failed inside was dealt with by the program itself: by a `try`, or by the `on_error` of
    a block."""
    for step in around.failed:
        if (failure := step.failure) is None:
            continue
        if (found := step.tried.pop(NOTHING, None)) is not None:
            found.action = action
            step.tried[action] = found
        key, error = failure.step_key or "", (failure.data or {}).get("error") or {}
        _note(step, failure, key, action, error, automatic=True).healed = healed
        if healed:
            step.failure = None


def _attempt_failed(step: _Step, event: StoredEvent, key: str, data: dict[str, Any]) -> None:
    if data.get("retryIn") is not None:
        _note(step, event, key, "retry", data, automatic=True)
    elif data.get("nextModel") is not None:
        _note(step, event, key, "fallback", data, automatic=True)


def _tried(step: _Step, event: StoredEvent, key: str, data: dict[str, Any]) -> None:
    error = {"kind": "unknown", "message": data.get("reason")}
    if step.last is not None:
        error = {"kind": step.last.kind, "message": step.last.message}
    action = str(data.get("action"))
    found = _note(step, event, key, action, error, automatic=data.get("by") is None)
    found.healed = action in ("skip", "continue")


def _failed(step: _Step, event: StoredEvent, key: str, data: dict[str, Any]) -> None:
    error = data.get("error") or {}
    handled = data.get("handled")
    if handled is not None:
        if handled not in step.tried:
            found = _note(step, event, key, handled, error, automatic=True)
            found.healed = True
    elif not step.tried:
        _note(step, event, key, NOTHING, error, automatic=True)


def _healed(step: _Step) -> None:
    """What was tried last has helped."""
    if step.last is not None:
        step.last.healed = True
    if step.type == CAUGHT:
        _dealt_with(step, CAUGHT, healed=True)


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
