"""Documents as large as may be, in which everything is right but one thing near the end. They are
made from the schema, so they grow with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_object_type,
    is_required_argument,
)

from server.api.scanning import scan
from server.api.sifting import sifted

TOKENS = 1_970
_DEPTH = 9

# Before the document, in it as the last, and behind it.
MISTAKES: dict[str, tuple[str, str, str]] = {
    "field": ("", "nope", ""),
    "selection": ("", "roles", ""),
    "of a value": ("", "viewer {role {id}}", ""),
    "argument": ("", "tools(nope: 1) {totalCount}", ""),
    "value": ("", 'tools(first: "1") {totalCount}', ""),
    "enum": ("", "bots(filter: {state: {eq: NOPE}}) {totalCount}", ""),
    "date": ("", 'executions(filter: {createdAt: {gt: "now"}}) {totalCount}', ""),
    "required": ("", "execution {id}", ""),
    "variable": ("", "tools(first: $nope) {totalCount}", ""),
    "fragment": ("", "...Nope", ""),
    "type": ("", "... on Bot {id}", ""),
    "conflict": ("", "viewer {role: id}", ""),
    "directive": ("", "viewer @nope {role}", ""),
    "unused": ("query ($nope: Int)", "", ""),
    "unspread": ("", "", "fragment Nope on Query {viewer {role}}"),
    "named twice": ("", "...F", "fragment F on Query {role} fragment F on Query {role}"),
    "cycle": ("", "...F", "fragment F on Query {...G} fragment G on Query {...F}"),
    "no end": ("", "viewer {role", ""),
    "no name": ("", "viewer {: role}", ""),
    "schema": ("", "", "type Nope {nope: Int}"),
}


def large(schema: GraphQLSchema, *, rich: bool = False) -> dict[str, str]:
    """`rich`: with arguments, directives and fragments wherever they may be."""
    right = _right(schema, rich=rich)
    return {
        name: f"{before} {{{right} {mistake}}} {behind}"
        for name, (before, mistake, behind) in MISTAKES.items()
    }


def _right(schema: GraphQLSchema, *, rich: bool) -> str:
    return _Growing(schema, _most(lambda fields: _fits(schema, fields, rich)), rich).text()


def _fits(schema: GraphQLSchema, fields: int, rich: bool) -> bool:
    return scan(_Growing(schema, fields, rich).text(), TOKENS, 99).tokens <= TOKENS


def _most(fits: Callable[[int], bool]) -> int:
    """As many as there is room for, found by halving."""
    fewest, most = 0, TOKENS
    while most - fewest > 1:
        middle = (fewest + most) // 2
        fewest, most = (middle, most) if fits(middle) else (fewest, middle)
    return fewest


def entangled(schema: GraphQLSchema) -> dict[str, str]:
    """Of which much can only be at fault together with something else: fragments that ask for the
    same names with other arguments, for other names in their place, or for those of other types;
    as much of it as may be, and more."""
    apart = two_ways(5)
    many = _most(lambda fields: not _cut(schema, _renamed(schema, fields)))
    return {
        "field": apart.replace("{bots", "{nope bots", 1),
        "conflict": f"{apart[:-1]} id: icon id}}",
        "value": apart.replace("first: 8", "first: true"),
        "names": _renamed(schema, many),
        "too many": _renamed(schema, many + 300),
        "types": _of_types(schema),
    }


def two_ways(times: int) -> str:
    """Nothing is wrong with it: the fragments never meet."""
    fields = ("draftEdits", "versions", "executions")
    asked = " ".join(f"{name}(first: 7, last: 7, after: null) {{totalCount}}" for name in fields)
    one = f"fragment F on Bot {{{asked * times}}}"
    text = "{bots {nodes {...F}} chatSessions {nodes {bot {...G}}}} "
    return text + one + one.replace("F", "G").replace("7", "8")


def _cut(schema: GraphQLSchema, text: str) -> bool:
    seen = scan(text, TOKENS, 99)
    return seen.tokens > TOKENS or sifted(schema, seen, text).cut


def _renamed(schema: GraphQLSchema, fields: int) -> str:
    right = _Growing(schema, fields, rich=False).text()
    common = [name for name, _ in Counter(re.findall("[A-Za-z]+", right)).most_common(28)]
    others = " ".join(f"{name}: key" for name in common)
    return (
        f"{{...F ...G viewer {{role: id}}}} fragment F on Query {{{right}}} "
        f'fragment G on Query {{execution(id: "a") {{steps {{{others}}}}}}}'
    )


def _of_types(schema: GraphQLSchema) -> str:
    spread, fragments = "", ""
    for number, name in enumerate(("Bot", "Execution", "BotVersion", "Connection", "ChatSession")):
        kind = schema.type_map[name]
        assert is_object_type(kind)
        fields = _Growing(schema, 60, rich=False).chosen(kind, frozenset())
        spread += f" ...F{number}"
        fragments += f" fragment F{number} on {name} {{{fields}}}"
    return f'{{nodes(ids: ["a"]) {{{spread}}}}} {fragments}'


class _Growing:
    def __init__(self, schema: GraphQLSchema, fields: int, rich: bool) -> None:
        self.schema = schema
        self.fields = fields
        self.rich = rich
        self.few = 90  # directives, and as many fragments

    def text(self) -> str:
        root = self.schema.query_type
        assert root is not None
        return self.chosen(root, frozenset())

    def chosen(self, kind: GraphQLObjectType, above: frozenset[str]) -> str:
        return " ".join(self._each(kind, above | {kind.name})) or "__typename"

    def _each(self, kind: GraphQLObjectType, above: frozenset[str]) -> Iterator[str]:
        for name, field in kind.fields.items():
            below: Any = get_named_type(field.type)
            given = self._arguments(field)
            if self.fields <= 0 or given is None:
                continue
            self.fields -= 1
            few = "@skip(if: false)" if self._more() else ""
            if is_leaf_type(below):
                yield f"{name}{given} {few}"
            elif is_object_type(below) and below.name not in above and len(above) < _DEPTH:
                chosen = self.chosen(below, above)
                chosen = f"... on {below.name} {{{chosen}}}" if few else chosen
                yield f"{name}{given} {few} {{{chosen}}}"

    def _more(self) -> bool:
        self.few -= self.rich
        return self.rich and self.few > 0

    def _arguments(self, field: GraphQLField) -> str | None:
        if any(is_required_argument(one) for one in field.args.values()):
            return None
        kinds = {name: str(one.type) for name, one in field.args.items()}
        given = [f"{name}: {_SAMPLES[kind]}" for name, kind in kinds.items() if kind in _SAMPLES]
        return f"({', '.join(given)})" if given and self.rich else ""


_SAMPLES = {
    "Int": "7",
    "String": '"text"',
    "Cursor": '"place"',
    "BotFilter": '{text: "a", state: {in: [DRAFT]}}',
    "ExecutionFilter": '{status: {in: [FAILED, COMPLETED]}, createdAt: {within: "P7D"}}',
}
