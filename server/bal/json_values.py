"""Between JSON and the values of the text, for diagram and edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from server.bal.entity_plans import plain
from server.bal.literals import path_text
from server.bal.nodes import (
    Bool,
    Entry,
    FieldList,
    Fields,
    FieldValue,
    ListValue,
    Null,
    Number,
    ObjectValue,
    Path,
    Text,
    Value,
)


def plain_fields(fields: Fields) -> dict[str, Any]:
    """What select, merge and with build; paths as they are written."""
    return {field.key.value: _plain_field(field.value) for field in fields.fields}


def value_of(data: object) -> Value:
    """The node for a JSON value, as an edit gets it from a form."""
    match data:
        case None:
            return Null()
        case bool():
            return Bool(data)
        case int() | float():
            return Number(data)
        case str():
            return Text(data)
        case list() | tuple():
            items = cast("Sequence[object]", data)
            return ListValue(tuple(value_of(item) for item in items))
        case dict():
            entries = cast("Mapping[str, object]", data)
            return ObjectValue(
                tuple(Entry(Text(key), value_of(held)) for key, held in entries.items())
            )
        case _:
            raise TypeError(f"{type(data).__name__} is no JSON value")


def _plain_field(value: FieldValue) -> Any:
    match value:
        case Path():
            return path_text(value)
        case FieldList(items=items):
            return [_plain_field(item) for item in items]
        case Fields():
            return plain_fields(value)
        case _:
            return plain(value)
