"""The types of the language as data, and their canonical text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class StringType:
    pass


@dataclass(frozen=True, slots=True)
class BooleanType:
    pass


@dataclass(frozen=True, slots=True)
class AnyType:
    pass


@dataclass(frozen=True, slots=True)
class NumberType:
    minimum: int | float | None = None
    maximum: int | float | None = None
    integer: bool = False


@dataclass(frozen=True, slots=True)
class EnumType:
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArrayType:
    item: Type


@dataclass(frozen=True, slots=True)
class TypeField:
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class ObjectType:
    """`fields` is None for a free-form object."""

    fields: tuple[TypeField, ...] | None = None

    def field(self, name: str) -> Type | None:
        return next((one.type for one in self.fields or () if one.name == name), None)


@dataclass(frozen=True, slots=True)
class OptionalType:
    inner: Type


Type: TypeAlias = (
    StringType | BooleanType | AnyType | NumberType | EnumType | ArrayType | ObjectType
    | OptionalType
)  # fmt: skip

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def optional(inner: Type) -> OptionalType:
    """Optional twice is optional once."""
    return inner if isinstance(inner, OptionalType) else OptionalType(inner)


def to_text(type_: Type) -> str:
    match type_:
        case StringType():
            return "string"
        case BooleanType():
            return "boolean"
        case AnyType():
            return "any"
        case NumberType():
            return _number_text(type_)
        case EnumType(values):
            return f"enum({', '.join(_quoted(value) for value in values)})"
        case ArrayType(item):
            return f"array<{to_text(item)}>"
        case OptionalType(inner):
            return f"?{to_text(inner)}"
        case ObjectType(fields):
            return "object" if fields is None else f"object {_fields_text(fields)}"


def _fields_text(fields: tuple[TypeField, ...]) -> str:
    inside = ", ".join(f"{_field_name(one.name)}: {to_text(one.type)}" for one in fields)
    return f"{{ {inside} }}" if inside else "{ }"


def _number_text(type_: NumberType) -> str:
    word = "integer" if type_.integer else "number"
    low, high = type_.minimum, type_.maximum
    if low is not None and high is not None:
        return f"{word}({low}, {high})"
    if low is not None:
        return f"{word}(min: {low})"
    return word if high is None else f"{word}(max: {high})"


def _field_name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    return f"'{text.translate(_ESCAPES)}'"
