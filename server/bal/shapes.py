"""What select, merge and with build, as one expression tree. Quoted text means three things: a
path or a literal in select and merge, always a literal in `with`, a text with slots in `use`."""

from __future__ import annotations

from typing import Literal as OneOf

from server.bal.expression_nodes import Expr, ListOf, Literal, ObjectOf, Read
from server.bal.expressions import parse_quoted_path
from server.bal.nodes import Bool, Field, FieldList, Fields, FieldValue, Null, Number, Path, Text
from server.bal.slots import SlotError, parse_slots

Texts = OneOf["paths", "literal", "slots"]


def shape_of(fields: Fields, texts: Texts) -> Expr:
    return ObjectOf(tuple(_entry(field, texts) for field in fields.fields))


def read_path(path: Path) -> Read:
    return Read(path.root, path.parts)


def _entry(field: Field, texts: Texts) -> tuple[str, Expr]:
    return field.key.value, _part(field.value, texts)


def _part(value: FieldValue, texts: Texts) -> Expr:
    match value:
        case Text(value=text):
            return _text(text, texts)
        case Number(value=number):
            return Literal(number)
        case Bool(value=flag):
            return Literal(flag)
        case Null():
            return Literal(None)
        case Path():
            return read_path(value)
        case FieldList(items=items):
            return ListOf(tuple(_part(item, texts) for item in items))
        case Fields():
            return shape_of(value, texts)


def _text(text: str, texts: Texts) -> Expr:
    if texts == "paths":
        return parse_quoted_path(text) or Literal(text)
    if texts == "slots" and "{{" in text:
        parsed = parse_slots(text)
        return Literal(text) if isinstance(parsed, SlotError) else parsed
    return Literal(text)
