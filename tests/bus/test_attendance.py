from __future__ import annotations

import pytest

from server.bus import attendance
from server.bus.bus import Bus


async def test_workers_are_counted_until_they_leave_or_are_silent(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = bus.attendance
    assert await there.count() == 0
    await there.come("one")
    await there.come("one")
    await there.come("two")
    assert await there.count() == 2
    await there.leave("one")
    assert await there.count() == 1
    monkeypatch.setattr(attendance, "STALE_SECONDS", -5)
    assert await there.count() == 0
