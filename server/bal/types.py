"""The door to the types of the language."""

from __future__ import annotations

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
    to_text,
)
from server.bal.type_parser import TypeMistake, parse_type
from server.bal.type_schema import from_json_schema, to_json_schema
from server.bal.type_validation import Issue, validate

__all__ = [
    "AnyType",
    "ArrayType",
    "BooleanType",
    "EnumType",
    "Issue",
    "NumberType",
    "ObjectType",
    "OptionalType",
    "StringType",
    "Type",
    "TypeField",
    "TypeMistake",
    "from_json_schema",
    "parse_type",
    "to_json_schema",
    "to_text",
    "validate",
]
