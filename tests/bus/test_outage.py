"""A Redis that is away for an hour must not fill the log."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from server.bus import outage
from server.bus.outage import Outage


def test_it_is_told_once_a_minute_and_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(outage, "monotonic", lambda: now)
    with capture_logs() as told:
        told_of = Outage("notices")
        told_of.over()
        for _ in range(240):  # two minutes of trying every half second
            told_of.tell(ConnectionError("refused"))
            now += 0.5
        told_of.over()
        told_of.tell(ConnectionError("refused again"))
    assert [(one["event"], one.get("error")) for one in told] == [
        ("redis_away", "refused"),
        ("redis_away", "refused"),
        ("redis_back", None),
        ("redis_away", "refused again"),
    ]
