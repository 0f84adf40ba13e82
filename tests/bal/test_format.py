"""Canonical text: what prints back unchanged, what becomes what, and what holds for all."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.bal.formatter import format_source
from server.bal.nodes import Program
from server.bal.parser import parse
from server.bal.printer import to_text
from tests.bal.canonical import canonical, same_meaning
from tests.bal.cases import Case, read_cases
from tests.bal.programs import commented, programs
from tests.support.examples import examples

GENERATED = examples(150)


def read(text: str) -> Program:
    parsed = parse(text)
    assert [found for found in parsed.diagnostics if found.severity == "error"] == [], text
    return parsed.program


@pytest.mark.parametrize("case", read_cases("identity.txt"), ids=str)
def test_canonical_text_prints_back_unchanged(case: Case) -> None:
    assert format_source(case.parts[""]).text == case.parts[""]


@pytest.mark.parametrize("case", read_cases("format.txt"), ids=str)
def test_text_becomes_canonical(case: Case) -> None:
    formatted = format_source(case.parts["before"])
    assert formatted.text == case.parts["after"]
    assert format_source(formatted.text).text == formatted.text
    assert same_meaning(read(case.parts["before"]), read(formatted.text))


def test_a_text_that_cannot_be_read_is_left_alone_and_says_why() -> None:
    formatted = format_source('writer { "goal": "x" ')
    assert not formatted.ok
    assert formatted.text == 'writer { "goal": "x" '
    assert formatted.diagnostics[0].kind == "unexpected_eof"


def test_windows_line_ends_and_byte_order_mark_disappear() -> None:
    text = '\ufeffwriter { # head\r\n  "goal": "one\r\ntwo"\r\n}\r\n'
    assert format_source(text).text == 'writer { # head\n  "goal": "one\ntwo"\n}\n'


@GENERATED
@given(programs())
def test_printing_and_reading_gives_the_program_back(program: Program) -> None:
    assert canonical(read(to_text(program))) == canonical(program)


@GENERATED
@given(programs(), st.integers(0, 1 << 32))
def test_formatting_is_idempotent_and_keeps_every_comment(program: Program, seed: int) -> None:
    text = commented(to_text(program), seed)
    before = parse(text).program
    once = format_source(text)
    assert once.ok
    assert format_source(once.text).text == once.text
    after = read(once.text)
    assert same_meaning(after, before)
    assert _remarks(after) == _remarks(before)


def _remarks(program: Program) -> list[str]:
    return sorted(re.sub(r"\s+$", "", comment.text) for comment in program.comments)
