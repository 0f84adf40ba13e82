from __future__ import annotations

from dataclasses import fields

import pytest

from server.engine.events import EVENT_TYPES, ExecutionEvent, StepDelta, read_event

FAMILIES = ("execution", "step", "model", "tool", "entity", "repair", "approval")


@pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=list(EVENT_TYPES))
def test_an_event_survives_the_way_through_json(kind: type[ExecutionEvent]) -> None:
    given = {item.name: f"some {item.name}" for item in fields(kind)}
    event = kind(**given)
    assert read_event(kind.TYPE, event.to_data()) == event
    assert kind.TYPE.split(".")[0] in FAMILIES


def test_what_a_later_release_adds_does_not_break_this_one() -> None:
    assert read_event("step.delta", {"text": "a", "colour": "red"}) == StepDelta(text="a")
    assert read_event("step.dreamt", {"text": "a"}) is None
