"""Holding on to what we run: a lease of 15 s, renewed every 5 s by one task for all runs of the
process. The task lives on the same event loop as the runs, so a loop that stands still loses its
leases, as it should."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Protocol
from uuid import UUID

import structlog

from server.core.errors import Unavailable
from server.core.tasks import end
from server.engine.store import Fenced, Held, Store

LEASE_SECONDS = 15.0
BEAT_SECONDS = 5.0

log = structlog.get_logger("engine")


class Holder(Protocol):
    """A run that holds a lease."""

    def lost(self) -> None:
        """Somebody else has it: stop at once and write nothing more."""
        ...

    def cancel(self) -> None:
        """Somebody asked to cancel it."""
        ...

    def worked(self) -> int:
        """Milliseconds of work that are not stored yet; whoever asks stores them."""
        ...

    def not_stored(self, worked_ms: int) -> None:
        """They count with whatever is stored next."""
        ...


class Leases:
    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._held: dict[UUID, tuple[int, Holder]] = {}
        self._renewed: dict[UUID, float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._beat_forever())

    async def stop(self) -> None:
        if self._task is not None:
            await end(self._task)

    def hold(self, execution_id: UUID, attempt: int, holder: Holder) -> None:
        self._held[execution_id] = (attempt, holder)
        self._renewed[execution_id] = monotonic()

    def drop(self, execution_id: UUID) -> None:
        self._held.pop(execution_id, None)
        self._renewed.pop(execution_id, None)

    def sure(self, execution_id: UUID) -> bool:
        """Nobody else can have it yet. After this process stood still, or while the database is
        away for long, that is not known."""
        renewed = self._renewed.get(execution_id)
        return renewed is not None and monotonic() - renewed < LEASE_SECONDS

    async def give_back(self, held: dict[UUID, int]) -> None:
        """At a stop: another worker may go on at once instead of after the lease."""
        if held:
            await self._store.release(held, self._owner)

    async def beat(self) -> None:
        asked = {execution_id: attempt for execution_id, (attempt, _) in self._held.items()}
        if not asked:
            return
        began = monotonic()
        answers = {one.id: one for one in await self._renew(asked)}
        for execution_id, attempt in asked.items():
            held_attempt, holder = self._held.get(execution_id, (None, None))
            if holder is None or held_attempt != attempt:
                continue
            answer = answers.get(execution_id)
            if answer is None:
                holder.lost()
                continue
            self._renewed[execution_id] = began
            if answer.cancel_requested:
                holder.cancel()

    async def last_beat(self) -> None:
        """What is broken off now has worked up to here."""
        try:
            await self.beat()
        except Unavailable as error:
            log.warning("working_time_not_stored", error=error.message)

    async def renew(self, execution_id: UUID) -> None:
        """Asks now instead of at the next beat. Raises Fenced when somebody else has it."""
        await self.beat()
        if not self.sure(execution_id):
            raise Fenced("The lease ran out before the call left.")

    async def _renew(self, asked: dict[UUID, int]) -> list[Held]:
        """A worker that is lost afterwards has worked up to here: a limit of time counts it."""
        holders = {execution_id: self._held[execution_id][1] for execution_id in asked}
        worked = {execution_id: holder.worked() for execution_id, holder in holders.items()}
        try:
            return await self._store.renew(asked, self._owner, LEASE_SECONDS, worked)
        except BaseException:
            for execution_id, holder in holders.items():
                holder.not_stored(worked[execution_id])
            raise

    async def _beat_forever(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self.beat()
            except Unavailable as error:
                # The leases may still hold when the database is back; the fence decides then.
                log.warning("lease_not_renewed", error=error.message)


class Lease:
    """What one run sees of it."""

    def __init__(self, leases: Leases, execution_id: UUID) -> None:
        self._leases = leases
        self._id = execution_id

    async def renewed(self) -> None:
        """Before a call is made ready: the database may have been away longer than a lease."""
        if not self._leases.sure(self._id):
            await self._leases.renew(self._id)

    def check(self) -> None:
        """Right before a call leaves, when there is no time to ask: while this process stood still
        another one may have taken the execution, and makes the very same call."""
        if not self._leases.sure(self._id):
            raise Fenced("The lease ran out before the call left.")
