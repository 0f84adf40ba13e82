"""Edits of the text: what changes, byte for byte, and what never changes."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.bal.diagram import DiagramNode, diagram, draw
from server.bal.edits import EditRefused, apply_edit, apply_edits, rename_entity, set_property
from server.bal.edits.apply import EDITS
from server.bal.edits.draft import applied
from server.bal.keys import step_keys
from server.bal.nodes import Program
from server.bal.parser import parse
from server.bal.printer import to_text
from server.bal.tree import sites
from tests.bal.cases import Case, read_cases
from tests.bal.programs import NAMES, commented, programs
from tests.support.examples import examples

GENERATED = examples(40)
SEEDS = st.integers(0, 1 << 32)


@pytest.mark.parametrize("case", read_cases("edits.txt"), ids=str)
def test_edit_changes_only_what_it_must(case: Case) -> None:
    before, edits = case.parts["before"], json.loads(case.parts["edit"])
    edits = edits if isinstance(edits, list) else [edits]
    if "refused" in case.parts:
        with pytest.raises(EditRefused) as refused:
            apply_edits(before, edits)
        assert refused.value.message == case.parts["refused"].strip()
    else:
        assert apply_edits(before, edits) == case.parts["after"]


def test_the_replaced_spans_are_the_smallest() -> None:
    result = set_property('a { goal: "A", "retries": 1 }', "a", "retries", 2)
    (replacement,) = result.replacements
    assert (replacement.start, replacement.end, replacement.text) == (26, 27, "2")


def test_an_edit_that_changes_nothing_replaces_nothing() -> None:
    assert set_property('a { goal: "A" }', "a", "goal", "A").replacements == ()


def test_line_ends_of_windows_stay() -> None:
    source = 'a {\r\n  "goal": "A"\r\n}\r\n'
    text = apply_edits(
        source,
        [
            {"edit": "set_property", "entity": "a", "key": "output", "value": {"t": "string"}},
            {"edit": "add_step", "text": "a", "to": {"after": "a"}},
        ],
    )
    assert text.replace("\r\n", "").count("\n") == 0
    assert text.startswith(source[:19])


def test_a_missing_part_of_an_edit_is_named() -> None:
    with pytest.raises(EditRefused, match="needs `entity`"):
        apply_edit('a { goal: "A" }', {"edit": "set_property", "key": "goal", "value": "x"})
    with pytest.raises(EditRefused, match="no edit `paint`"):
        apply_edit('a { goal: "A" }', {"edit": "paint"})


CHANGES = st.one_of(
    st.tuples(st.just("goal"), st.text(max_size=20).filter(str.strip)),
    st.tuples(st.just("model"), st.sampled_from(("gpt-4o", "a:b/c"))),
    st.tuples(st.just("tools"), st.lists(st.sampled_from(("x", "y", "spawn_baleybot")))),
    st.tuples(st.just("temperature"), st.floats(0, 2)),
    st.tuples(st.just("retries"), st.integers(0, 10)),
    st.tuples(st.just("output"), st.dictionaries(st.sampled_from("abc"), st.just("string"))),
)


@GENERATED
@given(programs(), SEEDS, CHANGES)
def test_a_property_changed_on_the_diagram_is_the_only_change(
    program: Program, seed: int, change: tuple[str, object]
) -> None:
    source = commented(to_text(program), seed)
    name, (key, value) = Random(seed).choice(NAMES), change
    result = set_property(source, name, key, value)
    assert result.text == applied(source, result.replacements)
    wanted = [
        {**node.data, key: value} if is_bot(node, name) else node.data
        for node in diagram(parse(source).program).nodes
    ]
    drawing = draw(result.text).diagram
    assert drawing is not None
    assert [node.data for node in drawing.nodes] == wanted
    assert set(remarks(result.text)) <= set(remarks(source))
    if isinstance(value, str | float | int):
        assert remarks(result.text) == remarks(source)


@GENERATED
@given(programs(), SEEDS)
def test_renaming_there_and_back_gives_the_same_bytes(program: Program, seed: int) -> None:
    source = commented(to_text(program), seed)
    name = Random(seed).choice(NAMES)
    there = rename_entity(source, name, "another_name").text
    assert f"{name} {{" not in to_text(parse(there).program).split("\n")
    assert rename_entity(there, "another_name", name).text == source


@examples(80)
@given(programs(), SEEDS)
def test_any_edit_of_a_step_gives_a_program_or_a_reason(program: Program, seed: int) -> None:
    source = commented(to_text(program), seed)
    random = Random(seed)
    edit = random_edit(parse(source).program, random)
    reason = ""
    try:
        result = apply_edit(source, edit)
    except EditRefused as refused:
        reason = refused.message
    assert "would break" not in reason
    if reason:
        return
    assert result.text == applied(source, result.replacements)
    drawing = draw(result.text)
    assert drawing.diagram is not None
    if edit["edit"] not in ("delete_step", "replace_step"):
        assert remarks(result.text) == remarks(source)


def is_bot(node: DiagramNode, name: str) -> bool:
    return node.type == "baleybot" and node.data["name"] == name


def random_edit(program: Program, random: Random) -> dict[str, Any]:
    keys = step_keys(program)
    known = [keys[site.step] for site in sites(program)]
    step, other = random.choice(known), random.choice(known)
    way = random.choice(("before", "after", "into"))
    return random.choice(
        (
            {"edit": "delete_step", "step": step},
            {"edit": "move_step", "step": step, "to": {way: other}},
            {"edit": "add_step", "text": "writer => $x", "to": {way: other}},
            {"edit": "add_step", "text": 'loop ("max": 2) {\n  writer\n}', "to": {way: other}},
            {"edit": "wrap_step", "step": step, "in": random.choice(("loop", "parallel", "try"))},
            {"edit": "unwrap_step", "step": step},
            {"edit": "replace_step", "step": step, "text": "editor"},
        )
    )


def remarks(source: str) -> list[str]:
    return sorted(comment.text for comment in parse(source).program.comments)


ODD_VALUES = st.sampled_from(
    (None, True, 5, -1, 1.5, "", "writer", "chain", "goal", "loop", "\ud800", '"', "{", "a b",
     float("inf"), [], ["a", 5], {}, {"after": 5}, {"into": [1]}, {"before": "chain"},
     {"goal": "x"}, {"goal": 5}, {"max": "x"})
)  # fmt: skip
PARTS = ("entity", "key", "value", "properties", "name", "step", "to", "text", "in", "settings")


@examples(300)
@given(
    st.sampled_from(sorted(EDITS)),
    st.dictionaries(st.sampled_from((*PARTS, "last", "setting")), ODD_VALUES),
)
def test_whatever_an_edit_carries_it_is_made_or_refused(
    kind: str, parts: dict[str, object]
) -> None:
    source = 'writer { goal: "W" }\nchain { writer loop ("max": 2) { writer } }\n'
    try:
        result = apply_edit(source, {**parts, "edit": kind})
    except EditRefused:
        return
    assert result.text == applied(source, result.replacements)
