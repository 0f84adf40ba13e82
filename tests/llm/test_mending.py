"""Values bent to their schema, and those left alone."""

from __future__ import annotations

from typing import Any

import pytest

from server.llm.mending import mended


def schema(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


TEXT = {"type": "string"}
NUMBER = {"type": "number"}
WHOLE = {"type": "integer"}
TRUTH = {"type": "boolean"}
MOOD = {"type": "string", "enum": ["Good", "bad"]}


@pytest.mark.parametrize(
    ("kind", "given", "bent"),
    [
        (NUMBER, "7", 7),
        (NUMBER, " -1.5 ", -1.5),
        (WHOLE, "12", 12),
        (WHOLE, 3.0, 3),
        (TRUTH, "True", True),
        (TEXT, 8001, "8001"),
        (TEXT, True, "true"),
        (MOOD, " good", "Good"),
        ({"anyOf": [NUMBER, {"type": "null"}]}, "2", 2),
        ({"type": ["integer", "null"]}, "2", 2),
        ({"type": "array", "items": NUMBER}, ["1", 2], [1, 2]),
        ({"type": "array", "items": NUMBER}, "[1, 2]", [1, 2]),
        (schema(b=NUMBER), '{"b": "1"}', {"b": 1}),
    ],
)
def test_bent_where_nothing_is_lost(kind: Any, given: Any, bent: Any) -> None:
    assert mended({"a": given}, schema(a=kind)) == {"a": bent}


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (NUMBER, "seven"),
        (NUMBER, "007"),
        (NUMBER, "1,000"),
        (NUMBER, "9" * 5000),
        (WHOLE, 3.5),
        (TRUTH, "yes"),
        (TRUTH, 1),
        (TEXT, ["a"]),
        (MOOD, "fine"),
        (NUMBER, None),
        ({"type": "array", "items": TEXT}, "a, b"),
        ({}, "7"),
    ],
)
def test_left_alone_where_one_would_guess(kind: Any, given: Any) -> None:
    assert mended({"a": given}, schema(a=kind)) == {"a": given}


@pytest.mark.parametrize(
    ("given", "bent"),
    [
        ({"output": {"a": "x"}}, {"a": "x"}),
        ({"output": '{"a": "x"}'}, {"a": "x"}),
        ([{"a": "x"}], {"a": "x"}),
        ([{"output": {"a": "x"}}], {"a": "x"}),
        ({"output": {"z": "x"}}, {"output": {"z": "x"}}),
        ({"a": {"a": "x"}}, {"a": {"a": "x"}}),
        ([{"a": "x"}, {"a": "y"}], [{"a": "x"}, {"a": "y"}]),
        ({}, {}),
        ("text", "text"),
        (None, None),
    ],
)
def test_a_wrapper_comes_off_where_it_is_one(given: Any, bent: Any) -> None:
    assert mended(given, schema(a=TEXT)) == bent
