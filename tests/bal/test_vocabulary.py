"""The table of words agrees with the rooms that give them their meaning."""

from __future__ import annotations

import json

import pytest

from server.bal import vocabulary
from server.bal.checker import check
from server.bal.functions import FUNCTIONS
from server.bal.vocabulary import ENTITY_PROPERTIES, STEP_KEYWORDS, TYPE_WORDS, Word


def test_the_table_is_json() -> None:
    table = json.loads(json.dumps(vocabulary.to_json()))
    assert table["settings"]["loop"][0]["name"] == "until"
    assert {word["name"] for word in table["functions"]} == set(FUNCTIONS)
    assert "chain" in table["reserved"]
    assert table["contextual"] == ["filter", "gate", "processor", "route"]


@pytest.mark.parametrize("word", ENTITY_PROPERTIES, ids=lambda word: word.name)
def test_the_example_of_a_property_is_right(word: Word) -> None:
    if "…" in word.form:
        return
    goal = "" if word.name == "goal" else '"goal": "Go" '
    report = check(f"a {{ {goal}{word.form} }}")
    assert [found.message for found in report.diagnostics if found.severity == "error"] == []


@pytest.mark.parametrize("word", TYPE_WORDS, ids=lambda word: word.name)
def test_the_example_of_a_type_is_right(word: Word) -> None:
    report = check(f'a {{ "goal": "Go", "output": {{ "x": "{word.form}" }} }}')
    assert report.ok


@pytest.mark.parametrize("word", STEP_KEYWORDS, ids=lambda word: word.name)
def test_the_example_of_a_step_is_right(word: Word) -> None:
    names = ("a", "b", "c", "writer", "judge", "fixer", "helper", "classifier")
    entities = " ".join(f'{name} {{ "goal": "Go" }}' for name in names)
    inside = word.name not in ("run", "else", "catch", "finally")
    form = word.form if not word.form.startswith(("else", "catch", "finally")) else "chain { a }"
    report = check(f"{entities} {f'chain {{ {form} }}' if inside else form}")
    assert [found.message for found in report.diagnostics if found.severity == "error"] == []
