"""Edits of what stands between the braces of an entity, of `defaults`, and in `run(…)`."""

from __future__ import annotations

from typing import Final

from server.bal.edits.blocks import find, set_item
from server.bal.edits.draft import INDENT, Draft, EditRefused, EditResult, Replacement
from server.bal.json_values import value_of
from server.bal.literals import quote
from server.bal.printer import value_text
from server.bal.vocabulary import DEFAULTS_PROPERTIES, PROPERTY_ORDER, canonical_key

_LAST: Final = len(PROPERTY_ORDER)
_DEFAULTS: Final = [word.name for word in DEFAULTS_PROPERTIES]


def set_property(source: str, entity: str, key: str, value: object) -> EditResult:
    """A value of None takes the property away. An alias that is there already stays."""
    draft = Draft(source)
    owner = draft.entity(entity)
    if value is None:
        return remove_property(source, entity, key)
    return draft.finish(
        set_item(draft, owner, owner.properties, canonical_key(key), value, _place_of_property)
    )


def remove_property(source: str, entity: str, key: str) -> EditResult:
    draft = Draft(source)
    found = find(draft.entity(entity).properties, canonical_key(key))
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
        found = find(block.value.entries, key)
        return draft.finish([] if found is None else [draft.removal(found)])
    return draft.finish(set_item(draft, block, block.value.entries, key, value, _place_of_default))


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


def _place_of_property(key: str) -> int:
    return PROPERTY_ORDER.get(key, _LAST)


def _place_of_default(key: str) -> int:
    return _DEFAULTS.index(key) if key in _DEFAULTS else _LAST


def _new_defaults(draft: Draft, key: str, value: object) -> Replacement:
    if not key.isidentifier():
        raise EditRefused(f"`{key}` is no key of defaults.")
    start = 1 if draft.source.startswith("\ufeff") else 0
    text = f"defaults {{\n{INDENT}{quote(key)}: {value_text(value_of(value), INDENT)}\n}}\n\n"
    return Replacement(start, start, draft.written(text))
