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


async def test_those_that_are_short_of_memory_are_counted_until_they_have_room(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = bus.attendance
    await there.come("one", short=True)
    await there.come("two")
    assert (await there.count(), await there.count_short()) == (2, 1)
    await there.come("one")
    assert await there.count_short() == 0
    await there.come("one", short=True)
    await there.leave("one")
    assert await there.count_short() == 0
    await there.come("one", short=True)
    monkeypatch.setattr(attendance, "STALE_SECONDS", -5)
    assert await there.count_short() == 0


async def test_one_of_those_who_are_there_is_the_first(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = bus.attendance
    assert await there.first("two")
    await there.come("one")
    await there.come("two")
    assert [await there.first(name) for name in ("one", "two")] == [True, False]
    await there.leave("one")
    assert await there.first("two")
    await there.come("one")
    monkeypatch.setattr(attendance, "STALE_SECONDS", -5)
    assert await there.first("two")
