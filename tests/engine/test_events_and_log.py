from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.bus.notices import Notices
from server.core.ids import new_uuid
from server.engine import log
from server.engine.events import EVENT_TYPES, ExecutionEvent, StepDelta, read_event
from server.engine.log import EventBatch, follow, topic
from server.engine.store import StoredEvent

FAMILIES = ("execution", "step", "model", "tool", "entity", "repair", "approval")

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", EVENT_TYPES.values(), ids=list(EVENT_TYPES))
def test_an_event_survives_the_way_through_json(kind: type[ExecutionEvent]) -> None:
    given = {item.name: f"some {item.name}" for item in fields(kind)}
    event = kind(**given)
    assert read_event(kind.TYPE, event.to_data()) == event
    assert kind.TYPE.split(".")[0] in FAMILIES


def test_what_a_later_release_adds_does_not_break_this_one() -> None:
    assert read_event("step.delta", {"text": "a", "colour": "red"}) == StepDelta(text="a")
    assert read_event("step.dreamt", {"text": "a"}) is None


class Table:
    """The part of a store that following needs."""

    def __init__(self) -> None:
        self.rows: list[StoredEvent] = []
        self.reads = 0

    def add(self, kind: str = "step.delta") -> StoredEvent:
        seq = len(self.rows) + 1
        self.rows.append(StoredEvent(seq, kind, NOW + timedelta(seconds=seq), None, 1))
        return self.rows[-1]

    async def events(
        self, execution_id: UUID, after: int = 0, limit: int = 500
    ) -> Sequence[StoredEvent]:
        self.reads += 1
        return self.rows[after : after + limit]


@pytest.fixture
def table() -> Table:
    return Table()


def stream(table: Any, notices: Notices, execution_id: UUID, after: int = 0) -> Any:
    return follow(table, notices, execution_id, after)


def seqs(batch: EventBatch) -> list[int]:
    return [event["seq"] for event in batch.events]


async def test_stored_events_first_then_caught_up_then_live_without_reading_again(
    table: Table,
) -> None:
    notices, execution_id = Notices(), new_uuid()
    for _ in range(600):
        table.add()
    feed = stream(table, notices, execution_id)
    first, second = await anext(feed), await anext(feed)
    assert (len(first.events), first.caught_up) == (500, False)
    assert (len(second.events), second.caught_up) == (100, True)
    pending = anext(feed)
    reads = table.reads + 1  # one look whether it had ended before
    table.add()
    live = table.rows[-1]
    following = asyncio_task(pending)
    await settled()
    notices.publish(topic(execution_id), {"seq": 601, "events": [live.to_json()]})
    assert seqs(await following) == [601]
    assert table.reads == reads
    await feed.aclose()


async def test_a_hole_between_notices_is_filled_from_the_table(table: Table) -> None:
    notices, execution_id = Notices(), new_uuid()
    table.add()
    feed = stream(table, notices, execution_id)
    assert seqs(await anext(feed)) == [1]
    following = asyncio_task(anext(feed))
    await settled()
    table.add()
    last = table.add()
    notices.publish(topic(execution_id), {"seq": 3, "events": [last.to_json()]})
    assert seqs(await following) == [2, 3]
    await feed.aclose()


async def test_lost_notices_are_healed_by_looking(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "HEAL_SECONDS", 0.02)
    notices, execution_id = Notices(), new_uuid()
    table.add()
    feed = stream(table, notices, execution_id)
    await anext(feed)
    table.add("execution.completed")
    batch = await anext(feed)
    assert (seqs(batch), batch.done) == ([2], True)
    assert [one async for one in feed] == []


async def test_a_reader_that_was_too_slow_reads_the_table_and_misses_nothing(table: Table) -> None:
    notices, execution_id = Notices(), new_uuid()
    table.add()
    feed = stream(table, notices, execution_id)
    await anext(feed)
    table.add()
    notices.publish(topic(execution_id), {"seq": 2, "events": None})
    for _ in range(2999):
        event = table.add()
        notices.publish(topic(execution_id), {"seq": event.seq, "events": [event.to_json()]})
    last = table.add("execution.completed")
    notices.publish(topic(execution_id), {"seq": last.seq, "events": None})
    seen = [seq async for batch in feed for seq in seqs(batch)]
    assert seen == list(range(2, 3003))


async def test_nothing_comes_after_the_end(table: Table) -> None:
    table.add()
    table.add("execution.failed")
    [only] = [one async for one in stream(table, Notices(), new_uuid(), 2)][-1:]
    assert (only.events, only.caught_up, only.done) == ((), True, True)


def test_what_heals_is_quick_enough() -> None:
    assert log.HEAL_SECONDS <= 2


def asyncio_task(awaitable: Any) -> Any:
    return asyncio.ensure_future(awaitable)


async def settled() -> None:
    """Lets the reader come to its waiting point."""
    for _ in range(5):
        await asyncio.sleep(0)
