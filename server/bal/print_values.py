"""Values, properties and comments as lines of canonical text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.bal.comments import CommentMap
from server.bal.literals import key_text, literal, number_text, path_text, quote
from server.bal.nodes import (
    Bool,
    Comment,
    Entry,
    Field,
    FieldList,
    Fields,
    FieldValue,
    ListValue,
    Name,
    Node,
    Null,
    Number,
    ObjectValue,
    Path,
    Property,
    Text,
    Value,
)
from server.bal.vocabulary import PROPERTY_ORDER, canonical_key

WIDTH: Final = 100
INDENT: Final = "  "
_BLOCKS: Final = frozenset(("output", "input", "analytics"))
"""Properties whose block is always written line by line."""
_TOOL_LISTS: Final = frozenset(("tools", "can_request"))
_UNKNOWN: Final = len(PROPERTY_ORDER)


def canonical_order(properties: Sequence[Property]) -> list[Property]:
    """In the order of the language reference; unknown keys behind, as written."""
    return sorted(properties, key=_place_of)


def _place_of(prop: Property) -> int:
    return PROPERTY_ORDER.get(prop.key.value, _UNKNOWN)


class ValuePrinter:
    """Collects lines. Methods that take `prefix` put it, indent included, before the first line."""

    def __init__(self, source: str, comments: CommentMap) -> None:
        self.lines: list[str] = []
        self.source = source
        self.comments = comments
        self.touched = comments.touched

    def properties(self, properties: Sequence[Property]) -> None:
        for prop in properties:
            self.before(prop, INDENT)
            self.property(prop, INDENT)
            if prop is not properties[-1]:
                self.lines[-1] += ","
            self.after(prop)

    def property(self, prop: Property, indent: str) -> None:
        name = canonical_key(prop.key.value)
        key = f'"{name}"' if name != prop.key.value else key_text(prop.key, self.source)
        prefix, value = f"{indent}{key}: ", prop.value
        if name in _TOOL_LISTS:
            self._tools(prefix, value, indent)
        else:
            self.value(prefix, value, indent, broken=name in _BLOCKS)

    def _tools(self, prefix: str, value: Value, indent: str) -> None:
        match value:
            case Text() | Name():
                self.lines.append(f"{prefix}[{self.scalar(value)}]")
            case ObjectValue(entries=()) if id(value) not in self.touched:
                self.lines.append(prefix + "[]")
            case _:
                self.value(prefix, value, indent)

    def value(
        self, prefix: str, node: Value | FieldValue, indent: str, *, broken: bool = False
    ) -> None:
        """On one line when it fits and holds no comment, else one item per line."""
        if not isinstance(node, ListValue | ObjectValue | FieldList | Fields):
            self.lines.append(prefix + self.scalar(node))
            return
        anchors, left, right = _parts(node)
        if not (broken and anchors):
            text = self._flat(node, WIDTH - len(prefix) - 1)
            if text is not None:
                self.lines.append(prefix + text)
                return
        self.open(prefix + left, node)
        inner = indent + INDENT
        for anchor in anchors:
            self.before(anchor, inner)
            self._anchor(anchor, inner)
            if anchor is not anchors[-1]:
                self.lines[-1] += ","
            self.after(anchor)
        self.close(indent + right, node, indent)

    def _anchor(self, anchor: Node, indent: str) -> None:
        match anchor:
            case Entry(key=key, value=value) | Field(key=key, value=value):
                self.value(f"{indent}{key_text(key, self.source)}: ", value, indent)
            case _:
                self.value(indent, anchor, indent)  # type: ignore[arg-type]

    def scalar(self, node: Value | FieldValue) -> str:
        match node:
            case Text():
                return literal(node, self.source)
            case Number(value=value):
                return number_text(value)
            case Bool(value=value):
                return "true" if value else "false"
            case Null():
                return "null"
            case Name(value=value):
                return quote(value)
            case Path():
                return path_text(node)
            case _:
                return self._flat(node, 1 << 60) or ""

    def _flat(self, node: Value | FieldValue, room: int) -> str | None:
        """On one line of at most `room` characters, else None. Gives up as soon as it is too
        long, so nesting costs no more than the width of a line."""
        if room < 0 or id(node) in self.touched:
            return None
        if not isinstance(node, ListValue | ObjectValue | FieldList | Fields):
            text = self.scalar(node)
            return text if len(text) <= room and "\n" not in text else None
        anchors, left, right = _parts(node)
        if not anchors:
            return left + right
        pad = "" if left == "[" else " "
        room -= 2 + 2 * len(pad)
        texts: list[str] = []
        for anchor in anchors:
            text = self._flat_anchor(anchor, room)
            if text is None:
                return None
            room -= len(text) + 2
            texts.append(text)
        return f"{left}{pad}{', '.join(texts)}{pad}{right}" if room >= -2 else None

    def _flat_anchor(self, anchor: Node, room: int) -> str | None:
        match anchor:
            case Entry(key=key, value=value) | Field(key=key, value=value):
                name = key_text(key, self.source) + ": "
                text = None if "\n" in name else self._flat(value, room - len(name))
                return None if text is None else name + text
            case _:
                return self._flat(anchor, room)  # type: ignore[arg-type]

    # --- comments ------------------------------------------------------------------------------

    def open(self, line: str, owner: Node) -> None:
        comment = self.comments.head.get(id(owner))
        self.lines.append(line if comment is None else f"{line} {_plain(comment)}")

    def close(self, line: str, owner: Node, indent: str) -> None:
        rest = self.comments.last.get(id(owner))
        if rest:
            self.own_lines(rest, indent + INDENT)
        self.lines.append(line)

    def before(self, anchor: Node, indent: str) -> None:
        comments = self.comments.before.get(id(anchor))
        if not comments:
            return
        self.own_lines(comments, indent)
        last = comments[-1]
        if anchor.span.line - last.span.line > 1 and id(last) not in self.comments.moved:
            self.lines.append("")

    def after(self, anchor: Node) -> None:
        for comment in self.comments.after.get(id(anchor), ()):
            self.lines[-1] += " " + _plain(comment)

    def own_lines(self, comments: Sequence[Comment], indent: str) -> None:
        """A blank line between two of them is kept: it parts a heading from a remark."""
        line = comments[0].span.line
        for comment in comments:
            if comment.span.line - line > 1 and id(comment) not in self.comments.moved:
                self.lines.append("")
            self.lines.append(indent + _plain(comment))
            line = comment.span.line


def _plain(comment: Comment) -> str:
    return comment.text.rstrip()


def _parts(
    node: ListValue | ObjectValue | FieldList | Fields,
) -> tuple[Sequence[Node], str, str]:
    match node:
        case ListValue(items=items) | FieldList(items=items):
            return items, "[", "]"
        case ObjectValue(entries=entries):
            return entries, "{", "}"
        case Fields(fields=fields):
            return fields, "{", "}"
