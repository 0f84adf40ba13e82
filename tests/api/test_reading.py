"""The quick lexer reads what the library's reads, token by token, with the same places; and the
first look at a text counts nothing that is not there."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLSyntaxError, Source, parse
from graphql.language import TokenKind
from graphql.language.lexer import Lexer

from server.api.cost import DEEPEST, measure_document
from server.api.limits import MAX_TOKENS
from server.api.reading import QuickLexer, read_document
from server.api.scanning import scan
from tests.house.files import ROOT

TEXTS = [
    "",
    "{a}",
    "query Q($a: [Int!]! = [1, -2.5e3], $b: T = {x: E, y: null}) @d(if: true) {x: y(z: $a) ...F}",
    '{a(b: "", c: "x \\u00e9 \\" y", d: "é 😀 {}#")}',
    '{a(b: """\n  two\n    lines "quoted" \\\n  """, c: """x""", d: """\\"""y""")  e}',
    "# one\n{ # two, {\n  a,,,b\ufeff\r\n\tc # end",
    "{a(b: 12) c(d: 0.5) ... on T @x {e} ...F}\n\n\nfragment F on T {on: on}",
    '{a(b: """one\ntwo\r\nthree""")\nb}',
]
BROKEN = [
    '{a(b: "',
    '{a(b: """',
    "{a ..b}",
    "{a(b: 01)}",
    '{a(b: "\n")}',
    "{é}",
    '{a(b: "\ud800")}',
]


def tokens(lexer: Lexer) -> list[Any]:
    found: list[Any] = []
    while lexer.advance().kind != TokenKind.EOF:
        one = lexer.token
        while one.prev is not None and one.prev.kind == TokenKind.COMMENT:
            one = one.prev
        while one is not None and one is not lexer.token.next:
            found.append((one.kind, one.start, one.end, one.line, one.column, one.value))
            one = one.next
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_the_same_tokens_at_the_same_places(text: str) -> None:
    assert tokens(QuickLexer(Source(text))) == tokens(Lexer(Source(text)))


@pytest.mark.parametrize("text", BROKEN)
def test_the_same_complaint(text: str) -> None:
    with pytest.raises(GraphQLSyntaxError) as expected:
        parse(text)
    with pytest.raises(GraphQLSyntaxError) as found:
        read_document(text, MAX_TOKENS)
    assert (found.value.message, found.value.positions) == (
        expected.value.message,
        expected.value.positions,
    )


@pytest.mark.parametrize(
    "path", sorted((ROOT / "graphql-schema" / "operations").glob("*.graphql")), ids=lambda p: p.stem
)
def test_our_own_operations_are_read_alike_and_counted_low_enough(path: Any) -> None:
    text = path.read_text()
    document = read_document(text, MAX_TOKENS)
    assert document == parse(text)
    seen, measured = scan(text, MAX_TOKENS, DEEPEST), measure_document(document, frozenset(), {})
    for name in COUNTED:
        assert getattr(seen, name) <= getattr(measured, name), name


COUNTED = ("aliases", "repeats", "spreads", "longest", "pairs")
CHOSEN = [
    "{...A a {b} ...A ... on T {...B b}} fragment A on T {a {b c} ...B} fragment B on T {b b c}",
    "fragment F on T {a {b} a} fragment G on T {a {...F b} c} {...F ...G d: a {...F ...F}}",
    "{a {b c} a {b d {e}} f f ...F ...F} fragment F on T {a {b} f g: a(h: [1, {i: 2}]) {b b}}",
    "{... on T {a {b}} ... @x {a {c}} a {d} on {on} x: on {y}}",
    "{...A} fragment A on T {a {...B ...B} ...B} fragment B on T {x: a {y: b {...C}}} "
    "fragment C on T {__schema {a {...D b}} c {d {... {e {f}}}}} fragment D on S {z: a {b {c}}}",
    "query($a: I = {b: [1, 2]}) {a(b: {c: $a, d: E}) {a(b: [$a, E, {f: [[1]]}]) {a} a {a}}}",
]


@pytest.mark.parametrize("text", CHOSEN)
def test_the_first_look_counts_no_more_than_the_walk(text: str) -> None:
    seen = scan(text, MAX_TOKENS, DEEPEST)
    measured = measure_document(read_document(text, MAX_TOKENS), frozenset(), {})
    for name in COUNTED:
        assert getattr(seen, name) <= getattr(measured, name), name
    for name in ("aliases", "spreads"):
        assert getattr(seen, name) == getattr(measured, name), name
    for name, walked in (("levels", "depth"), ("introspection", "introspection")):
        assert getattr(seen, name) == getattr(measured, walked), name


def test_what_is_seen_at_first_sight() -> None:
    text = """
      query Q($a: Int, $b: [Int!] = [1, 2, 3]) @x { # {{{ "a" }}}
        a: b(c: {d: 1, e: {f: 2, g: "h } i"}}, j: [K, $a, {l: 1}, [1]]) { m m n }
        ... on T @y(if: $a) { o }
        ...F
      }"""
    seen = scan(text, MAX_TOKENS, DEEPEST)
    assert (seen.aliases, seen.repeats, seen.spreads, seen.directives) == (1, 1, 2, 2)
    assert seen.longest == 4
    assert seen.fields == {"b", "m", "n", "o"}


@pytest.mark.parametrize("inside", ["x" * 60 + "\\", "x" * 60 + "\r\n", "x\n" * 30_000, 'x "' * 50])
@pytest.mark.parametrize("end", ['"""', "", '"'])
def test_a_long_block_of_text_costs_no_more_than_its_length(inside: str, end: str) -> None:
    """With a second try for each way to divide it, sixty letters would take longer than a life."""
    text = '{a(b: """' + inside + end
    assert read(QuickLexer(Source(text))) == read(Lexer(Source(text)))


def read(lexer: Lexer) -> list[Any] | str:
    try:
        return tokens(lexer)
    except GraphQLSyntaxError as error:
        return str(error)
