"""What values are in a running program: which count as false, when two are equal, what their text
is, and how a path reads them. JSON values only; nothing here fails on a value of the wrong kind."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from typing import Any, TypeGuard

import orjson

WHOLE_LIMIT = 2**53
LARGEST_INTEGER = 2**63 - 1
NUMERIC = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
LONGEST_NUMBER = 400


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Booleans are never numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def to_number(value: Any) -> int | float | None:
    """A number, or the number that a text holds."""
    if isinstance(value, str):
        return number_in(value)
    return value if is_number(value) else None


def number_in(text: str) -> int | float | None:
    trimmed = text.strip()
    if not trimmed or len(trimmed) > LONGEST_NUMBER or NUMERIC.fullmatch(trimmed) is None:
        return None
    if trimmed.lstrip("-").isdigit():
        return finite(int(trimmed))
    return finite(float(trimmed))


def finite(number: int | float) -> int | float | None:
    """Whole numbers as integers, beyond 64 bits as floats: nothing could store them. What no JSON
    number can hold is null."""
    if isinstance(number, int):
        if abs(number) <= LARGEST_INTEGER:
            return number
        return float(number) if abs(number) <= sys.float_info.max else None
    if not math.isfinite(number):
        return None
    if abs(number) <= WHOLE_LIMIT and number.is_integer():
        return int(number)
    return number


def number_text(number: int | float) -> str:
    whole = finite(number)
    return json.dumps(number if whole is None else whole)


def text_of(value: Any) -> str:
    """Text as it is, null empty, everything else compact JSON with non-ASCII kept."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if is_number(value):
        return number_text(value)
    return json_text(value)


def json_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, ValueError, TypeError):
        return ""


def _free(parts: int) -> None:
    pass


def equal(left: Any, right: Any, spend: Callable[[int], None] = _free) -> bool:
    """Numbers by value, a number with a numeric text as numbers, booleans only with booleans,
    lists and objects when all parts are. Walks with its own stack: data may be deep. `spend` is
    told how many parts are looked at before they are."""
    waiting: list[tuple[Any, Any]] = [(left, right)]
    while waiting:
        one, other = waiting.pop()
        if is_list(one) and is_list(other):
            if len(one) != len(other):
                return False
            spend(len(one))
            waiting.extend(zip(one, other, strict=True))
        elif is_object(one) and is_object(other):
            spend(len(one))
            if one.keys() != other.keys():
                return False
            waiting.extend((one[key], other[key]) for key in one)
        elif not _equal_plain(one, other):
            return False
    return True


def _equal_plain(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    first, second = to_number(one), to_number(other)
    return first is not None and second is not None and first == second


def look_into(value: Any) -> Any:
    """A text that is a JSON object or list, or whose first Markdown fence holds one, is read as
    that; every other value is itself."""
    if not isinstance(value, str):
        return value
    found = json_inside(value)
    return value if found is None else found


def json_inside(text: str) -> dict[str, Any] | list[Any] | None:
    whole = _structure(text.strip())
    if whole is not None:
        return whole
    fence = first_fence(text)
    return None if fence is None else _structure(fence)


def first_fence(text: str) -> str | None:
    """What stands between the first pair of ``` marks, without the word after the first."""
    opening = text.find("```")
    if opening < 0:
        return None
    start = opening + 3
    closing = text.find("```", start)
    body = text[start:] if closing < 0 else text[start:closing]
    line, newline, rest = body.partition("\n")
    is_tag = bool(newline) and line.strip()[:1] not in ("{", "[")
    return (rest if is_tag else body.removeprefix("json")).strip()


def _structure(text: str) -> dict[str, Any] | list[Any] | None:
    if text[:1] not in ("{", "["):
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def read(value: Any, part: str | int) -> Any:
    """One read step of a path. Through null, a missing field or past the end: null."""
    if value is None:
        return None
    if isinstance(value, str):
        value = look_into(value)
        if isinstance(value, str):
            return len(value) if part == "length" else None
    if is_object(value):
        return value.get(part) if isinstance(part, str) else None
    if is_list(value):
        if isinstance(part, int):
            return value[part] if -len(value) <= part < len(value) else None
        return len(value) if part == "length" else None
    return None


def has(value: Any, part: str | int) -> bool:
    """Whether a read step finds something, be it null."""
    found = look_into(value)
    if is_object(found):
        return part in found
    if is_list(found) and isinstance(part, int):
        return -len(found) <= part < len(found)
    return read(found, part) is not None
