"""Five-field cron: minute, hour, day of the month, month, weekday."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTHS = "january february march april may june july august september october november december"
_DAYS = "sunday monday tuesday wednesday thursday friday saturday"


def _names(words: str, first: int) -> dict[str, int]:
    """Long names and their first three letters."""
    numbered = [(word, place) for place, word in enumerate(words.split(), first)]
    return dict(numbered) | {word[:3]: place for word, place in numbered}


MONTH_NAMES = _names(_MONTHS, 1)
DAY_NAMES = _names(_DAYS, 0)
DAY_WORDS = tuple(word.capitalize() for word in _DAYS.split())
_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


@dataclass(frozen=True, slots=True)
class CronMistake:
    """Offsets count in the text of the expression."""

    message: str
    start: int
    end: int
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Cron:
    """The values that fit, field by field; weekdays count from 0 = Sunday. When both days are
    restricted, either may fit. `text` is the normalised form: numbers only, one blank between."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: dict[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day", 1, 31, {}),
    _Field("month", 1, 12, MONTH_NAMES),
    _Field("weekday", 0, 7, DAY_NAMES),
)
_ITEM = re.compile(r"(\*|[A-Za-z]+|[0-9]{1,3})(?:-([A-Za-z]+|[0-9]{1,3}))?(?:/([0-9]{1,4}))?")
_WORD = re.compile(r"\S+")


class _Wrong(Exception):
    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def parse_cron(text: str) -> Cron | CronMistake:
    words = list(_WORD.finditer(text))
    if len(words) != len(_FIELDS):
        message = f"A cron expression has five fields; this one has {len(words)}."
        hint = "Minute, hour, day, month, weekday, as in `0 9 * * 1-5`."
        return CronMistake(message, 0, max(1, len(text)), hint)
    sets: list[frozenset[int]] = []
    texts: list[str] = []
    for word, field in zip(words, _FIELDS, strict=True):
        try:
            values, normal = _read_field(word.group(), field)
        except _Wrong as wrong:
            return CronMistake(wrong.message, word.start(), word.end(), wrong.hint)
        sets.append(frozenset(values))
        texts.append(normal)
    minutes, hours, days, months, weekdays = sets
    weekdays = frozenset(day % 7 for day in weekdays)
    stars = texts[2].startswith("*"), texts[4].startswith("*")
    if stars[1] and not any(min(days) <= _LONGEST_MONTH.get(month, 31) for month in months):
        where = words[2]
        return CronMistake("This day does not exist in that month.", where.start(), where.end())
    return Cron(" ".join(texts), minutes, hours, days, months, weekdays, stars[0], stars[1])


def _read_field(text: str, field: _Field) -> tuple[set[int], str]:
    values: set[int] = set()
    normal: list[str] = []
    for item in text.split(","):
        found, written = _read_item(item, field)
        values.update(found)
        normal.append(written)
    return values, ",".join(normal)


def _read_item(item: str, field: _Field) -> tuple[list[int], str]:
    match = _ITEM.fullmatch(item)
    if match is None or (match[1] == "*" and match[2]):
        raise _Wrong(f"`{item}` is no {field.name}.", _range_hint(field))
    step = int(match[3]) if match[3] else 1
    if step < 1:
        raise _Wrong("A step is at least 1.")
    suffix = f"/{match[3]}" if match[3] else ""
    top = 6 if field.name == "weekday" else field.high
    if match[1] == "*":
        return list(range(field.low, top + 1, step)), f"*{suffix}"
    first = _number(match[1], field)
    if match[2] is None:
        if match[3] is None:
            return [first], str(first % 7 if field.name == "weekday" else first)
        return list(range(first, top + 1, step)), f"{first}{suffix}"
    last = _number(match[2], field)
    span = list(range(first, last + 1))
    if last < first:
        span = [*range(first, top + 1), *range(field.low, last + 1)]
    return span[::step], f"{first}-{last}{suffix}"


def _number(word: str, field: _Field) -> int:
    value = int(word) if word.isdigit() else field.names.get(word.lower())
    if value is None:
        raise _Wrong(f"`{word}` is no {field.name}.", _range_hint(field))
    if not field.low <= value <= field.high:
        raise _Wrong(f"{value} is no {field.name}.", _range_hint(field))
    return value


def _range_hint(field: _Field) -> str:
    names = {"month": " or jan to dec", "weekday": " (0 and 7 are Sunday) or sun to sat"}
    return f"The {field.name} goes from {field.low} to {field.high}{names.get(field.name, '')}."
