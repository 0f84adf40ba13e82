"""Following executions: each log is read once, however many look on.

A feed keeps the latest pieces of one log. Whoever follows walks from piece to piece at a pace of
their own, and who is too slow for what is kept reads the table. So nobody has a queue that could
fill up, and nobody waits for the slowest."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import structlog

from server.bus.notices import Notices, Subscription
from server.core.tasks import end
from server.engine.events import FINAL_TYPES
from server.engine.log import (
    READ_AT_ONCE,
    EventBatch,
    WireEvent,
    batched,
    continued,
    is_end,
    read,
    topic,
)
from server.engine.store import Store
from server.models.away import is_away
from server.models.enums import FINAL_STATUSES
from server.models.tables import Execution

PACE_SECONDS = 0.04
# What nobody was told of is seen within 2 s: the look itself takes a moment, too.
HEAL_SECONDS = 1.5
KEPT_EVENTS = 1_000
KEPT_BYTES = 1024 * 1024
KEPT_READINGS = 4
# Of one message, unless a single event is larger. For who does not read two are kept: one in the
# socket's buffer, and one that waits for room there.
SENT_BYTES = 256 * 1024
SILENCE_SECONDS = 3600.0
ASKED_AT_ONCE = 500

log = structlog.get_logger("engine")


@dataclass(frozen=True, slots=True)
class Position:
    """How far the log of an execution goes."""

    last_seq: int
    ended: bool


GONE = Position(0, True)
Positions = Callable[[Sequence[UUID]], Awaitable[dict[UUID, Position]]]
# A whole log that need not be read from the table, from its first event on.
Known = Callable[[UUID], Sequence[WireEvent] | None]


async def stored_positions(ids: Sequence[UUID]) -> dict[UUID, Position]:
    """One small statement: this stands before every feed, and is asked again while it lasts."""
    if not ids:
        return {}
    # Nothing but ids of ours is written into it.
    named = ", ".join(f"'{one}'" for one in ids)
    db: Any = Execution._meta.db  # pyright: ignore[reportPrivateUsage]
    rows: list[dict[str, Any]] = await db.execute_query_dict(
        f"SELECT id, last_seq, status FROM executions WHERE id IN ({named})"
    )
    return {
        UUID(str(row["id"])): Position(row["last_seq"], row["status"] in FINAL_STATUSES)
        for row in rows
    }


class _Piece:
    """A stretch of the log."""

    __slots__ = ("_early", "batch", "bytes")

    def __init__(self, batch: EventBatch) -> None:
        self.batch = batch
        self.bytes = len(batch.written())
        self._early: EventBatch | None = None

    def as_of(self, begun: int) -> EventBatch:
        """For who had that much to catch up with: by this they have, or not yet."""
        if self.batch.last_seq >= begun:
            return self.batch
        if self._early is None:
            self._early = replace(self.batch, caught_up=False, made={})
        return self._early


def _pieces(cursor: int, events: Sequence[WireEvent], until: int = 0) -> Iterator[_Piece]:
    """What follows the cursor, none of it too large to be sent in one message."""
    piece = _Piece(batched(cursor, events, True, until))
    if piece.bytes <= SENT_BYTES or len(events) < 2:
        yield piece
        return
    half = len(events) // 2
    middle: int = events[half - 1]["seq"]
    yield from _pieces(cursor, events[:half], middle)
    yield from _pieces(middle, events[half:], until)


class Feed:
    """The log of one execution, for all in this process who follow it."""

    def __init__(
        self, store: Store, notices: Notices, execution_id: UUID, known: Sequence[WireEvent]
    ) -> None:
        self.execution_id = execution_id
        self.followers = 0
        self.tail = 0
        self.ended = False
        self.deleted = False
        self.closed = False
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._store = store
        self._heard: Subscription = notices.subscribe(topic(execution_id))
        self._pieces: OrderedDict[int, _Piece] = OrderedDict()
        self._readings: OrderedDict[tuple[int, int], asyncio.Task[_Piece]] = OrderedDict()
        self._more = asyncio.Event()
        self._at_once = READ_AT_ONCE
        if known:
            self._add(known)
            self.begun.set_result(None)

    # --- for those who follow

    async def follow(self, after: int) -> AsyncGenerator[EventBatch, None]:
        begun, cursor = self.tail, after
        if after >= begun and not self.ended:
            yield EventBatch(after, (), True, False)
        while True:
            if cursor < self.tail:
                piece = self._pieces.get(cursor) or await self._stored(cursor)
                batch = piece.as_of(begun)
                yield batch
                if batch.done:
                    return
                cursor = batch.last_seq
            elif self.ended or self.closed:
                yield EventBatch(cursor, (), True, self.ended, deleted=self.deleted)
                return
            else:
                await self._more.wait()

    async def _stored(self, cursor: int) -> _Piece:
        """What follows the cursor up to where a piece begins that all share."""
        until = next((first for first in self._pieces if first > cursor), self.tail)
        place = (cursor, until)
        reading = self._readings.get(place)
        if reading is None:
            reading = self._readings[place] = asyncio.create_task(self._read(cursor, until))
            reading.add_done_callback(lambda done: self._forget_failed(place, done))
            while len(self._readings) > KEPT_READINGS:
                self._readings.popitem(last=False)
        return await asyncio.shield(reading)

    async def _read(self, cursor: int, until: int) -> _Piece:
        """Where events are large, not many more are read than are sent."""
        wanted = min(self._at_once, until - cursor)
        found = await read(self._store, self.execution_id, cursor, wanted)
        events = [event for event in found if event["seq"] <= until]
        last = events[-1]["seq"] if len(events) == wanted else until
        piece = next(_pieces(cursor, events, last))
        fit = len(piece.batch.events)
        self._at_once = min(READ_AT_ONCE, 2 * (fit if fit < len(events) else self._at_once))
        return piece

    def _forget_failed(self, place: tuple[int, int], reading: asyncio.Task[_Piece]) -> None:
        if reading.cancelled() or reading.exception() is not None:
            self._readings.pop(place, None)

    # --- for the one who reads

    def stands_at(self, position: Position | None) -> None:
        """What the table says. Without a position the execution was deleted."""
        if position is not None and position.last_seq > self.tail:
            self._heard.resync()
        elif position is None or position.ended:
            self.ended, self.deleted = True, position is None
            self._wake()

    def close(self) -> None:
        self.closed = True
        self.begun.cancel()
        self._heard.resync()
        self._wake()

    async def run(self, positions: Positions) -> None:
        """It hears of what is new before it asks how far the table is, so nothing falls between."""
        with self._heard:
            if not self.begun.done():
                await self._begin(positions)
            if self.closed or self.begun.exception() is not None:
                return
            try:
                await self._read_on()
            finally:
                self.close()

    async def _begin(self, positions: Positions) -> None:
        try:
            found = await positions([self.execution_id])
        except Exception as error:
            if not self.closed:
                self.begun.set_exception(error)
            return
        if self.closed:
            return
        position = found.get(self.execution_id, GONE)
        self.deleted = position is GONE
        self.tail, self.ended = position.last_seq, position.ended
        self.begun.set_result(None)

    async def _read_on(self) -> None:
        """After each piece a pause, in which the next events gather: a flood is a few messages.
        Nobody waits for the end, since nothing gathers after it."""
        while not (self.ended or self.closed):
            woken = await self._heard.next(SILENCE_SECONDS)
            if self.closed:
                return
            events = continued(woken, self.tail) or await self._looked()
            if events:
                self._add(events)
                await self._heard.pause(PACE_SECONDS, is_end)

    async def _looked(self) -> list[WireEvent]:
        try:
            events = await read(self._store, self.execution_id, self.tail)
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("feed_waits", execution=str(self.execution_id), error=str(error))
            return []
        if len(events) == READ_AT_ONCE:
            self._heard.resync()
        return events

    def _add(self, events: Sequence[WireEvent]) -> None:
        for piece in _pieces(self.tail, events):
            self._pieces[self.tail] = piece
            self.tail = piece.batch.last_seq
            self.ended = piece.batch.done
        while len(self._pieces) > 1 and not self._fits():
            self._pieces.popitem(last=False)
        self._wake()

    def _fits(self) -> bool:
        kept = self._pieces.values()
        return (
            sum(len(piece.batch.events) for piece in kept) <= KEPT_EVENTS
            and sum(piece.bytes for piece in kept) <= KEPT_BYTES
        )

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()


class Feeds:
    """All feeds of this process. A feed is there as long as somebody follows it."""

    def __init__(
        self,
        store: Store,
        notices: Notices,
        positions: Positions = stored_positions,
        known: Known = lambda _: None,
    ) -> None:
        self._store = store
        self._notices = notices
        self._positions = positions
        self._known = known
        self._open: dict[UUID, Feed] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._healing: asyncio.Task[None] | None = None

    async def follow(self, execution_id: UUID, after: int = 0) -> AsyncGenerator[EventBatch, None]:
        """Everything after `after`, each event once and in order, until the execution has ended or
        was deleted."""
        feed = self._open.get(execution_id)
        if feed is None:
            known: Sequence[WireEvent] = self._known(execution_id) or []
            if after < len(known) and known[-1]["type"] in FINAL_TYPES:
                yield batched(after, known[after:], True)
                return
            feed = self._opened(execution_id, known)
        feed.followers += 1
        try:
            await asyncio.shield(feed.begun)
            async with aclosing(feed.follow(after)) as batches:
                async for batch in batches:
                    yield batch
        finally:
            feed.followers -= 1
            if not feed.followers:
                self._close(feed)

    async def stop(self) -> None:
        for feed in list(self._open.values()):
            self._close(feed)
        if self._healing is not None:
            await end(self._healing)
        await asyncio.gather(*self._running, return_exceptions=True)

    def _opened(self, execution_id: UUID, known: Sequence[WireEvent]) -> Feed:
        feed = self._open[execution_id] = Feed(self._store, self._notices, execution_id, known)
        task = asyncio.create_task(feed.run(self._positions))
        self._running.add(task)
        task.add_done_callback(self._ended)
        if self._healing is None or self._healing.done():
            self._healing = asyncio.create_task(self._heal())
        return feed

    def _close(self, feed: Feed) -> None:
        if self._open.get(feed.execution_id) is feed:
            del self._open[feed.execution_id]
        feed.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("feed_broke", error=str(error))

    async def _heal(self) -> None:
        """A notice may be lost on its way: one look for all feeds finds what they did not hear."""
        while self._open:
            await asyncio.sleep(HEAL_SECONDS)
            ids = list(self._open)
            for place in range(0, len(ids), ASKED_AT_ONCE):
                await self._look(ids[place : place + ASKED_AT_ONCE])

    async def _look(self, ids: Sequence[UUID]) -> None:
        try:
            found = await self._positions(ids)
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("feeds_not_healed", error=str(error))
            return
        for one in ids:
            feed = self._open.get(one)
            if feed is not None and feed.begun.done():
                feed.stands_at(found.get(one))
