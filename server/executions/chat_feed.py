"""Following a conversation: what its running execution has said so far, what it says, and then the
same of the next one, until the conversation is deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

import structlog

from server.bus.notices import Subscription
from server.core.tasks import end
from server.engine.engine import Engine
from server.engine.log import EventBatch
from server.executions.chat_text import Frame, Gathered
from server.executions.chats import topic
from server.models.away import is_away
from server.models.tables import ChatSession, Execution

log = structlog.get_logger("executions")

FRAME_SECONDS = 0.05
LOOK_SECONDS = 15.0
AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Place:
    """After event `seq` of one of its executions."""

    execution_id: UUID
    seq: int = 0


async def follow(
    engine: Engine, session: ChatSession, after: Place | None = None
) -> AsyncGenerator[Frame, None]:
    """Heard first and read second, so that nothing falls between."""
    with engine.bus.notices.subscribe(topic(session.id)) as heard:
        presence = _Presence(session.id, heard)
        place, last = await _beginning(session, after)
        if place is None:
            yield Frame(None)
        while not presence.gone:
            place = place or await _next(session.id, last)
            if place is None:
                await presence.wait()
                continue
            last = place.execution_id
            async with aclosing(_said(engine, place, presence)) as frames:
                async for frame in frames:
                    yield frame
                    place = None if frame.done else Place(last, frame.last_seq)
            if place is not None and not presence.gone:
                await asyncio.sleep(AGAIN_SECONDS)  # the feed broke off; it is taken up again


class _Presence:
    """Whether the conversation is still there: told by a notice, and looked for in silence, since
    a notice may be lost."""

    def __init__(self, session_id: UUID, heard: Subscription) -> None:
        self.gone = False
        self._id = session_id
        self._heard = heard

    async def wait(self) -> None:
        """Until there is something to look for."""
        woken = await self._heard.next(LOOK_SECONDS)
        if any(notice.data.get("deleted") for notice in woken.notices):
            self.gone = True
        elif not woken.notices:
            self.gone = not await self._there()

    async def _there(self) -> bool:
        """As long as nobody can look, it is."""
        try:
            return await ChatSession.exists(id=self._id)
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("chat_feed_waits", session=str(self._id), error=str(error))
            return True

    async def until_gone(self) -> None:
        while not self.gone:
            await self.wait()


async def _said(engine: Engine, place: Place, presence: _Presence) -> AsyncGenerator[Frame, None]:
    """Of one execution, in at most twenty frames a second."""
    gathered, due = Gathered(place.execution_id, place.seq), 0.0
    now = asyncio.get_running_loop().time
    async with aclosing(engine.follow(place.execution_id, place.seq)) as batches:
        gone = asyncio.create_task(presence.until_gone())
        pull: asyncio.Task[EventBatch | None] | None = asyncio.create_task(_pull(batches))
        try:
            while pull is not None or gathered.news:
                waited: set[asyncio.Task[None] | asyncio.Task[EventBatch | None]] = {gone}
                if pull is not None and not gathered.full:
                    waited.add(pull)
                pause = max(0.0, due - now()) if gathered.news else None
                await asyncio.wait(waited, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    gone.result()
                    return
                if pull is not None and pull.done() and not gathered.full:
                    pull = _taken(pull, gathered, batches)
                if gathered.news and now() >= due:
                    yield await gathered.frame()
                    due = now() + FRAME_SECONDS
        finally:
            await end(gone)
            if pull is not None:
                await end(pull)


def _taken(
    pull: asyncio.Task[EventBatch | None],
    gathered: Gathered,
    batches: AsyncGenerator[EventBatch, None],
) -> asyncio.Task[EventBatch | None] | None:
    batch = pull.result()
    if batch is None:
        return None
    gathered.add(batch)
    return None if batch.done else asyncio.create_task(_pull(batches))


async def _pull(batches: AsyncGenerator[EventBatch, None]) -> EventBatch | None:
    return await anext(batches, None)


async def _beginning(session: ChatSession, after: Place | None) -> tuple[Place | None, UUID]:
    """Where it begins, and after which execution the next one is looked for."""
    if after is not None:
        return await _taken_up(session, after)
    latest = session.last_execution_id
    if latest is None:
        return None, UUID(int=0)
    row = await Execution.get_or_none(id=latest).only("id", "status")
    if row is None:  # about to be accepted, or deleted
        return None, UUID(int=latest.int - 1)
    return (None, latest) if row.status.final else (Place(latest), latest)


async def _taken_up(session: ChatSession, after: Place) -> tuple[Place | None, UUID]:
    """One that is not there any more counts as heard."""
    known = after.execution_id
    row = await Execution.get_or_none(id=known, session_id=session.id).only(
        "id", "status", "last_seq"
    )
    over = row is None or (row.status.final and after.seq >= row.last_seq)
    return (None, known) if over else (after, known)


async def _next(session_id: UUID, last: UUID) -> Place | None:
    rows = Execution.filter(session_id=session_id, id__gt=last).order_by("id")
    row = await rows.first().only("id")
    return None if row is None else Place(row.id)
