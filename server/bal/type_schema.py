"""Types to JSON Schema (2020-12) and back."""

from __future__ import annotations

from typing import Any, cast

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
    optional,
)

Schema = dict[str, Any]

# A schema from outside may be nested without end; below this everything is `any`.
_MAX_DEPTH = 30


def to_json_schema(type_: Type, *, strict: bool = False) -> Schema:
    """`strict` refuses fields that the type does not name."""
    match type_:
        case StringType():
            return {"type": "string"}
        case BooleanType():
            return {"type": "boolean"}
        case AnyType():
            return {}
        case NumberType():
            return _number_schema(type_)
        case EnumType(values):
            return {"type": "string", "enum": list(values)}
        case ArrayType(item):
            return {"type": "array", "items": to_json_schema(item, strict=strict)}
        case OptionalType(inner):
            return _nullable(to_json_schema(inner, strict=strict))
        case ObjectType(fields):
            return {"type": "object"} if fields is None else _object_schema(fields, strict=strict)


def from_json_schema(schema: object) -> Type:
    """The nearest type; what the language cannot say becomes `any`."""
    return _read(schema, 0)


def _number_schema(type_: NumberType) -> Schema:
    schema: Schema = {"type": "integer" if type_.integer else "number"}
    if type_.minimum is not None:
        schema["minimum"] = type_.minimum
    if type_.maximum is not None:
        schema["maximum"] = type_.maximum
    return schema


def _object_schema(fields: tuple[TypeField, ...], *, strict: bool) -> Schema:
    properties = {one.name: to_json_schema(one.type, strict=strict) for one in fields}
    schema: Schema = {"type": "object", "properties": properties}
    required = [one.name for one in fields if not isinstance(one.type, OptionalType)]
    if required:
        schema["required"] = required
    if strict:
        schema["additionalProperties"] = False
    return schema


def _nullable(schema: Schema) -> Schema:
    if not schema:
        return schema
    nullable = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        nullable["enum"] = [*schema["enum"], None]
    return nullable


def _read(schema: object, depth: int) -> Type:
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return AnyType()
    data = cast(Schema, schema)
    for word in ("anyOf", "oneOf"):
        if word in data:
            return _read_choices(data[word], depth)
    kinds = data.get("type")
    names = [str(kind) for kind in _list(kinds)] or [str(kinds)]
    nullable = "null" in names
    names = [name for name in names if name != "null"]
    found = _read_kind(names[0] if len(names) == 1 else "", data, depth)
    return optional(found) if nullable else found


def _read_choices(choices: object, depth: int) -> Type:
    nodes = [_read(one, depth + 1) for one in _list(choices) if one != {"type": "null"}]
    found = nodes[0] if len(nodes) == 1 else AnyType()
    return optional(found) if len(nodes) < len(_list(choices)) else found


def _read_kind(kind: str, schema: Schema, depth: int) -> Type:
    values = [one for one in _list(schema.get("enum")) if one is not None]
    if "const" in schema:
        values = [schema["const"]]
    if values:
        texts = tuple(one for one in values if isinstance(one, str))
        return EnumType(tuple(dict.fromkeys(texts))) if len(texts) == len(values) else AnyType()
    match kind:
        case "string":
            return StringType()
        case "boolean":
            return BooleanType()
        case "number" | "integer":
            low, high = _bound(schema, "minimum"), _bound(schema, "maximum")
            return NumberType(low, high, kind == "integer")
        case "array":
            return ArrayType(_read(schema.get("items"), depth + 1))
        case "object":
            return _read_object(schema, depth)
        case _:
            return AnyType()


def _read_object(schema: Schema, depth: int) -> Type:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return ObjectType()
    required = _list(schema.get("required"))
    fields: list[TypeField] = []
    for name, inner in cast("dict[object, object]", properties).items():
        found = _read(inner, depth + 1)
        fields.append(TypeField(str(name), found if name in required else optional(found)))
    return ObjectType(tuple(fields))


def _bound(schema: Schema, word: str) -> int | float | None:
    value = schema.get(word)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
