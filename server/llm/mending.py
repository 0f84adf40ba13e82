"""An answer's value bent to its schema where nothing is lost and nothing guessed: a wrapper around
the object, a number or truth written as text, the case of a word. All else is left for the model
to say again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_LONGEST_NUMBER = 300
_TRUTH = {"true": True, "false": False}

Schema = Mapping[str, Any]


def mended(value: Any, schema: Schema) -> Any:
    """The same value when it fits already, or when it cannot be bent."""
    return _fitted(_unwrapped(value, schema), schema)


def _unwrapped(value: Any, schema: Schema) -> Any:
    """Out of `{"result": {…}}` or `[{…}]`, when only what is inside looks like what was wanted."""
    named = schema.get("properties") or {}
    if isinstance(value, list) and len(value) == 1 and schema.get("type") == "object":
        return _unwrapped(value[0], schema) if isinstance(value[0], dict) else value
    if not isinstance(value, dict) or len(value) != 1 or not named:
        return value
    ((key, inner),) = value.items()
    inner = _structure(inner, "{")
    if key in named or not isinstance(inner, dict) or not inner.keys() & named.keys():
        return value
    return inner


def _fitted(value: Any, schema: Schema) -> Any:
    if value is None:
        return None
    schema = _meant(schema)
    match schema.get("type"):
        case "object":
            return _object(_structure(value, "{"), schema)
        case "array":
            items = schema.get("items") or {}
            found = _structure(value, "[")
            return [_fitted(one, items) for one in found] if isinstance(found, list) else value
        case "number" | "integer":
            return _number(value, whole=schema["type"] == "integer")
        case "boolean" if isinstance(value, str):
            return _TRUTH.get(value.strip().lower(), value)
        case "string" if isinstance(value, int | float):
            return _word(json.dumps(value), schema)
        case _:
            return _word(value, schema)


def _meant(schema: Schema) -> Schema:
    """What an optional type wants when there is a value."""
    for choices in (schema.get("anyOf"), schema.get("oneOf")):
        real = [one for one in choices or () if one.get("type") != "null"]
        if len(real) == 1:
            return real[0]
    kind = schema.get("type")
    if isinstance(kind, list):
        real = [one for one in kind if one != "null"]
        return {**schema, "type": real[0] if len(real) == 1 else None}
    return schema


def _object(value: Any, schema: Schema) -> Any:
    if not isinstance(value, dict):
        return value
    named = schema.get("properties") or {}
    return {key: _fitted(one, named.get(key) or {}) for key, one in value.items()}


def _structure(value: Any, opening: str) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith(opening):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _number(value: Any, *, whole: bool) -> Any:
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
            return value
        value = json.loads(text) if not _padded(text) else value
    if whole and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _padded(text: str) -> bool:
    """`007` is a name, not a number."""
    digits = text.lstrip("-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()


def _word(value: Any, schema: Schema) -> Any:
    allowed = schema.get("enum")
    if not isinstance(value, str) or not isinstance(allowed, list) or value in allowed:
        return value
    wanted = value.strip().casefold()
    near = [one for one in allowed if isinstance(one, str) and one.casefold() == wanted]
    return near[0] if len(near) == 1 else value
