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


@dataclass(slots=True)
class Found:
    """`action` is what was tried; `none` when the failure was simply let through."""

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
    calls: bool
    tried: dict[str, Found] = field(default_factory=dict[str, Found])
    last: Found | None = None


def incidents_of(events: Iterable[StoredEvent]) -> list[Found]:
    """One per step and action. A block that fails because of what is inside it is no incident of
    its own."""
    steps: dict[str, _Step] = {}
    told: set[str] = set()
    for event in events:
        key, data = event.step_key or "", event.data or {}
        if event.type == StepStarted.TYPE:
            kept = steps.get(key)
            begun = _Step(data.get("name") or key, data.get("type") in CALLS)
            steps[key] = begun if kept is None else kept
        elif event.type in (ModelFailed.TYPE, ToolFailedEvent.TYPE):
            _attempt_failed(steps.setdefault(key, _Step(key, True)), event, key, data)
        elif event.type == RepairTried.TYPE:
            _tried(steps.setdefault(key, _Step(key, True)), event, key, data)
        elif event.type == StepCompleted.TYPE and key in steps:
            _healed(steps[key])
        elif event.type == StepFailedEvent.TYPE and not data.get("reused"):
            step = steps.setdefault(key, _Step(key, True))
            message = str((data.get("error") or {}).get("message"))
            if step.calls or message not in told:
                _failed(step, event, key, data)
            told.add(message)
    return [found for step in steps.values() for found in step.tried.values()]


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
