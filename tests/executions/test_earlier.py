"""What failed in an ended execution, as its rows tell it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from server.bal.checker import check
from server.bal.planner import plan
from server.engine.modified import REMEMBERED
from server.executions.earlier import GIVEN_UP, UNCAUGHT, Earlier
from server.models.enums import StepStatus

ENTITY = 'w { "goal": "Write", "tools": ["t"] }'
CLOSED = {"kind": "tool_failed", "message": "Closed.", "entity": "t"}
SPENT = {"kind": "budget_exceeded", "message": "Too many calls.", "entity": "t"}


def step(key: str, kind: str, error: Any, parent: str | None = None) -> Any:
    return SimpleNamespace(
        key=key, type=kind, name=key, status=StepStatus.FAILED, error=error, output=None,
        input={}, parent_key=parent, position=0,
    )  # fmt: skip


def note(key: str, value: Any) -> Any:
    return SimpleNamespace(
        key=key, type=REMEMBERED, status=StepStatus.COMPLETED, output=value, parent_key=None
    )


def turn(number: int, calls: int) -> Any:
    asked = [{"id": str(place), "name": "t", "arguments": "{}"} for place in range(calls)]
    return note(f"w/turn[{number}]", {"place": 0, "answer": {"tool_calls": asked}})


def remedy(key: str, action: str, number: int = 1) -> Any:
    return note(f"{key}#remedy[{number}]", {"action": action})


FIRST, SECOND, LATER = "w/turn[1]/t", "w/turn[1]/t~2", "w/turn[2]/t"
TURNS = [turn(1, 2), turn(2, 1)]


@pytest.mark.parametrize(
    ("notes", "error", "causes"),
    [
        (TURNS, CLOSED, [LATER]),
        ([*TURNS, remedy(LATER, "fail")], CLOSED, [LATER]),
        ([*TURNS, remedy(LATER, "skip")], CLOSED, ["w"]),
        ([*TURNS, remedy(LATER, "retry"), note(f"{LATER}#remedies", 1)], CLOSED, [LATER]),
        # An earlier try of the entity: what was said of its failures says nothing of this one.
        ([*TURNS, remedy(LATER, "skip"), note(f"{LATER}#remedies", 1)], SPENT, [LATER]),
        (TURNS, {**CLOSED, "entity": "w"}, ["w"]),
        ([], CLOSED, [FIRST, SECOND, LATER]),
    ],
    ids=["last turn", "fail", "skip", "retry", "before", "its own", "no turns"],
)
def test_which_tool_failed_its_entity(
    notes: list[Any], error: dict[str, Any], causes: list[str]
) -> None:
    program = plan(check(ENTITY).program)
    told = SPENT if error is SPENT else CLOSED
    tools = [step(key, "tool", told, "w") for key in (FIRST, SECOND, LATER)]
    earlier = Earlier([step("w", "entity", error), *tools, *notes], program, error)
    assert [row.key for row in earlier.failures(UNCAUGHT)] == causes
    assert [row.key for row in earlier.failures(GIVEN_UP)] == causes


def entity(status: StepStatus, error: Any = None) -> Any:
    row = step("w", "entity", error)
    row.status = status
    return row


def tool(status: StepStatus, error: Any = None) -> Any:
    row = step(LATER, "tool", error, "w")
    row.name, row.status = "t", status
    return row


DONE, FAILED, BROKEN = StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.CANCELLED
OWN = {"kind": "bad_request", "message": "No.", "entity": "w"}
REFUSED = {"kind": "entity_failed", "message": "Refused.", "entity": "w"}


@pytest.mark.parametrize(
    ("stop", "rows", "asked"),
    [
        ("", [entity(DONE), tool(DONE)], 3),
        ("", [entity(DONE), tool(FAILED, CLOSED)], 3),
        ('"stopWhen": "stepCount:2"', [entity(DONE), tool(DONE)], 2),
        ('"stopWhen": "hasToolResult:t"', [entity(DONE), tool(DONE)], 2),
        ('"stopWhen": "hasToolResult:t"', [entity(DONE), tool(FAILED, CLOSED)], 3),
        (
            '"stopWhen": "hasToolResult:t"',
            [entity(DONE), tool(FAILED, CLOSED), remedy(LATER, "continue")],
            2,
        ),
        ("", [entity(FAILED, OWN), tool(DONE)], 3),
        ("", [entity(FAILED, CLOSED), tool(FAILED, CLOSED)], 2),
        ("", [entity(FAILED, REFUSED), tool(DONE)], 2),
        ("", [entity(BROKEN), tool(BROKEN)], 2),
    ],
)
def test_what_a_model_was_asked(stop: str, rows: list[Any], asked: int) -> None:
    program = plan(check(ENTITY.replace(" }", f" {stop} }}")).program)
    rows[0].name = "w"
    earlier = Earlier([*rows, *TURNS], program, None)
    assert earlier.question_keys(rows[0]) == [f"w/turn[{n + 1}]" for n in range(asked)]
