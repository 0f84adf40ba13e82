from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.costs.periods import window_of
from server.models.enums import BudgetPeriod


@pytest.mark.parametrize(
    ("period", "zone", "now", "key", "starts", "ends"),
    [
        (
            "day",
            "UTC",
            "2026-03-05 23:59",
            "day 2026-03-05",
            "2026-03-05 00:00",
            "2026-03-06 00:00",
        ),
        # Midnight in Berlin is an hour or two before that of UTC.
        (
            "day",
            "Europe/Berlin",
            "2026-03-05 23:30",
            "day 2026-03-06",
            "2026-03-05 23:00",
            "2026-03-06 23:00",
        ),
        # The day on which the clocks go forward has 23 hours.
        (
            "day",
            "Europe/Berlin",
            "2026-03-29 12:00",
            "day 2026-03-29",
            "2026-03-28 23:00",
            "2026-03-29 22:00",
        ),
        # And the day on which they go back has 25.
        (
            "day",
            "America/New_York",
            "2026-11-01 12:00",
            "day 2026-11-01",
            "2026-11-01 04:00",
            "2026-11-02 05:00",
        ),
        (
            "week",
            "UTC",
            "2026-03-01 10:00",
            "week 2026-02-23",
            "2026-02-23 00:00",
            "2026-03-02 00:00",
        ),
        (
            "month",
            "UTC",
            "2026-12-31 23:00",
            "month 2026-12-01",
            "2026-12-01 00:00",
            "2027-01-01 00:00",
        ),
        (
            "month",
            "Pacific/Auckland",
            "2026-12-31 23:00",
            "month 2027-01-01",
            "2026-12-31 11:00",
            "2027-01-31 11:00",
        ),
        (
            "year",
            "UTC",
            "2028-02-29 00:00",
            "year 2028-01-01",
            "2028-01-01 00:00",
            "2029-01-01 00:00",
        ),
        # Monday comes to Auckland while it is Sunday in UTC, and to New York later.
        (
            "week",
            "Pacific/Auckland",
            "2026-03-01 12:00",
            "week 2026-03-02",
            "2026-03-01 11:00",
            "2026-03-08 11:00",
        ),
        # Its last day is the one on which the clocks go forward: an hour is missing.
        (
            "week",
            "America/New_York",
            "2026-03-09 03:30",
            "week 2026-03-02",
            "2026-03-02 05:00",
            "2026-03-09 04:00",
        ),
        (
            "year",
            "Pacific/Auckland",
            "2026-12-31 12:00",
            "year 2027-01-01",
            "2026-12-31 11:00",
            "2027-12-31 11:00",
        ),
        (
            "year",
            "America/New_York",
            "2027-01-01 04:59",
            "year 2026-01-01",
            "2026-01-01 05:00",
            "2027-01-01 05:00",
        ),
        (
            "day",
            "Nowhere/At_All",
            "2026-03-05 10:00",
            "day 2026-03-05",
            "2026-03-05 00:00",
            "2026-03-06 00:00",
        ),
    ],
)
def test_a_budget_begins_anew_at_the_workspaces_midnight(
    period: str, zone: str, now: str, key: str, starts: str, ends: str
) -> None:
    def moment(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    window = window_of(BudgetPeriod(period), zone, moment(now))
    assert (window.key, window.starts, window.ends) == (key, moment(starts), moment(ends))


def test_a_budget_in_all_never_begins_anew() -> None:
    window = window_of(BudgetPeriod.TOTAL, "UTC", datetime.now(UTC))
    assert (window.key, window.starts, window.ends) == ("total", None, None)
