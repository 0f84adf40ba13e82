import time
from typing import Any

import jsonschema
import pytest

from server.bal.types import (
    AnyType,
    ArrayType,
    EnumType,
    ObjectType,
    OptionalType,
    StringType,
    Type,
    TypeField,
    TypeMistake,
    from_json_schema,
    parse_type,
    to_json_schema,
    to_text,
    validate,
)


def read(text: str) -> Type:
    found = parse_type(text)
    assert not isinstance(found, TypeMistake), found
    return found


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("string", "string"),
        ("?string", "?string"),
        ("string?", "?string"),
        ("optional(string)", "?string"),
        ("string|null", "?string"),
        ("string[]", "array<string>"),
        ("string[]|null", "?array<string>"),
        ("string?|null", "?string"),
        ("string|null[]", "array<?string>"),
        ("?string[]", "?array<string>"),
        ("string?[]", "array<?string>"),
        ("??string", "?string"),
        ("array", "array<string>"),
        ("array<array<any>>", "array<array<any>>"),
        ("small|large", "enum('small', 'large')"),
        ("small|large|null", "?enum('small', 'large')"),
        ("enum('a', \"b\",)", "enum('a', 'b')"),
        (r"enum('it\'s', '\u00e9')", r"enum('it\'s', 'é')"),
        ("number(5)", "number(min: 5)"),
        ("number(0, 1.5)", "number(0, 1.5)"),
        ("number(min: -1, max: 1)", "number(-1, 1)"),
        ("integer(max: 3)", "integer(max: 3)"),
        ("object", "object"),
        ("object { }", "object { }"),
        ("object { a: string, 'b c': ?number, }", "object { a: string, 'b c': ?number }"),
        ("object {\n  a: string # one\n  b: number // two\n}", "object { a: string, b: number }"),
    ],
)
def test_type_has_one_canonical_text(written: str, canonical: str) -> None:
    assert to_text(read(written)) == canonical
    assert read(canonical) == read(written)


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("string", {"type": "string"}),
        ("boolean", {"type": "boolean"}),
        ("any", {}),
        ("integer(1, 5)", {"type": "integer", "minimum": 1, "maximum": 5}),
        ("enum('a', 'b')", {"type": "string", "enum": ["a", "b"]}),
        ("?enum('a')", {"type": ["string", "null"], "enum": ["a", None]}),
        ("array<?number>", {"type": "array", "items": {"type": ["number", "null"]}}),
        ("object", {"type": "object"}),
        (
            "object { a: string, b: ?boolean }",
            {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": ["boolean", "null"]}},
                "required": ["a"],
            },
        ),
    ],
)
def test_json_schema_both_ways(text: str, schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)

    assert to_json_schema(read(text)) == schema
    assert from_json_schema(schema) == read(text)


def test_strict_schema_refuses_other_fields() -> None:
    schema = to_json_schema(read("object { a: object { b: string } }"), strict=True)

    assert schema["additionalProperties"] is False
    assert schema["properties"]["a"]["additionalProperties"] is False


def test_schema_from_outside_becomes_the_nearest_type() -> None:  # S54
    schema = {
        "type": "object",
        "properties": {
            "a": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "b": {"oneOf": [{"type": "string"}, {"type": "number"}]},
            "c": {"const": "x"},
            "d": {"enum": [1, 2]},
            "e": {"$ref": "#/elsewhere"},
        },
        "required": ["a", "b", "c", "d", "e"],
    }

    assert from_json_schema(schema) == ObjectType(
        (
            TypeField("a", OptionalType(StringType())),
            TypeField("b", AnyType()),
            TypeField("c", EnumType(("x",))),
            TypeField("d", AnyType()),
            TypeField("e", AnyType()),
        )
    )


def test_endless_schema_ends_in_any() -> None:  # S54
    schema: dict[str, Any] = {"type": "array"}
    schema["items"] = schema

    found = from_json_schema(schema)

    assert isinstance(found, ArrayType)


def test_a_hostile_schema_is_read_at_once_and_asks_nobody(monkeypatch: Any) -> None:  # S54
    """Nobody can hand one in; what we would read of it is no pattern, no address and no end."""
    monkeypatch.setattr("socket.socket", None)
    deep: dict[str, Any] = {"$ref": "ftp://127.0.0.1/x", "$schema": "http://127.0.0.1/x"}
    for _ in range(500):
        deep = {"type": "object", "properties": {"a": deep}, "required": ["a"]}
    schema = {
        "type": "object",
        "properties": {
            "deep": deep,
            "pattern": {"type": "string", "pattern": "(a+)+$"},
            "many": {"enum": [str(n) for n in range(100_000)]},
            "tiny": {"type": "number", "multipleOf": 1e-308},
        },
    }
    began = time.process_time()
    found = from_json_schema(schema)
    validate(found, {"pattern": "a" * 40 + "!", "many": "x", "tiny": 1.5})
    assert time.process_time() - began < 0.5
    assert isinstance(found, ObjectType)


PERSON = "object { name: string, age: integer(0, 120), mood: ?happy|sad, tags: array<string> }"


@pytest.mark.parametrize(
    ("value", "issues"),
    [
        ({"name": "Ada", "age": 36, "tags": []}, []),
        ({"name": "Ada", "age": 36.0, "mood": None, "tags": ["x"]}, []),
        ({"name": 5, "age": 36, "tags": []}, [(("name",), "invalid_type")]),
        ({"age": 36, "tags": []}, [(("name",), "required")]),
        ({"name": None, "age": 36, "tags": []}, [(("name",), "invalid_type")]),
        ({"name": "A", "age": -1, "tags": []}, [(("age",), "too_small")]),
        ({"name": "A", "age": 121, "tags": []}, [(("age",), "too_big")]),
        ({"name": "A", "age": 1.5, "tags": []}, [(("age",), "invalid_type")]),
        ({"name": "A", "age": True, "tags": []}, [(("age",), "invalid_type")]),
        (
            {"name": "A", "age": 1, "mood": "odd", "tags": ["x", 2]},
            [(("mood",), "invalid_enum_value"), (("tags", 1), "invalid_type")],
        ),
        ("text", [((), "invalid_type")]),
        ({"name": "A", "age": 1, "tags": [], "extra": 1}, []),
    ],
)
def test_validation_tells_where_and_what(value: object, issues: list[tuple[Any, str]]) -> None:
    found = validate(read(PERSON), value)

    assert [(one.path, one.code) for one in found] == issues
    assert all(one.message for one in found)


def test_strict_validation_refuses_other_fields() -> None:
    value = {"a": {"b": "x", "c": 1}, "d": 2}

    found = validate(read("object { a: object { b: string } }"), value, strict=True)

    assert [one.to_json() for one in found] == [
        {
            "path": ["a"],
            "code": "unrecognized_keys",
            "message": "Fields that the type does not name: `c`.",
        },
        {
            "path": [],
            "code": "unrecognized_keys",
            "message": "Fields that the type does not name: `d`.",
        },
    ]
