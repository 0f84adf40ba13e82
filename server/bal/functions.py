"""The closed list of functions that an expression may call: pure, bounded, and null for values of
the wrong kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from server.bal import dates
from server.bal.values import (
    equal,
    finite,
    is_list,
    is_number,
    is_object,
    json_inside,
    json_text,
    look_into,
    read,
    text_of,
    to_number,
)

LONGEST_TEXT = 1_000_000
MOST_ITEMS = 100_000
EXACT_DIGITS = 26
DEEP = frozenset({"contains", "join", "sort", "unique", "json", "text"})
LINEAR = frozenset({"sum", "min", "max", "keys", "values", "slice"})


@dataclass(frozen=True, slots=True)
class Function:
    """`fewest` and `most` values; how it is written and what it does says the vocabulary."""

    call: Callable[..., Any]
    fewest: int
    most: int


def _text_in(value: Any) -> str | None:
    """Text, or the text of a number; nothing else has letters."""
    if isinstance(value, str):
        return value
    return text_of(value) if is_number(value) else None


def _list_in(value: Any) -> list[Any] | None:
    found = look_into(value)
    return found if is_list(found) else None


def _upper(value: Any) -> Any:
    text = _text_in(value)
    return None if text is None else text.upper()


def _lower(value: Any) -> Any:
    text = _text_in(value)
    return None if text is None else text.lower()


def _trim(value: Any) -> Any:
    text = _text_in(value)
    return None if text is None else text.strip()


def _length(value: Any) -> Any:
    found = look_into(value)
    if found is None:
        return 0
    if isinstance(found, str) or is_list(found) or is_object(found):
        return len(found)
    return None


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(whole, str):
        wanted = _text_in(part)
        if wanted is not None and wanted in whole:
            return True
    found = look_into(whole)
    if is_list(found):
        return any(equal(item, part) for item in found)
    return is_object(found) and isinstance(part, str) and part in found


def _starts_with(value: Any, part: Any) -> bool:
    text, wanted = _text_in(value), _text_in(part)
    return text is not None and wanted is not None and text.startswith(wanted)


def _ends_with(value: Any, part: Any) -> bool:
    text, wanted = _text_in(value), _text_in(part)
    return text is not None and wanted is not None and text.endswith(wanted)


def _split(value: Any, separator: Any = None) -> Any:
    text = _text_in(value)
    if text is None:
        return None
    if separator is None:
        return text.split()[:MOST_ITEMS]
    mark = _text_in(separator)
    if mark is None:
        return None
    return list(text)[:MOST_ITEMS] if mark == "" else text.split(mark, MOST_ITEMS)


def _join(value: Any, separator: Any = ",") -> Any:
    items, mark = _list_in(value), _text_in(separator)
    if items is None or mark is None or len(items) * len(mark) > LONGEST_TEXT:
        return None
    return bounded(mark.join(text_of(item) for item in items))


def _replace(value: Any, old: Any, new: Any) -> Any:
    text, wanted, other = _text_in(value), _text_in(old), _text_in(new)
    if text is None or wanted is None or other is None:
        return None
    if wanted == "":
        return text
    if len(text) + text.count(wanted) * len(other) > LONGEST_TEXT:
        return None
    return text.replace(wanted, other)


def bounded(text: str) -> str | None:
    return text if len(text) <= LONGEST_TEXT else None


def _round(value: Any, digits: Any = 0) -> Any:
    number, places = to_number(value), to_number(digits)
    if number is None or not isinstance(places, int) or abs(places) > 15:
        return None
    if isinstance(number, int) and places >= 0:
        return number
    exact = Decimal(repr(number))
    if exact.adjusted() + places > EXACT_DIGITS:
        return number
    rounded = exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return finite(float(rounded))


def _floor(value: Any) -> Any:
    number = to_number(value)
    return None if number is None else finite(math.floor(number))


def _abs(value: Any) -> Any:
    number = to_number(value)
    return None if number is None else abs(number)


def _given(values: tuple[Any, ...]) -> list[Any]:
    """`max(a, b)` and `max(list)` are the same."""
    if len(values) == 1:
        found = look_into(values[0])
        if is_list(found):
            return found
    return list(values)


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def pick(*values: Any) -> Any:
        items = [item for item in _given(values) if item is not None]
        numbers = [number for item in items if (number := to_number(item)) is not None]
        if numbers and len(numbers) == len(items):
            return choose(numbers)
        texts = [item for item in items if isinstance(item, str)]
        return choose(texts) if texts and len(texts) == len(items) else None

    return pick


def _sum(*values: Any) -> Any:
    numbers = [number for item in _given(values) if (number := to_number(item)) is not None]
    try:
        return finite(sum(numbers))
    except OverflowError:
        return None


def _first(value: Any) -> Any:
    return read(_list_in(value), 0)


def _last(value: Any) -> Any:
    return read(_list_in(value), -1)


def _keys(value: Any) -> Any:
    found = look_into(value)
    return list(found) if is_object(found) else None


def _values(value: Any) -> Any:
    found = look_into(value)
    return list(found.values()) if is_object(found) else None


def _sort(value: Any, field: Any = None, order: Any = "asc") -> Any:
    items = _list_in(value)
    if items is None:
        return None
    backwards = order == "desc"
    return sorted(items, key=lambda item: _rank(_field_of(item, field)), reverse=backwards)


def _field_of(item: Any, field: Any) -> Any:
    return read(item, field) if isinstance(field, str) else item


def _rank(value: Any) -> tuple[int, Any]:
    """Null, booleans, numbers, texts, then everything else by its JSON text."""
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 1, value
    if is_number(value):
        return 2, value
    return (3, value) if isinstance(value, str) else (4, json_text(value))


def _unique(value: Any, field: Any = None) -> Any:
    items = _list_in(value)
    if items is None:
        return None
    kept: dict[tuple[int, Any], Any] = {}
    for item in items:
        kept.setdefault(_rank(_field_of(item, field)), item)
    return list(kept.values())


def _slice(value: Any, start: Any, end: Any = None) -> Any:
    found = value if isinstance(value, str) else _list_in(value)
    first, last = to_number(start), to_number(end)
    if found is None or not isinstance(first, int) or isinstance(last, float):
        return None
    return found[first:last]


def _text(value: Any) -> Any:
    return bounded(text_of(value))


def _json(value: Any) -> Any:
    return bounded(json_text(value))


def _parse_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = json_inside(value)
    return _plain_json(value) if found is None else found


def _plain_json(text: str) -> Any:
    trimmed = text.strip()
    if trimmed in ("true", "false"):
        return trimmed == "true"
    if len(trimmed) > 1 and trimmed[0] == trimmed[-1] == '"':
        inside = json_inside(f"[{trimmed}]")
        return inside[0] if is_list(inside) and len(inside) == 1 else None
    return to_number(trimmed)


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


MANY = 100
FUNCTIONS: dict[str, Function] = {
    "upper": Function(_upper, 1, 1),
    "lower": Function(_lower, 1, 1),
    "trim": Function(_trim, 1, 1),
    "length": Function(_length, 1, 1),
    "contains": Function(_contains, 2, 2),
    "startsWith": Function(_starts_with, 2, 2),
    "endsWith": Function(_ends_with, 2, 2),
    "split": Function(_split, 1, 2),
    "join": Function(_join, 1, 2),
    "replace": Function(_replace, 3, 3),
    "round": Function(_round, 1, 2),
    "floor": Function(_floor, 1, 1),
    "abs": Function(_abs, 1, 1),
    "min": Function(_extreme(min), 1, MANY),
    "max": Function(_extreme(max), 1, MANY),
    "sum": Function(_sum, 1, MANY),
    "first": Function(_first, 1, 1),
    "last": Function(_last, 1, 1),
    "keys": Function(_keys, 1, 1),
    "values": Function(_values, 1, 1),
    "sort": Function(_sort, 1, 3),
    "unique": Function(_unique, 1, 2),
    "slice": Function(_slice, 2, 3),
    "number": Function(to_number, 1, 1),
    "text": Function(_text, 1, 1),
    "json": Function(_json, 1, 1),
    "parseJson": Function(_parse_json, 1, 1),
    "date": Function(dates.date, 1, 1),
    "addTime": Function(dates.add_time, 2, 3),
    "formatTime": Function(dates.format_time, 1, 3),
    "coalesce": Function(_coalesce, 1, MANY),
}
