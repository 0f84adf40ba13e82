"""JSON as text: one way in and one way out, for every value that is stored or sent.

Order of fields is kept. Text that UTF-8 cannot carry is repaired rather than refused: a model or a
tool may answer with anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import orjson

_LARGEST = 10**308
# orjson writes 254 levels.
LEVELS_AROUND = 14


class NotStorable(TypeError):
    """This value cannot be written as JSON."""


def dumps(value: Any) -> str:
    return written(value).decode()


def written(value: Any) -> bytes:
    """As UTF-8. Raises NotStorable."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return _any_keys(value)


def check_storable(value: Any) -> int:
    """Its size in bytes, or a little more. Raises NotStorable. What stands around a value in events
    and answers needs room too."""
    around = value
    for _ in range(LEVELS_AROUND):
        around = [around]
    return len(written(around))


def _any_keys(value: Any) -> bytes:
    """Keys that are no texts: to expect them would make all writing half as quick."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        return _repaired(value, error)


def _repaired(value: Any, first: TypeError) -> bytes:
    if "ecursion" in str(first):
        raise NotStorable("It is nested too deeply: more than 240 levels.") from first
    try:
        text = json.dumps(_storable(value), ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise NotStorable(f"It cannot be written as JSON: {error}.") from error
    return text.encode()


def loads(text: str | bytes) -> Any:
    return orjson.loads(text)


def _storable(value: Any) -> Any:
    """For what orjson refuses: half surrogates and whole numbers beyond 64 bits."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {_storable(str(key)): _storable(item) for key, item in items}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in cast("list[Any]", value)]
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError("a number of more than 308 digits could not be read back")
    return value
