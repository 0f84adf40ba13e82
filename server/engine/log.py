"""Reading what happened: the table is the truth, a notice only says "look again" (and often
carries the very events, so that nobody has to look)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from server.bus.notices import Notice, Woken
from server.core.jsontext import written
from server.engine.events import FINAL_TYPES
from server.engine.store import Store

READ_AT_ONCE = 500

WireEvent = dict[str, Any]
# Among what was made of a batch; nobody can ask for it with these words.
_EVENTS = ""


@dataclass(frozen=True, slots=True)
class EventBatch:
    """`caught_up` once everything that was stored when following began has been given;
    `done` with the last event that there will ever be. `gaps` are numbers, first and last, whose
    events were deleted before they could be given; `deleted`: the execution itself was. `made` is
    what was made of it for one who follows, kept for the next who wants the same."""

    last_seq: int
    events: tuple[WireEvent, ...]
    caught_up: bool
    done: bool
    gaps: tuple[tuple[int, int], ...] = ()
    deleted: bool = False
    made: dict[str, bytes] = field(default_factory=dict[str, bytes], compare=False, repr=False)

    def written(self) -> bytes:
        """The events as JSON."""
        found = self.made.get(_EVENTS)
        if found is None:
            found = self.made[_EVENTS] = written(self.events)
        return found


def topic(execution_id: UUID) -> str:
    return f"execution:{execution_id}"


async def read(
    store: Store, execution_id: UUID, after: int = 0, limit: int = READ_AT_ONCE
) -> list[WireEvent]:
    return [event.to_json() for event in await store.events(execution_id, after, limit)]


def batched(
    cursor: int, events: Sequence[WireEvent], caught_up: bool, until: int = 0
) -> EventBatch:
    """What follows the cursor, up to `until` where that is known better than by the events."""
    last: int = until or (events[-1]["seq"] if events else cursor)
    done = bool(events) and events[-1]["type"] in FINAL_TYPES
    gaps = () if last - cursor == len(events) else tuple(_gaps(cursor, events, last))
    return EventBatch(last, tuple(events), caught_up, done, gaps)


def _gaps(cursor: int, events: Sequence[WireEvent], last: int) -> Iterator[tuple[int, int]]:
    """Numbers have no holes, so what is missing was deleted."""
    for event in events:
        if event["seq"] > cursor + 1:
            yield cursor + 1, event["seq"] - 1
        cursor = event["seq"]
    if cursor < last:
        yield cursor + 1, last


def is_end(notice: Notice) -> bool:
    """Nothing follows it. A release that does not say so is followed at the usual pace."""
    return bool(notice.data.get("ended"))


def continued(woken: Woken, cursor: int) -> list[WireEvent]:
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
