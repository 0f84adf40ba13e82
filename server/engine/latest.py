"""What this process wrote a moment ago. Nearly everybody who starts an execution follows it at
once, and the table would only say again what is known here already.

Only whole logs are known, from the first event on, small ones, and only while nobody else can have
written to them: such as have ended, and all where this process is the only one. Whatever is not
sure (a commit without an answer, a number that is missing) makes the log unknown again; so does
its deletion."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID
from weakref import WeakSet

from server.bus.turns import Ready
from server.engine.events import FINAL_TYPES
from server.engine.log import READ_AT_ONCE, WireEvent
from server.engine.store import (
    DUE_LIMIT,
    NOT_WORKED,
    Claimed,
    Commit,
    Committed,
    Due,
    EventRow,
    Held,
    Placed,
    RecordedStep,
    Store,
    StoredEvent,
    Worked,
)
from server.engine.texts import Texts
from server.models.enums import TriggerKind

# As long as a follower may take to notice what another process did (HEAL_SECONDS of a feed).
SECONDS: Final = 2.0
LOGS: Final = 64
# Of all that its commits write, rows and events.
BYTES_OF_A_LOG: Final = 128 * 1024
# Who starts it by other ways waits for the answer itself, or for nothing.
FOLLOWED: Final = frozenset({TriggerKind.API, TriggerKind.MANUAL})


@dataclass(slots=True)
class _Log:
    until: float
    events: list[EventRow] = field(default_factory=list[EventRow])
    bytes: int = 0

    def add(self, commit: Commit) -> bool:
        """Whether it is still small, and stands in the table as it was said: without a secret."""
        self.events += commit.events
        self.bytes += commit.texts.bytes
        small = self.bytes <= BYTES_OF_A_LOG and len(self.events) <= READ_AT_ONCE
        return small and not commit.texts.hid

    @property
    def ended(self) -> bool:
        return self.events[-1].type in FINAL_TYPES


class Latest:
    """In front of the store. `alone`: no other process works on this database."""

    def __init__(self, store: Store, *, alone: bool) -> None:
        self._store = store
        self._alone = alone
        self._logs: OrderedDict[UUID, _Log] = OrderedDict()
        _OF_THIS_PROCESS.add(self)

    def forget(self, execution_ids: Iterable[UUID]) -> None:
        for one in execution_ids:
            self._logs.pop(one, None)

    def known(self, execution_id: UUID) -> list[WireEvent] | None:
        """The whole log as it stands in the table; None where the table has to be asked."""
        found = self._logs.get(execution_id)
        if found is None or found.until < time.monotonic():
            return None
        return _shown(found.events) if self._alone or found.ended else None

    async def commit(self, commit: Commit) -> Committed:
        """What was known before stays so meanwhile: it is the beginning of the log either way."""
        try:
            committed = await self._store.commit(commit)
        except BaseException:
            self._logs.pop(commit.execution_id, None)
            raise
        if not self._added(commit, committed.last_seq):
            self._logs.pop(commit.execution_id, None)
        return committed

    def _added(self, commit: Commit, last_seq: int) -> bool:
        until = time.monotonic() + SECONDS
        if commit.new is not None and commit.new.trigger_kind in FOLLOWED:
            known = _Log(until)
        else:
            known = self._logs.get(commit.execution_id)
        if known is None or len(known.events) + len(commit.events) != last_seq:
            return False
        if not known.add(commit):
            return False
        known.until = until
        self._logs[commit.execution_id] = known
        self._logs.move_to_end(commit.execution_id)
        if len(self._logs) > LOGS:
            self._logs.popitem(last=False)
        return True

    # --- the store's own

    async def open(self) -> None:
        await self._store.open()

    async def close(self) -> None:
        await self._store.close()

    async def claim(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> list[Claimed]:
        return await self._store.claim(ids, owner, lease, suspects=suspects)

    async def claim_places(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> Placed:
        return await self._store.claim_places(ids, owner, lease, suspects=suspects)

    async def let_go(self, bot_id: UUID, *, by_age: bool = False) -> list[Ready]:
        return await self._store.let_go(bot_id, by_age=by_age)

    async def parked_bots(self) -> list[UUID]:
        return await self._store.parked_bots()

    async def renew(
        self, held: dict[UUID, int], owner: str, lease: float, worked: Worked = NOT_WORKED
    ) -> list[Held]:
        return await self._store.renew(held, owner, lease, worked)

    async def release(self, held: dict[UUID, int], owner: str) -> list[UUID]:
        return await self._store.release(held, owner)

    async def release_others(self, owner: str) -> list[UUID]:
        return await self._store.release_others(owner)

    async def due(self, limit: int = DUE_LIMIT, *, within: timedelta | None = None) -> list[Due]:
        return await self._store.due(limit, within=within)

    async def steps(self, execution_id: UUID) -> dict[str, RecordedStep]:
        return await self._store.steps(execution_id)

    async def events(
        self, execution_id: UUID, after: int = 0, limit: int = READ_AT_ONCE
    ) -> list[StoredEvent]:
        return await self._store.events(execution_id, after, limit)


def _shown(events: Sequence[EventRow]) -> list[WireEvent]:
    texts = Texts()
    return [
        StoredEvent(
            seq, event.type, event.at, texts.clean(event.step_key), event.attempt, event.data
        ).to_json()
        for seq, event in enumerate(events, 1)
    ]


_OF_THIS_PROCESS: Final[WeakSet[Latest]] = WeakSet()


def forget(execution_ids: Iterable[UUID]) -> None:
    """They are about to be deleted."""
    for one in _OF_THIS_PROCESS:
        one.forget(execution_ids)
