"""Edits of what stands between the braces of an entity, of `defaults`, and in `run(…)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.bal.edits.draft import INDENT, Draft, EditRefused, EditResult, Replacement
from server.bal.json_values import value_of
from server.bal.literals import quote
from server.bal.nodes import Defaults, Entity, Entry, Property, Text, Value
from server.bal.printer import property_text, value_text
from server.bal.vocabulary import DEFAULTS_PROPERTIES, PROPERTY_ORDER, canonical_key

_LAST: Final = len(PROPERTY_ORDER)


def set_property(source: str, entity: str, key: str, value: object) -> EditResult:
    """A value of None takes the property away. An alias that is there already stays."""
    draft = Draft(source)
    owner = draft.entity(entity)
    if value is None:
        return remove_property(source, entity, key)
    return draft.finish([_set(draft, owner, owner.properties, canonical_key(key), value)])


def remove_property(source: str, entity: str, key: str) -> EditResult:
    draft = Draft(source)
    found = _find(draft.entity(entity).properties, canonical_key(key))
    return draft.finish([] if found is None else [draft.removal(found)])


def set_trigger(source: str, entity: str, trigger: object) -> EditResult:
    """A text, a list of texts, an object, or None for none."""
    return set_property(source, entity, "trigger", trigger)


def set_default(source: str, key: str, value: object) -> EditResult:
    """A setting for all entities; the block is made when it is missing."""
    draft = Draft(source)
    block = draft.program.defaults
    if block is None:
        return draft.finish([] if value is None else [_new_defaults(draft, key, value)])
    if value is None:
        found = _find(block.value.entries, key)
        return draft.finish([] if found is None else [draft.removal(found)])
    return draft.finish([_set(draft, block, block.value.entries, key, value)])


def set_run(source: str, value: object) -> EditResult:
    """The default input; None takes the statement away."""
    draft = Draft(source)
    run = draft.program.run
    if run is None:
        end = len(source.rstrip())
        text = f"\n\nrun({value_text(value_of(value))})"
        return draft.finish([] if value is None else [Replacement(end, end, draft.written(text))])
    if value is None:
        return draft.finish([draft.removal(run)])
    span = run.value.span
    text = value_text(value_of(value), draft.indent_at(run.span.start))
    return draft.finish([Replacement(span.start, span.end, draft.written(text))])


def _find(items: Sequence[Property | Entry], key: str) -> Property | Entry | None:
    return next((one for one in items if canonical_key(one.key.value) == key), None)


def _set(
    draft: Draft,
    owner: Entity | Defaults,
    items: Sequence[Property | Entry],
    key: str,
    value: object,
) -> Replacement:
    found = _find(items, key)
    if found is None:
        return _insert(draft, owner, items, key, value)
    indent = draft.indent_at(found.span.start)
    text = _value_text(draft, key, value, indent, found.value)
    return Replacement(found.value.span.start, found.value.span.end, text)


def _value_text(draft: Draft, key: str, value: object, indent: str, old: Value | None) -> str:
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


def _insert(
    draft: Draft,
    owner: Entity | Defaults,
    items: Sequence[Property | Entry],
    key: str,
    value: object,
) -> Replacement:
    order = _order(owner)
    place = order.get(key, _LAST)
    before = [one for one in items if order.get(canonical_key(one.key.value), _LAST) <= place]
    if before:
        return _insert_behind(draft, before[-1], key, value)
    if items:
        return _insert_before(draft, items[0], key, value)
    return _insert_alone(draft, owner, key, value)


def _order(owner: Entity | Defaults) -> dict[str, int]:
    if isinstance(owner, Entity):
        return PROPERTY_ORDER
    return {word.name: place for place, word in enumerate(DEFAULTS_PROPERTIES)}


def _insert_behind(draft: Draft, item: Property | Entry, key: str, value: object) -> Replacement:
    _, end = draft.extent(item)
    comma = "," if draft.behind_comma(item.span.end) > item.span.end else ""
    indent = draft.indent_at(item.span.start)
    text = f"{quote(key)}: {_value_text(draft, key, value, indent, None)}"
    if draft.starts_line(item.span.start) and draft.ends_line(end):
        return Replacement(end, end, f"{draft.newline}{indent}{text}{comma}")
    lead = " " if comma else ", "
    return Replacement(end, end, f"{lead}{text}{comma}")


def _insert_before(draft: Draft, item: Property | Entry, key: str, value: object) -> Replacement:
    indent = draft.indent_at(item.span.start)
    start, _ = draft.extent(item)
    text = f"{quote(key)}: {_value_text(draft, key, value, indent, None)},"
    if draft.starts_line(start):
        return Replacement(start, start, f"{text}{draft.newline}{indent}")
    return Replacement(item.span.start, item.span.start, f"{text} ")


def _insert_alone(draft: Draft, owner: Entity | Defaults, key: str, value: object) -> Replacement:
    """Before the closing brace of an empty block."""
    close = owner.span.end - 1
    indent = draft.indent_at(owner.span.start)
    inner = indent + INDENT
    text = f"{inner}{quote(key)}: {_value_text(draft, key, value, inner, None)}"
    if draft.starts_line(close):
        start = draft.line_start(close)
        return Replacement(start, start, f"{text}{draft.newline}")
    start = len(draft.source[:close].rstrip(" \t"))
    return Replacement(start, close, f"{draft.newline}{text}{draft.newline}{indent}")


def _new_defaults(draft: Draft, key: str, value: object) -> Replacement:
    if not key.isidentifier():
        raise EditRefused(f"`{key}` is no key of defaults.")
    start = 1 if draft.source.startswith("\ufeff") else 0
    text = f"defaults {{\n{INDENT}{quote(key)}: {value_text(value_of(value), INDENT)}\n}}\n\n"
    return Replacement(start, start, draft.written(text))
