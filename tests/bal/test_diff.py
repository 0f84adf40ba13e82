"""What a change of the text means, in sentences."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.bal.diff import describe, diff
from server.bal.nodes import Program
from server.bal.parser import parse
from server.bal.printer import to_text
from tests.bal.cases import Case, read_cases
from tests.bal.programs import commented, programs
from tests.support.examples import examples


@pytest.mark.parametrize("case", read_cases("diff.txt"), ids=str)
def test_a_change_is_told_in_sentences(case: Case) -> None:
    changes = diff(parse(case.parts["old"]).program, parse(case.parts["new"]).program)
    told = "".join(f"{change.sentence}\n" for change in changes)
    assert told == case.parts["says"]


def test_a_change_is_data_too() -> None:
    old = parse('writer { goal: "W", model: "gpt-4o" }').program
    new = parse('writer { goal: "W", model: "gpt-4o-mini", description: "D" }').program
    changes = diff(old, new)
    assert describe(changes) == (
        "the description of writer was set to D; writer now uses gpt-4o-mini"
    )
    assert changes[1].to_json() == {
        "kind": "model_changed",
        "subject": "writer",
        "before": "gpt-4o",
        "after": "gpt-4o-mini",
        "sentence": "writer now uses gpt-4o-mini",
    }


@examples(40)
@given(programs(), st.integers(0, 1 << 32))
def test_formatting_and_remarks_are_no_change(program: Program, seed: int) -> None:
    assert diff(program, parse(commented(to_text(program), seed)).program) == []


@examples(40)
@given(programs(), programs())
def test_any_two_programs_can_be_compared(old: Program, new: Program) -> None:
    changes = diff(old, new)
    assert changes == [] or describe(changes)
    json.dumps([change.to_json() for change in changes])
