from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from server.bus.notices import Notices
from server.core.ids import new_uuid
from server.engine import feed
from server.engine.events import FINAL_TYPES
from server.engine.feed import Feeds, Position
from server.engine.log import EventBatch, topic
from server.engine.store import StoredEvent

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RUN = new_uuid()


class Log:
    """One execution in memory: its events, how often they were read, and the notices of them."""

    def __init__(self) -> None:
        self.rows: list[StoredEvent] = []
        self.reads = 0
        self.looks = 0
        self.away = False
        self.deleted = False
        self.notices = Notices()
        self.feeds = Feeds(self, self.notices, self.positions)  # type: ignore[arg-type]

    def add(self, kind: str = "step.delta", *, told: bool = False, data: Any = None) -> StoredEvent:
        seq = len(self.rows) + 1
        event = StoredEvent(seq, kind, NOW + timedelta(seconds=seq), None, 1, data)
        self.rows.append(event)
        if told:
            self.tell(seq, [event.to_json()], ended=kind in FINAL_TYPES)
        return event

    def tell(self, seq: int, events: list[Any] | None, ended: bool = False) -> None:
        self.notices.publish(topic(RUN), {"seq": seq, "events": events, "ended": ended})

    async def events(
        self, execution_id: UUID, after: int = 0, limit: int = 500
    ) -> Sequence[StoredEvent]:
        if self.away:
            raise ConnectionError("away")
        self.reads += 1
        kept = [row for row in self.rows if row.seq > after and row.data != "deleted"]
        return [] if self.deleted else kept[:limit]

    async def positions(self, ids: Sequence[UUID]) -> dict[UUID, Position]:
        if self.away:
            raise ConnectionError("away")
        self.looks += 1
        ended = bool(self.rows) and self.rows[-1].type in FINAL_TYPES
        return {} if self.deleted else {one: Position(len(self.rows), ended) for one in ids}

    def follow(self, after: int = 0) -> Any:
        return self.feeds.follow(RUN, after)


@pytest_asyncio.fixture
async def log(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Log]:
    monkeypatch.setattr(feed, "PACE_SECONDS", 0.0)
    made = Log()
    yield made
    await made.feeds.stop()
    assert not made.notices._subscribers, "somebody still listens"


def seqs(batch: EventBatch) -> list[int]:
    return [event["seq"] for event in batch.events]


async def settled() -> None:
    """Lets everybody come to where they wait."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_stored_events_first_then_caught_up_then_live_without_reading_again(log: Log) -> None:
    for _ in range(600):
        log.add()
    batches = log.follow()
    first, second = await anext(batches), await anext(batches)
    assert (len(first.events), first.caught_up) == (500, False)
    assert (len(second.events), second.caught_up) == (100, True)
    reads = log.reads
    following = asyncio.ensure_future(anext(batches))
    await settled()
    log.add(told=True)
    assert seqs(await following) == [601]
    assert log.reads == reads
    await batches.aclose()


async def test_no_message_is_large_unless_one_event_is(log: Log) -> None:
    """Neither of what was stored before nor of what comes: who does not read has one kept."""
    for _ in range(100):
        log.add(data={"text": "x" * 40_000})
    log.add(data={"text": "x" * 900_000})
    batches = log.follow()
    stored = [await anext(batches)]
    while not stored[-1].caught_up:
        stored.append(await anext(batches))
    following = asyncio.ensure_future(anext(batches))
    await settled()
    rows = [log.add(data={"text": "y" * 40_000}) for _ in range(20)]
    log.tell(121, [row.to_json() for row in rows])
    live = [await following]
    while live[-1].last_seq < 121:
        live.append(await anext(batches))
    assert [seq for batch in (*stored, *live) for seq in seqs(batch)] == list(range(1, 122))
    sizes = [len(batch.written()) for batch in (*stored, *live)]
    assert sorted(size > feed.SENT_BYTES for size in sizes)[-2:] == [False, True], sizes
    assert len(sizes) < 40, "as much goes into one as may"
    await batches.aclose()


async def test_a_hole_between_notices_is_filled_from_the_table(log: Log) -> None:
    log.add()
    batches = log.follow()
    assert seqs(await anext(batches)) == [1]
    following = asyncio.ensure_future(anext(batches))
    await settled()
    log.add()
    log.add(told=True)
    assert seqs(await following) == [2, 3]
    await batches.aclose()


async def test_lost_notices_are_healed_by_looking(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert feed.HEAL_SECONDS <= 2
    monkeypatch.setattr(feed, "HEAL_SECONDS", 0.02)
    log.add()
    batches = log.follow()
    await anext(batches)
    log.add("execution.completed")
    batch = await anext(batches)
    assert (seqs(batch), batch.done) == ([2], True)
    assert [one async for one in batches] == []


async def test_while_the_database_is_away_a_follower_waits(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "HEAL_SECONDS", 0.02)
    log.add()
    batches = log.follow()
    await anext(batches)
    log.away = True
    log.add()
    log.tell(2, None)
    following = asyncio.ensure_future(anext(batches))
    await settled()
    log.away = False
    assert seqs(await following) == [2]
    await batches.aclose()


async def test_who_comes_while_the_database_is_away_is_told_so_and_may_come_again(log: Log) -> None:
    log.add()
    log.away = True
    with pytest.raises(ConnectionError):
        await anext(log.follow())
    log.away = False
    batches = log.follow()
    assert seqs(await anext(batches)) == [1]
    await batches.aclose()


async def test_many_followers_cost_one_reading_and_get_the_very_same_batches(log: Log) -> None:
    for _ in range(1200):
        log.add()
    log.add("execution.completed")
    everyone = await asyncio.gather(*(all_of(log.follow()) for _ in range(50)))
    assert log.reads == 3
    assert log.looks == 1
    assert [seq for batch in everyone[0] for seq in seqs(batch)] == list(range(1, 1202))
    assert all(mine is first for mine, first in zip(everyone[7], everyone[0], strict=True))


async def all_of(batches: Any) -> list[EventBatch]:
    return [batch async for batch in batches]


async def test_who_joins_late_comes_to_the_same_batches_as_the_others(log: Log) -> None:
    for _ in range(10):
        log.add()
    early = log.follow()
    assert seqs(await anext(early)) == list(range(1, 11))
    following = asyncio.ensure_future(anext(early))
    await settled()
    log.add(told=True)
    assert seqs(await following) == [11]
    late = log.follow(4)
    first, second = await anext(late), await anext(late)
    assert (seqs(first), first.caught_up) == ([5, 6, 7, 8, 9, 10], False)
    assert (seqs(second), second.caught_up) == ([11], True)
    both = asyncio.gather(anext(early), anext(late))
    await settled()
    log.add(told=True)
    one, other = await both
    assert one is other
    await early.aclose()
    await late.aclose()


async def test_a_reader_that_was_too_slow_reads_the_table_and_misses_nothing(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody keeps anything for it, and nobody waits for it."""
    monkeypatch.setattr(feed, "KEPT_EVENTS", 20)
    log.add()
    slow, quick = log.follow(), log.follow()
    await anext(slow)
    await anext(quick)
    for _ in range(300):
        following = asyncio.ensure_future(anext(quick))
        await settled()
        log.add(told=True)
        await following
    kept = log.feeds._open[RUN]._pieces.values()
    assert sum(len(piece.batch.events) for piece in kept) <= 20
    log.add("execution.completed", told=True)
    seen = [seq async for batch in slow for seq in seqs(batch)]
    assert seen == list(range(2, 303))
    await quick.aclose()


async def test_a_flood_of_notices_is_read_from_the_table(log: Log) -> None:
    log.add()
    batches = log.follow()
    await anext(batches)
    for _ in range(2999):
        log.add(told=True)
    log.add("execution.completed", told=True)
    seen = [seq async for batch in batches for seq in seqs(batch)]
    assert seen == list(range(2, 3002))


async def test_nothing_comes_after_the_end(log: Log) -> None:
    log.add()
    log.add("execution.failed")
    [only] = await all_of(log.follow(2))
    assert (only.events, only.caught_up, only.done) == ((), True, True)
    [only] = await all_of(log.follow(7))
    assert only.done


async def test_an_execution_that_is_deleted_ends_its_feeds(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "HEAL_SECONDS", 0.02)
    log.add()
    batches = log.follow()
    await anext(batches)
    log.deleted = True
    [last] = await all_of(batches)
    assert (last.events, last.done, last.deleted) == ((), True, True)


async def test_who_leaves_in_the_middle_of_coming_leaves_nothing_behind(log: Log) -> None:
    log.add()
    coming = [asyncio.ensure_future(anext(log.follow())) for _ in range(3)]
    await asyncio.sleep(0)
    for one in coming:
        one.cancel()
    await asyncio.wait(coming)
    batches = log.follow()
    assert seqs(await anext(batches)) == [1]
    await batches.aclose()
    assert not log.feeds._open


async def test_the_end_is_told_at_once_and_what_gathered_before_it_comes_with_it(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "PACE_SECONDS", 3600.0)
    batches = log.follow()
    await anext(batches)
    log.add(told=True)
    assert seqs(await anext(batches)) == [1]
    following = asyncio.ensure_future(anext(batches))
    log.add(told=True)
    await settled()
    assert not following.done(), "a flood is a few messages"
    log.add("execution.completed", told=True)
    async with asyncio.timeout(15):
        last = await following
    assert (seqs(last), last.done) == ([2, 3], True)
    await batches.aclose()


async def test_an_end_that_comes_before_the_pause_is_not_waited_for(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "PACE_SECONDS", 3600.0)
    batches = log.follow()
    await anext(batches)
    log.add(told=True)
    log.add("execution.completed")
    log.tell(2, None, ended=True)
    async with asyncio.timeout(15):
        found = [seqs(batch) async for batch in batches]
    assert [seq for batch in found for seq in batch] == [1, 2]


async def test_what_was_written_a_moment_ago_is_told_without_asking_the_table(log: Log) -> None:
    log.add()
    log.add()
    log.feeds._known = lambda _: [row.to_json() for row in log.rows]
    batches = log.follow()
    first = await anext(batches)
    assert (seqs(first), first.caught_up) == ([1, 2], True)
    following = asyncio.ensure_future(anext(batches))
    await settled()
    log.add("execution.completed", told=True)
    assert seqs(await following) == [3]
    assert [batch async for batch in batches] == []
    assert (log.reads, log.looks) == (0, 0)
    later = log.follow(2)
    assert seqs(await anext(later)) == [3]
    await later.aclose()
