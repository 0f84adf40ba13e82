"""Documents as large as may be, in which everything is right but one thing near the end. They are
made from the schema, so they grow with it."""

from __future__ import annotations

from collections.abc import Iterator
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
    """As many fields as there is room for, found by halving."""
    fewest, most = 0, TOKENS
    while most - fewest > 1:
        middle = (fewest + most) // 2
        if scan(_Growing(schema, middle, rich).text(), TOKENS, 99).tokens <= TOKENS:
            fewest = middle
        else:
            most = middle
    return _Growing(schema, fewest, rich).text()


class _Growing:
    def __init__(self, schema: GraphQLSchema, fields: int, rich: bool) -> None:
        self.schema = schema
        self.fields = fields
        self.rich = rich
        self.few = 90  # directives, and as many fragments

    def text(self) -> str:
        root = self.schema.query_type
        assert root is not None
        return self._chosen(root, frozenset())

    def _chosen(self, kind: GraphQLObjectType, above: frozenset[str]) -> str:
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
                chosen = self._chosen(below, above)
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
