"""SPEC of `schedule:SPEC`: cron, the short forms, and the words people read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from server.bal.cron import DAY_NAMES, DAY_WORDS, Cron, CronMistake, parse_cron
from server.bal.suggest import closest


@dataclass(frozen=True, slots=True)
class ScheduleMistake:
    """Offsets count in the text of the SPEC."""

    message: str
    start: int
    end: int
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Either `cron` or `seconds`. `text` is the normalised SPEC (without the zone), `zone` is
    None for the time zone of the workspace."""

    text: str
    words: str
    cron: Cron | None = None
    seconds: int | None = None
    zone: str | None = None


_ZONE = re.compile(r"\s+tz=(\S*)\s*$")
_EVERY = re.compile(r"every\s+(\d{1,6})\s*([smhd])", re.IGNORECASE)
_UNITS = {"s": (1, "second"), "m": (60, "minute"), "h": (3600, "hour"), "d": (86400, "day")}
_TIME = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*(am|pm)?", re.IGNORECASE)
_WORKDAYS, _WEEKEND = frozenset(range(1, 6)), frozenset((0, 6))
_FORMS = ("hourly", "daily", "weekdays", "weekends", "weekly", "monthly", "every")
_SPEC_HINT = "As in `daily@9am`, `weekly@monday@17:30`, `every 15m` or a cron `0 9 * * 1-5`."


class _Wrong(Exception):
    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@lru_cache(maxsize=1024)
def parse_schedule(text: str) -> Schedule | ScheduleMistake:
    match = _ZONE.search(text)
    zone = match[1] if match else None
    if match and not is_zone(match[1]):
        message = f"`{match[1]}` is no time zone."
        return ScheduleMistake(message, match.start(1), match.end(1) or 1, "As in Europe/Berlin.")
    body = text[: match.start()] if match else text
    lead = len(body) - len(body.lstrip())
    body = body.strip()
    try:
        return _read(body, zone)
    except _Wrong as wrong:
        return ScheduleMistake(wrong.message, lead, lead + max(1, len(body)), wrong.hint)
    except _CronWrong as wrong:
        found = wrong.mistake
        return ScheduleMistake(found.message, lead + found.start, lead + found.end, found.hint)


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    if not re.fullmatch(r"[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)*", name):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


class _CronWrong(Exception):
    def __init__(self, mistake: CronMistake) -> None:
        super().__init__(mistake.message)
        self.mistake = mistake


def _read(body: str, zone: str | None) -> Schedule:
    if not body:
        raise _Wrong("The schedule is empty.", _SPEC_HINT)
    every = _EVERY.fullmatch(body)
    if every:
        return _every(int(every[1]), every[2].lower(), zone)
    form, *rest = (part.strip() for part in body.split("@"))
    form = form.lower()
    if form in _FORMS and form != "every":
        return _short_form(form, rest, zone)
    if form.split(" ")[0] == "every":
        raise _Wrong("After `every` stands a number and s, m, h or d.", "As in `every 15m`.")
    if len(body.split()) == 1:
        raise _Wrong(f"`{body}` is no schedule.", closest(form, _FORMS) or _SPEC_HINT)
    cron = _cron(body)
    return Schedule(cron.text, _with_zone(_cron_words(cron), zone), cron, None, zone)


def _every(count: int, unit: str, zone: str | None) -> Schedule:
    size, word = _UNITS[unit]
    if count < 1:
        raise _Wrong("The time between two runs is at least 1.", "As in `every 15m`.")
    words = f"Every {word}" if count == 1 else f"Every {count} {word}s"
    return Schedule(f"every {count}{unit}", words, None, count * size, zone)


def _short_form(form: str, rest: list[str], zone: str | None) -> Schedule:
    wanted = {"weekly": 2, "monthly": 2, "weekdays": 1, "weekends": 1}.get(form)
    if len(rest) > (wanted or 1) or (wanted and len(rest) < wanted):
        example = {"weekly": "weekly@monday@9am", "monthly": "monthly@1@9am"}
        raise _Wrong(f"`{form}` is not complete or says too much.",
                     f"As in `{example.get(form, form + '@9am')}`.")  # fmt: skip
    if form == "hourly":
        return _from_cron(f"{_minute(rest)} * * * *", zone)
    hour, minute = _time(rest[-1]) if rest else (0, 0)
    day, weekday = "*", "*"
    if form == "weekdays":
        weekday = "1-5"
    elif form == "weekends":
        weekday = "0,6"
    elif form == "weekly":
        weekday = str(_weekday(rest[0]))
    elif form == "monthly":
        day = str(_day_of_month(rest[0]))
    return _from_cron(f"{minute} {hour} {day} * {weekday}", zone)


def _from_cron(text: str, zone: str | None) -> Schedule:
    cron = _cron(text)
    return Schedule(cron.text, _with_zone(_cron_words(cron), zone), cron, None, zone)


def _cron(text: str) -> Cron:
    cron = parse_cron(text)
    if isinstance(cron, CronMistake):
        raise _CronWrong(cron)
    return cron


def _minute(rest: list[str]) -> int:
    if not rest:
        return 0
    if not re.fullmatch(r":?\d{1,2}", rest[0]) or int(rest[0].lstrip(":")) > 59:
        raise _Wrong(f"`{rest[0]}` is no minute.", "As in `hourly@15`.")
    return int(rest[0].lstrip(":"))


def _time(text: str) -> tuple[int, int]:
    match = _TIME.fullmatch(text)
    hint = "As in 9am, 9:30pm or 21:30."
    if match is None:
        raise _Wrong(f"`{text}` is no time of day.", hint)
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise _Wrong(f"`{text}` is no time of day.", hint)
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        raise _Wrong(f"`{text}` is no time of day.", hint)
    return hour, minute


def _weekday(text: str) -> int:
    day = DAY_NAMES.get(text.lower())
    if day is None:
        raise _Wrong(f"`{text}` is no day of the week.", closest(text, DAY_NAMES))
    return day


def _day_of_month(text: str) -> int:
    if not re.fullmatch(r"\d{1,2}", text) or not 1 <= int(text) <= 31:
        raise _Wrong(f"`{text}` is no day of the month.", "A number from 1 to 31.")
    return int(text)


def _cron_words(cron: Cron) -> str:
    minute, hour, day, month, weekday = cron.text.split()
    every = re.fullmatch(r"\*/(\d+)", minute)
    rest = (hour, day, month, weekday)
    if rest == ("*", "*", "*", "*"):
        if minute == "*" or every:
            return f"Every {every[1]} minutes" if every and every[1] != "1" else "Every minute"
        if minute.isdigit():
            return "Every hour" if minute == "0" else f"Every hour at :{int(minute):02d}"
    if month == "*" and minute.isdigit() and hour.isdigit():
        clock = _clock(int(hour), int(minute))
        if day == "*":
            return f"{_weekday_words(weekday, cron)} at {clock}"
        if weekday == "*" and day.isdigit():
            return f"Monthly on day {day} at {clock}"
    return f"On the schedule {cron.text}"


def _weekday_words(field: str, cron: Cron) -> str:
    if field == "*":
        return "Daily"
    if cron.weekdays == _WORKDAYS:
        return "Weekdays"
    if cron.weekdays == _WEEKEND:
        return "Weekends"
    # A week is read from Monday on.
    days = sorted(cron.weekdays, key=lambda day: (day - 1) % 7)
    return f"Weekly on {', '.join(DAY_WORDS[day] for day in days)}"


def _clock(hour: int, minute: int) -> str:
    half = "am" if hour < 12 else "pm"
    shown = hour % 12 or 12
    return f"{shown}{half}" if minute == 0 else f"{shown}:{minute:02d}{half}"


def _with_zone(words: str, zone: str | None) -> str:
    return f"{words} ({zone})" if zone else words
