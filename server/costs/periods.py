"""When a budget begins anew: at midnight, on Monday, on the first, in the workspace's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from server.models.enums import BudgetPeriod


@dataclass(frozen=True, slots=True)
class Window:
    """`key` names it; `ends` is the first moment after it. None: without a beginning or end."""

    key: str
    starts: datetime | None = None
    ends: datetime | None = None


def window_of(period: BudgetPeriod, zone: str, now: datetime) -> Window:
    if period is BudgetPeriod.TOTAL:
        return Window("total")
    where = zone_of(zone)
    first = _first_day(period, now.astimezone(where).date())
    after = _next(period, first)
    key = f"{period.value} {first.isoformat()}"
    return Window(key, _midnight(first, where), _midnight(after, where))


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _first_day(period: BudgetPeriod, today: date) -> date:
    match period:
        case BudgetPeriod.WEEK:
            return today - timedelta(days=today.weekday())
        case BudgetPeriod.MONTH:
            return today.replace(day=1)
        case BudgetPeriod.YEAR:
            return today.replace(month=1, day=1)
        case _:
            return today


def _next(period: BudgetPeriod, first: date) -> date:
    match period:
        case BudgetPeriod.WEEK:
            return first + timedelta(days=7)
        case BudgetPeriod.MONTH:
            return (first + timedelta(days=32)).replace(day=1)
        case BudgetPeriod.YEAR:
            return first.replace(year=first.year + 1)
        case _:
            return first + timedelta(days=1)


def _midnight(day: date, where: ZoneInfo) -> datetime:
    """The first moment of a day, also on days whose midnight the clocks skip."""
    return datetime.combine(day, time(), where).astimezone(UTC)
