"""The documentation says what the code does: made pages are up to date, examples run."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from tests.house.examples import Example, examples
from tests.house.files import ROOT
from tests.house.generated import PAGES


@pytest.mark.parametrize("page", PAGES)
def test_made_pages_are_up_to_date(page: str) -> None:
    assert (ROOT / page).read_text() == PAGES[page](), "run: python -m tests.house.generated"


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.place)
def test_examples_are_accepted_or_refused_as_said(example: Example) -> None:
    """Whoever copies an example gets no warning either; a wrong one is about its errors."""
    from server.bal.checker import check

    wrong = example.mark == "wrong"
    found = [
        f"{one.kind} {one.span.line}:{one.span.column}"
        for one in check(example.source).diagnostics
        if one.severity == "error" or not wrong
    ]
    assert found == (example.what if wrong else [])


@pytest.mark.parametrize(
    "example", [e for e in examples() if e.mark == "run"], ids=lambda example: example.place
)
async def test_examples_give_what_the_page_says(example: Example) -> None:
    from server.engine.offline import run_source

    said = example.what
    given = {"value": said["input"]} if "input" in said else {}
    result = await run_source(example.source, **given, replies=said.get("replies", {}))
    outcome = result.outcome
    assert (outcome.status, outcome.output) == ("completed", said["output"]), outcome.error


@cache
def _schema() -> GraphQLSchema:
    return build_schema((ROOT / "graphql-schema/schema.graphql").read_text())


GRAPHQL = re.compile(r"```graphql\n(.*?)```", re.S)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_every_graphql_example_is_valid(page: Path) -> None:
    schema = _schema()
    for example in GRAPHQL.findall(page.read_text()):
        assert [str(error) for error in validate(schema, parse(example))] == []


def test_every_way_in_which_a_model_fails_is_in_the_troubleshooting() -> None:
    from server.llm.errors import ModelErrorKind

    lines = (ROOT / "docs/troubleshooting.md").read_text().splitlines()
    told = {line.split("`")[1] for line in lines if line.startswith("| `") and " on a step" in line}
    assert {*(kind.value for kind in ModelErrorKind), "schema_mismatch"} <= told


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("**/*.md"))]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []
