"""Edits of `key: value` between two braces: set one, add one, take one away. What stays equal stays
as it is written, down to the remarks within a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias, cast

from server.bal.edits.draft import INDENT, Draft, Replacement
from server.bal.entity_plans import plain
from server.bal.json_values import value_of
from server.bal.literals import quote
from server.bal.nodes import Entry, ListValue, Node, ObjectValue, Property, Text, Value
from server.bal.printer import property_text
from server.bal.vocabulary import canonical_key

Item: TypeAlias = Property | Entry
Items: TypeAlias = Sequence[Item]


def find(items: Items, key: str) -> Item | None:
    return next((one for one in items if canonical_key(one.key.value) == key), None)


def set_item(
    draft: Draft, owner: Node, items: Items, key: str, value: object, place: Callable[[str], int]
) -> Iterator[Replacement]:
    """`place` tells where a new key belongs among the others."""
    found = find(items, key)
    if found is not None:
        yield from _change(draft, key, found.value, value, draft.indent_at(found.span.start))
        return
    before = [one for one in items if place(canonical_key(one.key.value)) <= place(key)]
    if before:
        yield _insert_behind(draft, before[-1], key, value)
    elif items:
        yield _insert_before(draft, items[0], key, value)
    else:
        yield _insert_alone(draft, owner, key, value)


def _change(
    draft: Draft, key: str, old: Value, value: object, indent: str
) -> Iterator[Replacement]:
    whole = Replacement(old.span.start, old.span.end, _text(draft, key, value, indent, old))
    if _equal(plain(old), value):
        return
    if isinstance(old, ObjectValue) and isinstance(value, dict):
        fields = cast("Mapping[str, object]", value)
        if _keeps_order(old, list(fields)) and old.entries and fields:
            yield from _change_block(draft, old, fields)
            return
    if isinstance(old, ListValue) and isinstance(value, list) and id(old) in draft.owners.touched:
        items = cast("Sequence[object]", value)
        kept = [item for item in old.items if plain(item) in items]
        if kept and [plain(item) for item in kept] == list(items[: len(kept)]):
            yield from _change_list(draft, old, kept, items[len(kept) :])
            return
    yield whole


def _equal(one: object, other: object) -> bool:
    """1 is not True, and the order of fields counts."""
    return repr(one) == repr(other)


def _keeps_order(old: ObjectValue, wanted: list[str]) -> bool:
    known = [entry.key.value for entry in old.entries]
    stay = [key for key in known if key in wanted]
    return stay == [key for key in wanted if key in known] and bool(stay)


def _change_block(
    draft: Draft, old: ObjectValue, fields: Mapping[str, object]
) -> Iterator[Replacement]:
    """One field after the other; new ones of one place go in together."""
    for entry in old.entries:
        if entry.key.value not in fields:
            yield draft.removal(entry)
    known = {entry.key.value: entry for entry in old.entries}
    anchor: Entry | None = None
    for key, value in fields.items():
        entry = known.get(key)
        if entry is not None:
            anchor = entry
            indent = draft.indent_at(entry.span.start)
            yield from _change(draft, key, entry.value, value, indent)
        elif anchor is not None:
            yield _insert_behind(draft, anchor, key, value)
        else:
            first = next(known[name] for name in fields if name in known)
            yield _insert_before(draft, first, key, value)


def _change_list(
    draft: Draft, old: ListValue, kept: Sequence[Value], added: Sequence[object]
) -> Iterator[Replacement]:
    for item in old.items:
        if item not in kept:
            yield draft.removal(item)
    for value in added:
        yield _behind(draft, kept[-1], _text(draft, "", value, "", None))


def _text(draft: Draft, key: str, value: object, indent: str, old: Value | None) -> str:
    node = value_of(value)
    if isinstance(node, Text) and isinstance(old, Text) and _is_long(draft, old) and _tame(node):
        return draft.written(quote(node.value).replace("\\n", "\n"))
    text = property_text(Property(Text(key), node), indent)
    return draft.written(text[len(quote(key)) + 2 :])


def _is_long(draft: Draft, old: Text) -> bool:
    """Whether its author wrote it over several lines."""
    return "\n" in draft.source[old.span.start : old.span.end]


def _tame(text: Text) -> bool:
    """Without a backslash the line breaks can stand as they are."""
    return "\\" not in text.value


def _insert_behind(draft: Draft, item: Item, key: str, value: object) -> Replacement:
    indent = draft.indent_at(item.span.start)
    return _behind(draft, item, f"{quote(key)}: {_text(draft, key, value, indent, None)}")


def _behind(draft: Draft, item: Node, text: str) -> Replacement:
    """On a line of its own when the item has one or a remark ends the line."""
    _, end = draft.extent(item)
    comma = "," if draft.behind_comma(item.span.end) > item.span.end else ""
    indent = draft.indent_at(item.span.start)
    if draft.has_remark_behind(item) or (
        draft.starts_line(item.span.start) and draft.ends_line(end)
    ):
        return Replacement(end, end, f"{draft.newline}{indent}{text}{comma}")
    lead = " " if comma else ", "
    return Replacement(end, end, f"{lead}{text}{comma}")


def _insert_before(draft: Draft, item: Item, key: str, value: object) -> Replacement:
    indent = draft.indent_at(item.span.start)
    start, _ = draft.extent(item)
    text = f"{quote(key)}: {_text(draft, key, value, indent, None)},"
    if draft.starts_line(start):
        return Replacement(start, start, f"{text}{draft.newline}{indent}")
    return Replacement(item.span.start, item.span.start, f"{text} ")


def _insert_alone(draft: Draft, owner: Node, key: str, value: object) -> Replacement:
    """Before the closing brace of an empty block."""
    close = owner.span.end - 1
    indent = draft.indent_at(owner.span.start)
    inner = indent + INDENT
    text = f"{inner}{quote(key)}: {_text(draft, key, value, inner, None)}"
    if draft.starts_line(close):
        start = draft.line_start(close)
        return Replacement(start, start, f"{text}{draft.newline}")
    start = len(draft.source[:close].rstrip(" \t"))
    return Replacement(start, close, f"{draft.newline}{text}{draft.newline}{indent}")
