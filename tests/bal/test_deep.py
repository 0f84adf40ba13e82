"""The deepest programs that the parser accepts are formatted, drawn, compared and edited."""

from __future__ import annotations

import pytest

from server.bal.diagram import draw
from server.bal.diff import diff
from server.bal.edits import add_step, rename_entity
from server.bal.formatter import format_source
from server.bal.outline import outline
from server.bal.parser import parse

ENTITY = 'a { "goal": "A" }\n'
DEEP = {
    "loops": ENTITY + 'loop ("max": 2) { ' * 98 + "a" + " }" * 98,
    "else ifs": ENTITY + 'chain { if ("x") { a } ' + 'else if ("x") { a } ' * 97 + "}",
    "branches": ENTITY + 'parallel { "x": chain { ' * 48 + "a" + " } }" * 48,
    "arms": ENTITY + "route (a) { x: { " * 48 + "a" + " } }" * 48,
    "lists": 'a { "goal": "A", "x": ' + "[" * 97 + "1" + "]" * 97 + " }\nchain { a }",
    "objects": 'a { "goal": "A", "x": ' + "{ a: " * 97 + "1" + "}" * 97 + " }\nchain { a }",
}


@pytest.mark.parametrize("source", DEEP.values(), ids=DEEP.keys())
def test_depth_is_no_problem(source: str) -> None:
    formatted = format_source(source)
    assert formatted.ok
    assert format_source(formatted.text).text == formatted.text
    assert draw(source).diagram == draw(formatted.text).diagram
    program = parse(source).program
    assert diff(program, parse(formatted.text).program) == []
    assert diff(program, parse(ENTITY).program)
    assert outline(source)
    assert rename_entity(source, "a", "b").text.startswith("b {")
    assert add_step(source, "a").text != source
