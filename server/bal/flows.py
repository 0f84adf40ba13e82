"""What a value is known to be while it moves from step to step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from server.bal.types import (
    AnyType,
    ArrayType,
    EnumType,
    NumberType,
    ObjectType,
    OptionalType,
    StringType,
    Type,
)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known, and nobody is to blame."""


@dataclass(frozen=True, slots=True)
class Made:
    """The answer of an entity; `output` is None for free text."""

    entity: str
    output: ObjectType | None


@dataclass(frozen=True, slots=True)
class Built:
    """An object whose fields are known: what parallel, select and merge give."""

    parts: dict[str, Flow]


@dataclass(frozen=True, slots=True)
class Listed:
    item: Flow


@dataclass(frozen=True, slots=True)
class Typed:
    """A part of an entity's answer."""

    type: Type
    entity: str


@dataclass(frozen=True, slots=True)
class Untyped:
    """A part was read of an answer that has no output block."""

    entity: str


@dataclass(frozen=True, slots=True)
class Missing:
    """`field` is not among `known`; `entity` made the value, empty when a step built it."""

    field: str
    known: tuple[str, ...]
    entity: str = ""


Flow: TypeAlias = "Unknown | Made | Built | Listed | Typed"
Read: TypeAlias = "Flow | Untyped | Missing"
UNKNOWN = Unknown()


def read(flow: Flow, parts: tuple[str | int, ...]) -> Read:
    """What stands at the end of a path."""
    current: Read = flow
    for part in parts:
        if not isinstance(current, Made | Built | Listed | Typed):
            return current
        current = _step_into(current, part)
    return current


def _step_into(flow: Made | Built | Listed | Typed, part: str | int) -> Read:
    match flow:
        case Made(entity, output):
            return Untyped(entity) if output is None else _type_part(output, part, entity)
        case Built(parts):
            if isinstance(part, int):
                return UNKNOWN
            return parts[part] if part in parts else Missing(part, tuple(parts))
        case Listed(item):
            return item if isinstance(part, int) else UNKNOWN
        case Typed(type_, entity):
            return _type_part(type_, part, entity)


def _type_part(type_: Type, part: str | int, entity: str) -> Read:
    inner = type_.inner if isinstance(type_, OptionalType) else type_
    if isinstance(inner, ArrayType) and isinstance(part, int):
        return Typed(inner.item, entity)
    if isinstance(inner, ObjectType) and inner.fields is not None and isinstance(part, str):
        found = inner.field(part)
        if found is None:
            return Missing(part, tuple(one.name for one in inner.fields), entity)
        return Typed(found, entity)
    return UNKNOWN


def item_of(found: Read) -> Flow:
    """What one item of the list is."""
    if isinstance(found, Listed):
        return found.item
    if isinstance(found, Typed):
        inner = found.type.inner if isinstance(found.type, OptionalType) else found.type
        return Typed(inner.item, found.entity) if isinstance(inner, ArrayType) else UNKNOWN
    return UNKNOWN


def known(found: Read) -> Flow:
    """The same without the news that something is missing."""
    return UNKNOWN if isinstance(found, Untyped | Missing) else found


def same(first: Flow, second: Flow) -> Flow:
    """What is known when either may be the case."""
    return first if first == second else UNKNOWN


def type_of(flow: Read) -> Type:
    match flow:
        case Made(_, output) if output is not None:
            return output
        case Typed(type_):
            return type_
        case Listed(item):
            return ArrayType(type_of(item))
        case _:
            return AnyType()


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of one type can serve as the other. In doubt it can."""
    given = given.inner if isinstance(given, OptionalType) else given
    wanted = wanted.inner if isinstance(wanted, OptionalType) else wanted
    if isinstance(given, AnyType) or isinstance(wanted, AnyType):
        return True
    if isinstance(given, ArrayType) and isinstance(wanted, ArrayType):
        return fits(given.item, wanted.item)
    texts = (StringType, EnumType)
    if isinstance(given, texts) and isinstance(wanted, texts):
        return True
    if isinstance(given, NumberType) and isinstance(wanted, NumberType):
        return True
    return type(given) is type(wanted)
