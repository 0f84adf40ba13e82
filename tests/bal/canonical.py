"""The tree that the canonical text has: two programs that differ only in spelling become equal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final, TypeVar, cast

from server.bal.nodes import (
    Entity,
    ListValue,
    Name,
    Node,
    ObjectValue,
    Program,
    Property,
    Text,
)
from server.bal.print_values import canonical_order
from server.bal.vocabulary import canonical_key

_TOOL_LISTS: Final = frozenset(("tools", "can_request"))
# In these places a bare name is nothing but the text of that name.
_TEXT_PLACES: Final = frozenset(("key", "value", "items"))
_Any = TypeVar("_Any", bound=Node)


def canonical(program: Program) -> Program:
    """Keys and bare words quoted, aliases resolved, properties in order, tools as lists."""
    return Program(items=tuple(_rebuilt(item) for item in program.items))


def same_meaning(one: Node | None, other: Node | None) -> bool:
    """Equal but for spelling."""
    if one is None or other is None:
        return one is other
    return _rebuilt(one) == _rebuilt(other)


def _rebuilt(node: _Any) -> _Any:
    match node:
        case Property():
            return cast("_Any", _property(node))
        case Entity():
            ordered = tuple(_property(prop) for prop in canonical_order(node.properties))
            return cast("_Any", Entity(name=node.name, properties=ordered))
        case _:
            return _generic(node)


def _generic(node: _Any) -> _Any:
    changed: dict[str, Any] = {}
    for place in fields(node):
        if place.name != "span":
            changed[place.name] = _field(place.name, getattr(node, place.name))
    return type(node)(**changed)


def _field(name: str, held: Any) -> Any:
    if isinstance(held, tuple):
        parts = cast("Iterable[Any]", held)
        return tuple(_field(name, part) for part in parts)
    if isinstance(held, Name) and name in _TEXT_PLACES:
        return Text(held.value)
    return _rebuilt(held) if isinstance(held, Node) else held


def _property(prop: Property) -> Property:
    name = canonical_key(prop.key.value)
    value = _field("value", prop.value)
    if name in _TOOL_LISTS:
        if isinstance(value, Text):
            value = ListValue(items=(value,))
        elif value == ObjectValue(entries=()):
            value = ListValue(items=())
    return Property(key=Text(name), value=value)
