"""`cache` of an entity, and the list of fallbacks that wants none."""

from __future__ import annotations

import pytest

from server.bal.checker import check
from server.bal.plan import Plan
from server.bal.planner import plan


def entity(properties: str) -> str:
    return f'writer {{ "goal": "Write", {properties} }}'


@pytest.mark.parametrize(
    ("properties", "seconds"),
    [
        ('"cache": 3600', 3600),
        ('"cache": 0', None),
        ('"cache": true', None),
        ('"retries": 1', None),
    ],
)
def test_seconds_reach_the_plan(properties: str, seconds: int | None) -> None:
    report = check(entity(properties))
    assert report.ok
    made = Plan.from_json(plan(report.program).to_json())
    assert made.entities["writer"].cache == seconds


def test_what_an_older_program_meant_by_it_is_only_warned_about() -> None:
    (warning,) = [
        one for one in check(entity('"cache": true')).diagnostics if "cache" in one.message
    ]
    assert (warning.severity, warning.kind) == ("warning", "unknown_property")


@pytest.mark.parametrize("value", ["2592001", "-1"])
def test_a_time_out_of_bounds_is_refused(value: str) -> None:
    (error,) = [
        one for one in check(entity(f'"cache": {value}')).diagnostics if one.severity == "error"
    ]
    assert error.kind == "invalid_value"


@pytest.mark.parametrize(
    ("source", "none"),
    [
        (entity('"fallbacks": []'), True),
        (entity('"fallbacks": ["demo:standard"]'), False),
        (entity('"retries": 1'), False),
        ('defaults { "fallbacks": [] } ' + entity('"retries": 1'), True),
    ],
)
def test_an_empty_list_of_fallbacks_says_something(source: str, none: bool) -> None:
    assert plan(check(source).program).entities["writer"].no_fallbacks is none
