"""The programs that ship as files: every one is in order, and the one with everything runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from server.bal.nodes import Step, StepNode
from server.bal.parser import parse
from server.bal.walk import children
from server.cli.group import cli
from tests.house.files import ROOT

EXAMPLES = ROOT / "docs" / "examples"
PROGRAMS = sorted([*EXAMPLES.glob("*.bal"), *(ROOT / "server/templates/library").glob("*.bal")])
EVERYTHING = EXAMPLES / "everything.bal"


# The program with everything has the older form of a branch, too.
WARNED = {"everything": ["legacy_when"]}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_shipped_programs_earn_no_mistake_and_no_warning(path: Path) -> None:
    result = CliRunner().invoke(cli, ["bal", "check", str(path), "--json"])
    assert [found["kind"] for found in json.loads(result.output)] == WARNED.get(path.stem, [])
    assert result.exit_code == 0


def test_the_program_with_everything_has_every_construct() -> None:
    program = parse(EVERYTHING.read_text("utf-8")).program
    found: set[str] = set()
    waiting: list[Step] = list(program.steps)
    while waiting:
        step = waiting.pop()
        found.add(type(step).__name__)
        waiting.extend(children(step))
    assert found == {kind.__name__ for kind in StepNode.__subclasses__()}
    assert None not in (program.run, program.defaults, program.analytics)


def test_the_program_with_everything_gives_what_it_should() -> None:
    replies = EXAMPLES / "everything.replies.json"
    words = ["bal", "run", str(EVERYTHING), "--replies", str(replies), "--json"]
    result = CliRunner().invoke(cli, words)
    expected = (EXAMPLES / "everything.expected.json").read_text("utf-8")
    assert json.loads(result.output) == json.loads(expected)
    assert result.exit_code == 0


def test_the_program_with_everything_is_in_canonical_form() -> None:
    result = CliRunner().invoke(cli, ["bal", "fmt", "--check", str(EVERYTHING)])
    assert (result.exit_code, result.output) == (0, "")
