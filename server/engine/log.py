"""Reading what happened: the table is the truth, a notice only says "look again" (and often
carries the very events, so that nobody has to look)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.bus.notices import Notices, Woken
from server.engine.events import FINAL_TYPES
from server.engine.store import Store

HEAL_SECONDS = 2.0
READ_AT_ONCE = 500

WireEvent = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventBatch:
    """`caught_up` once everything that was stored when following began has been given;
    `done` with the last event that there will ever be. `gaps` are numbers, first and last, whose
    events were deleted before they could be given."""

    last_seq: int
    events: tuple[WireEvent, ...]
    caught_up: bool
    done: bool
    gaps: tuple[tuple[int, int], ...] = ()


def topic(execution_id: UUID) -> str:
    return f"execution:{execution_id}"


async def read(
    store: Store, execution_id: UUID, after: int = 0, limit: int = READ_AT_ONCE
) -> list[WireEvent]:
    return [event.to_json() for event in await store.events(execution_id, after, limit)]


async def follow(
    store: Store, notices: Notices, execution_id: UUID, after: int = 0
) -> AsyncIterator[EventBatch]:
    """Everything after `after`, each event once and in order, until the execution has ended or was
    deleted."""
    with notices.subscribe(topic(execution_id)) as subscription:
        cursor, caught_up = after, False
        while not caught_up:
            events = await read(store, execution_id, cursor)
            caught_up = len(events) < READ_AT_ONCE
            batch = _batch(cursor, events, caught_up)
            cursor = batch.last_seq
            yield batch
            if batch.done:
                return
        ended = await _ended_before(store, execution_id, cursor)
        more = False
        while not ended:
            woken = Woken() if more else await subscription.next(HEAL_SECONDS)
            events = _continued(woken, cursor)
            if not events:
                events, ended = await _looked(store, execution_id, cursor)
            more = len(events) == READ_AT_ONCE
            if events:
                batch = _batch(cursor, events, True)
                cursor = batch.last_seq
                yield batch
                if batch.done:
                    return
        yield EventBatch(cursor, (), True, True)


def _batch(cursor: int, events: list[WireEvent], caught_up: bool) -> EventBatch:
    last = events[-1]["seq"] if events else cursor
    done = bool(events) and events[-1]["type"] in FINAL_TYPES
    gaps = () if last - cursor == len(events) else tuple(_gaps(cursor, events))
    return EventBatch(last, tuple(events), caught_up, done, gaps)


def _gaps(cursor: int, events: list[WireEvent]) -> Iterator[tuple[int, int]]:
    """Numbers have no holes, so what is missing was deleted."""
    for event in events:
        if event["seq"] > cursor + 1:
            yield cursor + 1, event["seq"] - 1
        cursor = event["seq"]


async def _looked(store: Store, execution_id: UUID, cursor: int) -> tuple[list[WireEvent], bool]:
    """What follows the cursor, and whether the execution was deleted: its own last event is gone
    then, and nothing follows."""
    found = await read(store, execution_id, max(cursor - 1, 0), READ_AT_ONCE + 1)
    events = [event for event in found if event["seq"] > cursor]
    return events, not found


def _continued(woken: Woken, cursor: int) -> list[WireEvent]:
    """The events of the notices, if they follow the cursor without a hole."""
    found: list[WireEvent] = []
    if woken.resync:
        return found
    for notice in woken.notices:
        carried: list[WireEvent] = notice.data.get("events") or []
        fresh = [event for event in carried if event["seq"] > cursor]
        if notice.data["seq"] > cursor and (not fresh or fresh[0]["seq"] != cursor + 1):
            return []
        found.extend(fresh)
        cursor = max(cursor, notice.data["seq"])
    return found


async def _ended_before(store: Store, execution_id: UUID, cursor: int) -> bool:
    """Whoever asks for what follows the last event of a finished execution waits for nothing, and
    neither does who asks for one that was deleted."""
    last = await store.events(execution_id, max(cursor - 1, 0), 1)
    return not last or last[0].type in FINAL_TYPES
