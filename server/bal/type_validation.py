"""Whether a value fits a type: a list of issues, never an exception."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from server.bal.type_nodes import (
    AnyType,
    ArrayType,
    BooleanType,
    EnumType,
    NumberType,
    ObjectType,
    OptionalType,
    StringType,
    Type,
    TypeField,
)

Code = Literal[
    "invalid_type", "invalid_enum_value", "too_small", "too_big", "unrecognized_keys", "required"
]
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Issue:
    """`path` leads from the value to what does not fit."""

    path: Place
    code: Code
    message: str

    def to_json(self) -> dict[str, Any]:
        return {"path": list(self.path), "code": self.code, "message": self.message}


def validate(type_: Type, value: object, strict: bool = False) -> list[Issue]:
    """`strict` also refuses fields that the type does not name."""
    return list(_issues(type_, value, strict, ()))


def _issues(type_: Type, value: object, strict: bool, at: Place) -> Iterator[Issue]:
    match type_:
        case AnyType():
            return
        case OptionalType(inner):
            if value is not None:
                yield from _issues(inner, value, strict, at)
        case StringType():
            if not isinstance(value, str):
                yield _wrong("text", value, at)
        case BooleanType():
            if not isinstance(value, bool):
                yield _wrong("true or false", value, at)
        case NumberType():
            yield from _number_issues(type_, value, at)
        case EnumType(values):
            if not isinstance(value, str):
                yield _wrong("text", value, at)
            elif value not in values:
                listed = ", ".join(f"'{one}'" for one in values)
                message = f"Expected one of {listed}, but got '{_short(value)}'."
                yield Issue(at, "invalid_enum_value", message)
        case ArrayType(item):
            yield from _array_issues(item, value, strict, at)
        case ObjectType(fields):
            yield from _object_issues(fields, value, strict, at)


def _number_issues(type_: NumberType, value: object, at: Place) -> Iterator[Issue]:
    wanted = "a whole number" if type_.integer else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        yield _wrong(wanted, value, at)
        return
    if type_.integer and isinstance(value, float):
        if not math.isfinite(value) or not value.is_integer():
            yield _wrong(wanted, value, at)
            return
    if type_.minimum is not None and value < type_.minimum:
        yield Issue(at, "too_small", f"{value} is below the minimum {type_.minimum}.")
    if type_.maximum is not None and value > type_.maximum:
        yield Issue(at, "too_big", f"{value} is above the maximum {type_.maximum}.")


def _array_issues(item: Type, value: object, strict: bool, at: Place) -> Iterator[Issue]:
    if not isinstance(value, list):
        yield _wrong("a list", value, at)
        return
    for index, one in enumerate(cast("list[object]", value)):
        yield from _issues(item, one, strict, (*at, index))


def _object_issues(
    fields: tuple[TypeField, ...] | None, value: object, strict: bool, at: Place
) -> Iterator[Issue]:
    if not isinstance(value, dict):
        yield _wrong("an object", value, at)
        return
    if fields is None:
        return
    data = cast("dict[object, object]", value)
    for one in fields:
        place = (*at, one.name)
        if one.name in data:
            yield from _issues(one.type, data[one.name], strict, place)
        elif not isinstance(one.type, OptionalType):
            yield Issue(place, "required", f"The field `{one.name}` is missing.")
    if strict:
        names = {one.name for one in fields}
        extra = [str(name) for name in data if name not in names]
        if extra:
            listed = ", ".join(f"`{name}`" for name in extra)
            yield Issue(at, "unrecognized_keys", f"Fields that the type does not name: {listed}.")


def _wrong(wanted: str, value: object, at: Place) -> Issue:
    return Issue(at, "invalid_type", f"Expected {wanted}, but got {_kind(value)}.")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text '{_short(value)}'"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a list" if isinstance(value, list) else "an object"


def _short(text: str) -> str:
    return f"{text[:40]}…" if len(text) > 40 else text
