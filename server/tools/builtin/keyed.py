"""What the two tools that keep values under keys have in common: the limits and the answers. A
stored secret, as a model may have given it away, is kept by neither."""

from __future__ import annotations

from typing import Any

from server.bal.types import (
    AnyType,
    ArrayType,
    BooleanType,
    ObjectType,
    OptionalType,
    StringType,
    TypeField,
)
from server.core.jsontext import dumps
from server.core.logs import REDACTION
from server.tools.base import ToolFailed

LONGEST_KEY = 200
LARGEST_VALUE = 1024 * 1024
MOST_LISTED = 1000

ANSWER = ObjectType(
    (
        TypeField("success", BooleanType()),
        TypeField("value", OptionalType(AnyType())),
        TypeField("keys", OptionalType(ArrayType(StringType()))),
    )
)


def checked_key(arguments: dict[str, Any]) -> str:
    key = arguments.get("key")
    if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_KEY:
        message = f"This action needs a `key` of 1 to {LONGEST_KEY} characters."
        raise ToolFailed(message, "invalid_arguments")
    return REDACTION.kept(key)


def checked_value(arguments: dict[str, Any]) -> Any:
    if "value" not in arguments:
        raise ToolFailed("This action needs a `value`.", "invalid_arguments")
    value = arguments["value"]
    if len(dumps(value)) > LARGEST_VALUE:
        message = f"A value may have {LARGEST_VALUE // 1024} KiB as JSON; this one has more."
        raise ToolFailed(message, "invalid_arguments")
    return REDACTION.kept_value(value)
