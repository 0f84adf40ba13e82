"""JSON as it comes from outside. A field that stands twice in an object is refused: one reader
takes the first, another the last, and whoever looks at a request before us must see what we see."""

from __future__ import annotations

import json
from typing import Any

import orjson

TWICE = "A field stands twice in one object: give it once."


def read(data: str | bytes) -> object:
    """Raises json.JSONDecodeError. orjson stops at a nesting of 1024, where the standard reader
    overflows the stack; it alone does not see what stands twice."""
    found = orjson.loads(data)
    text = data if isinstance(data, str) else data.decode()
    try:
        _CHECKER.decode(text)
    except RecursionError as error:
        raise json.JSONDecodeError("It is nested too deeply", text, 0) from error
    return found


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise json.JSONDecodeError(TWICE, "", 0)


_CHECKER = json.JSONDecoder(object_pairs_hook=_once)
