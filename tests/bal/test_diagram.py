"""What a program looks like. A snapshot is a list of lines: nodes with their places, then edges."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.bal.diagram import Diagram, diagram, draw
from server.bal.keys import groups, step_keys
from server.bal.nodes import Block, Chain, If, Program, Step
from server.bal.parser import parse
from server.bal.printer import to_text
from tests.bal.cases import Case, read_cases
from tests.bal.programs import commented, programs
from tests.support.examples import examples


def drawn(source: str) -> Diagram:
    drawing = draw(source)
    assert drawing.diagram is not None, drawing.diagnostics
    return drawing.diagram


def every_step(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        if isinstance(step, If):
            yield from every_step(step.then.steps)
            other = step.otherwise
            yield from every_step(other.steps if isinstance(other, Block) else ())
            yield from every_step((other,) if isinstance(other, If) else ())
        else:
            for _, inside in groups(step):
                yield from every_step(inside)


def summary(picture: Diagram) -> str:
    lines = [
        f"{node.type} {node.id} | {node.data['name']} | {node.x},{node.y} "
        + f"{node.width}x{node.height}"
        + (f" in {node.parent}" if node.parent else "")
        for node in picture.nodes
    ]
    lines += [
        f"{edge.type}: {edge.source} -> {edge.target}" + (f" ({edge.label})" if edge.label else "")
        for edge in picture.edges
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", read_cases("diagram.txt"), ids=str)
def test_program_looks_like_its_snapshot(case: Case) -> None:
    assert summary(drawn(case.parts[""])) == case.parts["looks"]


def test_a_node_shows_the_properties_of_its_entity() -> None:
    picture = drawn(
        'defaults { "model": "openai:gpt-4o" }\n'
        'writer { goal: "Write", tools: web_search, canRequest: ["send_mail"], '
        'output: { title: string }, temperature: 0.5, reasoning: low, stop_when: "noToolCalls", '
        'retries: 2, trigger: "manual" }'
    )
    (node,) = picture.nodes
    assert node.data == {
        "name": "writer",
        "goal": "Write",
        "model": "openai:gpt-4o",
        "tools": ["web_search"],
        "canRequest": ["send_mail"],
        "output": {"title": "string"},
        "temperature": 0.5,
        "reasoning": "low",
        "stopWhen": "noToolCalls",
        "retries": 2,
        "trigger": "manual",
    }
    assert node.to_json()["span"] == {"line": 2, "column": 1, "endLine": 2, "endColumn": 189}


def test_bad_text_shows_no_diagram_but_its_mistakes() -> None:
    drawing = draw("writer { goal: }")
    assert drawing.diagram is None
    assert drawing.diagnostics[0].kind == "unexpected_token"


def test_many_hubs_draw_a_bounded_number_of_edges() -> None:
    hubs = "\n".join(f'a{n} {{ goal: "A", tools: [spawn_baleybot] }}' for n in range(300))
    assert len(drawn(hubs).edges) == 299


def test_an_edit_elsewhere_moves_no_id() -> None:
    before = 'a { goal: "A" }\nb { goal: "B" }\nchain { a loop (max: 2) { b } }'
    after = 'x { goal: "X" }\na { goal: "Other", model: "m" }\n\nb { goal: "B" }\n' + (
        "# remark\nchain { a loop (max: 5) { b } x }"
    )
    ids = {node.id for node in drawn(before).nodes}
    assert ids <= {node.id for node in drawn(after).nodes}


@examples(80)
@given(programs())
def test_every_step_is_drawn_in_a_place_of_its_own(program: Program) -> None:
    picture = diagram(program)
    ids = [node.id for node in picture.nodes]
    assert len(ids) == len(set(ids))
    places = [(node.x, node.y) for node in picture.nodes]
    assert len(places) == len(set(places))
    edges = [edge.id for edge in picture.edges]
    assert len(edges) == len(set(edges))
    assert {edge.source for edge in picture.edges} <= set(ids)
    assert {edge.target for edge in picture.edges} <= set(ids)
    json.dumps(picture.to_json())
    keys = step_keys(program)
    assert {keys[step] for step in every_step(program.steps) if not isinstance(step, Chain)} == {
        node.data["step"] for node in picture.nodes if "step" in node.data
    }


@examples(80)
@given(programs(), st.integers(0, 1 << 32))
def test_children_stand_inside_their_container_and_nobody_overlaps(
    program: Program, seed: int
) -> None:
    picture = drawn(commented(to_text(program), seed))
    assert picture == diagram(parse(to_text(program)).program)
    by_id = {node.id: node for node in picture.nodes}
    by_parent: dict[str | None, list[tuple[int, int, int, int]]] = {}
    for node in picture.nodes:
        box = (node.x, node.y, node.x + node.width, node.y + node.height)
        for other in by_parent.setdefault(node.parent, []):
            apart = box[0] >= other[2] or other[0] >= box[2]
            assert apart or box[1] >= other[3] or other[1] >= box[3], (node.id, box, other)
        by_parent[node.parent].append(box)
        if node.parent:
            outer = by_id[node.parent]
            assert outer.x < box[0]
            assert outer.y < box[1]
            assert box[2] < outer.x + outer.width
            assert box[3] < outer.y + outer.height
