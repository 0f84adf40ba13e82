from __future__ import annotations

import asyncio

from server.bus.bus import Bus


async def test_a_subscriber_hears_its_topic_in_order_and_no_other(bus: Bus) -> None:
    with bus.notices.subscribe("execution:1") as mine:
        bus.notices.publish("execution:1", 1)
        bus.notices.publish("execution:2", 7)
        bus.notices.publish("execution:1", 2)
        woken = await mine.next(timeout=1)
    assert [notice.data for notice in woken.notices] == [1, 2]
    assert not woken.resync


async def test_silence_ends_with_nothing(bus: Bus) -> None:
    with bus.notices.subscribe("quiet") as mine:
        woken = await mine.next(timeout=0.01)
    assert not woken.notices
    assert not woken.resync


async def test_a_slow_reader_is_told_to_resync_and_hurts_nobody(bus: Bus) -> None:
    with (
        bus.notices.subscribe("busy", limit=10) as slow,
        bus.notices.subscribe("busy", limit=1000) as fast,
    ):
        for number in range(100):
            bus.notices.publish("busy", number)
        behind = await slow.next(timeout=1)
        level = await fast.next(timeout=1)
    assert behind.resync
    assert [notice.data for notice in level.notices] == list(range(100))


async def test_after_a_resync_the_slow_reader_hears_again(bus: Bus) -> None:
    with bus.notices.subscribe("busy", limit=2) as slow:
        for number in range(3):
            bus.notices.publish("busy", number)
        await slow.next(timeout=1)
        bus.notices.publish("busy", 9)
        woken = await slow.next(timeout=1)
    assert [notice.data for notice in woken.notices] == [9]
    assert not woken.resync


async def test_who_left_is_forgotten(bus: Bus) -> None:
    with bus.notices.subscribe("here") as gone:
        pass
    bus.notices.publish("here", 1)
    assert not (await gone.next(timeout=0.01)).notices
    await asyncio.sleep(0)
