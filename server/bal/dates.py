"""Moments in expressions: read, moved and written. There is no clock here: "now" comes in."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from server.bal.values import is_number, number_in

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
SHORT = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
MONTHS = {"month": 1, "year": 12}
AMOUNT = re.compile(r"(-?\d{1,9})\s*([a-z]+)", re.ASCII)
PATTERN = re.compile(r"YYYY|YY|MMMM|MMM|MM|M|DD|D|dddd|ddd|HH|H|hh|h|mm|ss|A|Z")
DEFAULT_PATTERN = "YYYY-MM-DD HH:mm"
LONGEST_PATTERN = 200
LARGEST_SECONDS = 10**11


def date(value: Any) -> str | None:
    moment = read_moment(value)
    return None if moment is None else iso(moment)


def add_time(value: Any, amount: Any, unit: Any = None) -> str | None:
    moment = read_moment(value)
    step = _step(amount, unit)
    if moment is None or step is None:
        return None
    try:
        return iso(_moved(moment, *step))
    except (OverflowError, ValueError):
        return None


def format_time(value: Any, pattern: Any = None, zone: Any = None) -> str | None:
    moment = read_moment(value)
    where = UTC if zone is None else _zone(zone)
    wanted = DEFAULT_PATTERN if pattern is None else pattern
    if moment is None or where is None or not isinstance(wanted, str):
        return None
    try:
        local = moment.astimezone(where)
    except (OverflowError, ValueError):
        return None
    return PATTERN.sub(lambda match: _piece(local, match.group()), wanted[:LONGEST_PATTERN])


def read_moment(value: Any) -> datetime | None:
    """ISO text, or seconds (also thousandths of them) since 1970; without a zone it is UTC."""
    if isinstance(value, str):
        number = number_in(value)
        if number is None or len(value.strip()) < 9:
            return _from_iso(value.strip())
        return _from_seconds(number)
    return _from_seconds(value) if is_number(value) else None


def iso(moment: datetime) -> str:
    form = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=form).replace("+00:00", "Z")


def _from_iso(text: str) -> datetime | None:
    if len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _from_seconds(number: int | float) -> datetime | None:
    seconds = number / 1000 if abs(number) >= LARGEST_SECONDS else number
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _step(amount: Any, unit: Any) -> tuple[int | float, str] | None:
    """`2, 'days'` or `'2d'`."""
    if unit is None:
        match = AMOUNT.fullmatch(amount.strip()) if isinstance(amount, str) else None
        if match is None:
            return None
        amount, unit = int(match.group(1)), match.group(2)
    number = number_in(amount) if isinstance(amount, str) else amount
    if not is_number(number) or not isinstance(unit, str):
        return None
    word = SHORT.get(unit, unit.lower().removesuffix("s"))
    return (number, word) if word in SECONDS or word in MONTHS else None


def _moved(moment: datetime, amount: int | float, unit: str) -> datetime:
    if unit in SECONDS:
        return moment + timedelta(seconds=amount * SECONDS[unit])
    months = moment.year * 12 + moment.month - 1 + int(amount) * MONTHS[unit]
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    last_day = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))


def _zone(name: Any) -> tzinfo | None:
    if not isinstance(name, str):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _piece(moment: datetime, token: str) -> str:
    hour = moment.hour % 12 or 12
    pieces = {
        "YYYY": f"{moment.year:04}",
        "YY": f"{moment.year % 100:02}",
        "MMMM": calendar.month_name[moment.month],
        "MMM": calendar.month_abbr[moment.month],
        "MM": f"{moment.month:02}",
        "M": str(moment.month),
        "DD": f"{moment.day:02}",
        "D": str(moment.day),
        "dddd": calendar.day_name[moment.weekday()],
        "ddd": calendar.day_abbr[moment.weekday()],
        "HH": f"{moment.hour:02}",
        "H": str(moment.hour),
        "hh": f"{hour:02}",
        "h": str(hour),
        "mm": f"{moment.minute:02}",
        "ss": f"{moment.second:02}",
        "A": "AM" if moment.hour < 12 else "PM",
        "Z": f"{moment:%z}"[:3] + ":" + f"{moment:%z}"[3:5],
    }
    return pieces[token]
