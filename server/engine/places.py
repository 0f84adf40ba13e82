"""Of a bot only so many executions may run at once, and only so many of those with one key.

Whoever runs holds a place: it is counted in the tables, at the claim, by one process at a time for
each bot, so that several workers never give away a place twice. A wait or a pause gives it back;
who goes on needs one again. What finds none is parked: it is not due until one is free, which the
end of another says at once, and a look now and then where that was not heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import structlog

from server.bus.notices import Notices
from server.bus.passed import BY_AGE
from server.bus.queue import Queue
from server.bus.turns import Ready
from server.core.errors import Unavailable
from server.engine.store import Claimed, Placed, Store
from server.engine.writer import tell_workspace

log = structlog.get_logger("engine")


class Places:
    """Gives places to who waits for one, and tells the workers and who looks on."""

    def __init__(self, store: Store, queue: Queue, notices: Notices) -> None:
        self._store = store
        self._queue = queue
        self._notices = notices
        self._let_go: dict[UUID, int] = {}

    async def claimed(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> list[Claimed]:
        if not ids:
            return []
        placed: Placed = await self._store.claim_places(ids, owner, lease, suspects=suspects)
        self._tell(placed.parked)
        return placed.claims

    async def freed(self, bot_id: UUID) -> None:
        """A place of the bot may be free, or it has more of them now."""
        try:
            ready = await self._store.let_go(bot_id, by_age=self._by_age(bot_id))
        except Unavailable as error:
            log.warning("places_not_given", bot=str(bot_id), error=error.message)
            return
        if ready:
            self._let_go[bot_id] = self._let_go.get(bot_id, 0) + len(ready)
        else:
            self._let_go.pop(bot_id, None)
        self._queue.ready(*ready)
        self._tell(ready)

    async def look(self) -> None:
        """Whoever freed a place may have died before it told of it."""
        for bot_id in await self._store.parked_bots():
            await self.freed(bot_id)

    def _by_age(self, bot_id: UUID) -> bool:
        return self._let_go.get(bot_id, 0) % BY_AGE == BY_AGE - 1

    def _tell(self, changed: Iterable[Ready]) -> None:
        for one in changed:
            tell_workspace(self._notices, one.workspace_id, one.id)
