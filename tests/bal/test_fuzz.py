"""Whatever the text is, reading and checking it ends soon and says things that hold together."""

import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from server.bal.checker import Catalogue, check
from server.bal.lexer import decode
from server.bal.parser import parse
from server.bal.types import TypeMistake, from_json_schema, parse_type, to_json_schema, to_text
from tests.bal.grammar import programs
from tests.support.examples import examples

MANY = examples(150, suppress_health_check=[HealthCheck.too_slow])
FEWER = examples(40, suppress_health_check=[HealthCheck.too_slow])
PIECES = [
    *"a b chain parallel if else loop map select merge with run try catch finally when".split(),
    *"route gate filter processor use on_error analytics defaults goal true null".split(),
    *"{ } [ ] ( ) : , . => $x 5 -1.5 1. until max result.items branch_0 # // \\ @ ;".split(),
    *('"', "'", '"goal"', '"x"', "'result.n > 1'", '"{{a}}"', '"until"', "\n"),
]


def holds_together(source: str) -> None:
    report = check(source, Catalogue(frozenset({"b"}), frozenset({"p:m"}), frozenset({"db"})))

    places = [one.span for one in report.diagnostics]
    assert places == sorted(places, key=lambda span: span.start)
    for one in report.diagnostics:
        assert 0 <= one.span.start <= one.span.end <= len(source)
        assert (one.span.line, one.span.column) <= (one.span.end_line, one.span.end_column)
        assert one.message
        str(one.to_json()).encode()
    assert report.ok or any(one.severity == "error" for one in report.diagnostics)


@MANY
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:  # S53
    holds_together(decode(data))


@MANY
@given(st.text(max_size=200))
def test_any_text(source: str) -> None:
    holds_together(source)


@MANY
@given(st.lists(st.sampled_from(PIECES), max_size=80))
def test_any_words_of_the_language(pieces: list[str]) -> None:
    holds_together(" ".join(pieces))


@FEWER
@given(programs())
def test_program_of_the_grammar_is_read_without_error(source: str) -> None:
    assert [one for one in parse(source).diagnostics if one.severity == "error"] == []
    holds_together(source)


@FEWER
@given(programs(), st.data())
def test_damaged_program(source: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(source)))
    end = data.draw(st.integers(start, min(len(source), start + 20)))
    patch = data.draw(st.sampled_from(["", '"', "{", "}", ")", "chain {", "=>", "\\", ": ,", "é"]))

    holds_together(source[:start] + patch + source[end:])


@MANY
@given(st.text("stringumbeay|?[]<>(){}:,.'\"0159 minax", max_size=40))
def test_any_type(text: str) -> None:
    found = parse_type(text)

    if isinstance(found, TypeMistake):
        assert 0 <= found.start <= found.end <= len(text)
    else:
        assert parse_type(to_text(found)) == found
        from_json_schema(to_json_schema(found))


NESTED = {
    "blocks": "chain {",
    "blocks without end": "chain { a ",
    "branches": 'parallel { "x":',
    "ladders": 'if ("x") { a } else ',
    "routes": 'route (a) { "x": ',
    "objects": "a { b: { c: ",
    "lists": "run([",
    "braces": "{",
    "fields": "select { a: ",
    "entities": "a {",
    "analytics": "analytics {",
}
DEEP = {
    **{name: piece * 10_000 for name, piece in NESTED.items()},
    "objects in a value": 'a { "goal": "x" b: ' + "{ c: " * 10_000,
    "lists in a value": 'a { "goal": "x" b: ' + "[" * 10_000,
    "closed lists": 'a { "goal": "x" b: ' + "[" * 10_000 + "]" * 10_000 + "}",
    "fields in fields": "select " + "{ a: " * 10_000,
    "condition": 'if ("' + "(" * 10_000 + '") { a }',
    "type": 'a { "goal": "x" output: { n: "' + "array<" * 10_000 + '" } }',
    "postfix type": 'a { "goal": "x" output: { n: "string' + "[]" * 10_000 + '" } }',
}
LARGE = {
    "words": "a " * 500_000,
    "quotes": '"' * 1_000_001,
    "marks": ";" * 1_000_000,
    "numbers": "1." * 500_000,
    "runs": "run(" * 250_000,
    "broken entities": "a{x:[1 2 3 }\n" * 80_000,
    "broken chains": "chain{a b => => c}\n" * 50_000,
    "escapes": 'a{goal:"' + "\\u12" * 250_000 + '"}',
    "bots": "".join(f'a{n} {{ "goal": "x" }}\n' for n in range(10_000)) + "\0",
    "invalid bytes": decode(b"\xff" * 1_000_000),
}


@pytest.mark.slow
@pytest.mark.parametrize("source", [*DEEP.values(), *LARGE.values()], ids=[*DEEP, *LARGE])
def test_monstrous_text_gets_an_error_within_a_second(source: str) -> None:  # S53
    # Other work on the machine may slow one try down, not all of them.
    assert any(seconds_to_refuse(source) < 1.0 for _ in range(3))


def seconds_to_refuse(source: str) -> float:
    start = time.process_time()
    assert not check(source).ok
    return time.process_time() - start
