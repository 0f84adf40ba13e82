"""The blocks `input` and `output`: a name and a type per entry, nested blocks are objects."""

from __future__ import annotations

from server.bal.findings import Findings
from server.bal.nodes import Name, ObjectValue, Text, Value
from server.bal.types import AnyType, ObjectType, Type, TypeField, TypeMistake, parse_type


def read_type_block(key: str, value: Value, findings: Findings) -> ObjectType | None:
    if not isinstance(value, ObjectValue):
        hint = f'As in "{key}": {{ "title": "string" }}.'
        message = f"`{key}` is a block with a name and a type per field."
        findings.error("invalid_value", message, value, hint)
        return None
    return _read_block(value, findings)


def _read_block(block: ObjectValue, findings: Findings) -> ObjectType:
    return ObjectType(
        tuple(
            TypeField(entry.key.value, _read_type(entry.value, findings)) for entry in block.entries
        )
    )


def _read_type(value: Value, findings: Findings) -> Type:
    if isinstance(value, ObjectValue):
        return _read_block(value, findings)
    if not isinstance(value, Text | Name):
        hint = 'A type is a quoted text, as in "array<string>".'
        findings.error("invalid_type", "This is no type.", value, hint)
        return AnyType()
    found = parse_type(value.value)
    if not isinstance(found, TypeMistake):
        return found
    place = findings.inside(value, found.start, found.end)
    findings.error("invalid_type", found.message, place, found.hint)
    return AnyType()
