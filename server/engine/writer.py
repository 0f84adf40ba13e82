"""What a run has to say, gathered and committed in one piece: in order, with its fence; after the
commit the world is told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from server.bus.notices import Notices
from server.bus.turns import NORMAL
from server.core.clock import Clock
from server.core.errors import Unavailable
from server.engine.events import FINAL_TYPES, ExecutionEvent
from server.engine.log import topic
from server.engine.rows import is_progress
from server.engine.store import (
    CallRow,
    Commit,
    Committed,
    EventRow,
    ExecutionChange,
    Fence,
    Fenced,
    NewExecution,
    StepRow,
    Store,
    StoredEvent,
    UsageRow,
)
from server.engine.texts import size
from server.models.enums import ExecutionStatus

FLUSH_SECONDS = 0.1
CARRIED_BYTES = 64 * 1024
SAID_AT_MOST = 2_000

log = structlog.get_logger("engine")


@dataclass(frozen=True, slots=True)
class Identity:
    """Which taking of which execution this is."""

    id: UUID
    workspace_id: UUID
    bot_id: UUID
    attempt: int
    owner: str
    created_at: datetime
    trigger: dict[str, Any] = field(default_factory=dict[str, Any])
    last_seq: int = 0
    priority: int = NORMAL
    concurrency_key: str | None = None


class Writer:
    """Gathers what a run says and commits it: in order, with its fence, then tells the world."""

    def __init__(
        self,
        store: Store,
        notices: Notices,
        clock: Clock,
        identity: Identity,
        new: NewExecution | None = None,
    ) -> None:
        self._store = store
        self._notices = notices
        self._clock = clock
        self.identity = identity
        self._new = new
        self.inserting = new is not None
        self._steps: dict[str, StepRow] = {}
        self._events: list[EventRow] = []
        self._usage: list[UsageRow] = []
        self._calls: list[CallRow] = []
        self._change: ExecutionChange | None = None
        self._wakes: UUID | None = None
        self._next: asyncio.Task[None] | None = None
        self._last: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._unsaved_since: float | None = None
        self._look: asyncio.TimerHandle | None = None
        self._given_up = False
        self._worked_at = clock.monotonic()
        self.commits = 0
        self.progressed = False
        self.last_seq = identity.last_seq
        self.somebody_wrote: Callable[[], None] | None = None
        self.cancel_requested = False
        # With what the first commit says of the execution: what comes later may not be durable yet.
        self.accepted: asyncio.Future[ExecutionChange | None] = (
            asyncio.get_running_loop().create_future()
        )

    def now(self) -> datetime:
        return self._clock.now()

    # --- saying

    def event(
        self, event: ExecutionEvent, step_key: str | None = None, at: datetime | None = None
    ) -> None:
        self._events.append(event.row(at or self._clock.now(), step_key, self.identity.attempt))
        if self._unsaved_since is None:
            self._not_for_long()

    def step(self, row: StepRow) -> None:
        self._steps[row.key] = row
        if self._unsaved_since is None:
            self._not_for_long()

    def usage(self, row: UsageRow) -> None:
        self._usage.append(row)

    def call(self, row: CallRow) -> None:
        self._calls.append(row)

    def change(self, change: ExecutionChange) -> None:
        self._change = change

    def wake(self, execution_id: UUID | None) -> None:
        """With the next commit, an execution that waits for this one is due."""
        self._wakes = execution_id

    # --- committing

    def soon(self) -> asyncio.Task[None]:
        """Everything said up to the next turn of the loop, in one commit. Need not be awaited."""
        if self._next is None:
            self._next = asyncio.create_task(self._commit_next())
            self._next.add_done_callback(_seen)
        return self._next

    async def settle(self) -> None:
        """Returns when everything said so far is durable."""
        if self._something_said() or self._next is not None:
            commit = self.soon()
            if commit.done():
                return commit.result()
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        elif self._last is not None:
            await asyncio.shield(self._last)

    async def amend(
        self, change: ExecutionChange, event: ExecutionEvent, while_in: ExecutionStatus
    ) -> bool:
        """A word after the last one. False when somebody else has changed it meanwhile."""
        row = event.row(self._clock.now(), None, self.identity.attempt)
        allowed = frozenset({while_in})
        commit = Commit(self.identity.id, change=change, while_in=allowed, events=(row,))
        try:
            committed = await self._written(commit)
        except Fenced:
            return False
        self._tell(commit, committed.last_seq)
        return True

    def give_up(self) -> None:
        """Somebody else goes on: what cannot be written now is not written at all."""
        self._given_up = True

    def worked(self) -> int:
        """Milliseconds of work that no commit and no heartbeat has counted, for whoever asks to
        store them; what is left over counts with the next one."""
        worked = int((self._clock.monotonic() - self._worked_at) * 1000)
        self._worked_at += worked / 1000
        return worked

    def not_stored(self, worked_ms: int) -> None:
        self._worked_at -= worked_ms / 1000

    def end(self) -> None:
        """Whoever waits for a start that was broken off before anything of it was handed to the
        database must not wait for ever; and no timer holds what was said."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        if self.accepted.done():
            return
        if all(task is None or task.done() for task in (self._next, self._last)):
            self.accepted.set_exception(Unavailable("This process is being stopped."))
            self.accepted.exception()

    def flush_if_old(self) -> None:
        """For a long calculation, which lets no timer in."""
        since = self._unsaved_since
        if since is not None and asyncio.get_running_loop().time() - since > FLUSH_SECONDS:
            self.soon()

    async def breathe(self) -> None:
        """A calculation is faster than a disk: it waits while much of what it said is not stored,
        or the process would hold all of it."""
        if len(self._events) > SAID_AT_MOST:
            await self.settle()
        else:
            await asyncio.sleep(0)

    def _not_for_long(self) -> None:
        """What has been paid for is not lost because something else of the run still works: the
        first of what is said sets a timer, unless the one of an earlier commit still runs."""
        loop = asyncio.get_running_loop()
        self._unsaved_since = loop.time()
        if self._look is None:
            self._look = loop.call_later(FLUSH_SECONDS, self._save_what_is_old)

    def _save_what_is_old(self) -> None:
        self._look = None
        since = self._unsaved_since
        if since is None or self._given_up:
            return
        loop = asyncio.get_running_loop()
        left = since + FLUSH_SECONDS - loop.time()
        if left > 0:
            self._look = loop.call_later(left, self._save_what_is_old)
        else:
            self.soon()

    def _something_said(self) -> bool:
        said = (
            self._steps or self._events or self._usage or self._calls or self._change or self._new
        )
        return bool(said)

    async def _commit_next(self) -> None:
        """One commit of a run at a time: what is said meanwhile goes with the next one."""
        waiting = self._waiting
        try:
            await asyncio.sleep(0)
            if self._last is not None:
                await asyncio.shield(self._last)
            self._last, self._next, self._waiting = self._next, None, []
            if self._something_said():
                await self._commit(waiting)
        except BaseException as error:
            _refuse(waiting, error)
            if isinstance(error, Exception) and not self.accepted.done():
                self.accepted.set_exception(error)
                self.accepted.exception()  # whoever does not wait for it hears of it by `settle`
            raise
        _release(waiting)

    async def _commit(self, waiting: list[asyncio.Future[None]]) -> None:
        commit = self._take()
        committed = await self._written(commit)
        self.inserting = False
        self.commits += 1
        self.progressed = self.progressed or is_progress(commit)
        ours = self.last_seq + len(commit.events)
        self.last_seq = committed.last_seq
        if committed.last_seq > ours and self.somebody_wrote is not None:
            self.somebody_wrote()
        self.cancel_requested = self.cancel_requested or committed.cancel_requested
        # The call that waited leaves first: the other side works while the start is answered.
        _release(waiting)
        if not self.accepted.done():
            self.accepted.set_result(commit.change)
        self._tell(commit, committed.last_seq)

    def _take(self) -> Commit:
        identity = self.identity
        commit = Commit(
            execution_id=identity.id,
            new=self._new,
            change=self._change,
            fence=None if self._new else Fence(identity.attempt, identity.owner),
            events=tuple(self._events),
            steps=tuple(self._steps.values()),
            usage=tuple(self._usage),
            calls=tuple(self._calls),
            wakes=self._wakes,
            worked_ms=0 if self._new else self.worked(),
        )
        self._new, self._change, self._wakes = None, None, None
        self._steps, self._events, self._usage, self._calls = {}, [], [], []
        self._unsaved_since = None
        return commit

    async def _written(self, commit: Commit) -> Committed:
        """A result is not thrown away because the database is away: it waits for it. Whether it
        is still ours to write, the fence decides when the database is back."""
        unsure = False
        while True:
            try:
                stored = await self._stored(commit) if unsure else None
                return stored or await self._store.commit(commit)
            except Unavailable as error:
                if commit.new is not None or self._given_up:
                    raise
                log.warning("commit_waits", execution=str(commit.execution_id), error=error.message)
            unsure = True
            await asyncio.sleep(random.uniform(0.2, 1.0))

    async def _stored(self, commit: Commit) -> Committed | None:
        """A commit of which only the answer was lost must not be made again: its events and its
        costs would be there twice. The first of its events shows whether it is there."""
        if not commit.events:
            return None
        ours = _mark(commit.events[0])
        for event in await self._store.events(commit.execution_id, self.last_seq):
            if _mark(event) == ours:
                return Committed(event.seq + len(commit.events) - 1)
        return None

    def _tell(self, commit: Commit, last_seq: int) -> None:
        if commit.events:
            tell(self._notices, commit, last_seq)
        changed = commit.change is not None and commit.change.status is not None
        if commit.new is not None or changed:
            tell_workspace(self._notices, self.identity.workspace_id, self.identity.id)


def tell(notices: Notices, commit: Commit, last_seq: int) -> None:
    """The notice carries the events themselves, unless they are large."""
    here, events = topic(commit.execution_id), commit.events
    if not notices.anybody_hears(here):
        return
    first = last_seq - len(events) + 1
    carried = None
    told = _fit_into_a_notice(commit)
    if told is not None:
        carried = [
            StoredEvent(
                first + place, event.type, event.at, event.step_key, event.attempt, shown
            ).to_json()
            for place, (event, shown) in enumerate(zip(events, told, strict=True))
        ]
    ended = events[-1].type in FINAL_TYPES
    notices.publish(here, {"seq": last_seq, "events": carried, "ended": ended})


def _fit_into_a_notice(commit: Commit) -> list[Any] | None:
    """The data of each, as clean as it is stored: who looks on sees no secret either."""
    room, texts = CARRIED_BYTES, commit.texts
    for event in commit.events:
        if texts.longer(event.data, room):
            return None
        room -= size(texts.of(event.data))
    return [texts.shown(event.data) for event in commit.events]


def tell_workspace(notices: Notices, workspace_id: UUID, execution_id: UUID) -> None:
    notices.publish(workspace_topic(workspace_id), {"executionId": str(execution_id)})


def workspace_topic(workspace_id: UUID) -> str:
    return f"workspace:{workspace_id}"


def _mark(event: EventRow | StoredEvent) -> tuple[object, ...]:
    return (event.type, event.at, event.step_key, event.attempt)


def _release(waiting: list[asyncio.Future[None]]) -> None:
    for waiter in waiting:
        if not waiter.done():
            waiter.set_result(None)


def _refuse(waiting: list[asyncio.Future[None]], error: BaseException) -> None:
    for waiter in waiting:
        if isinstance(error, asyncio.CancelledError):
            waiter.cancel()
        elif not waiter.done():
            waiter.set_exception(error)


def _seen(task: asyncio.Task[None]) -> None:
    """Nobody may be waiting for this commit; whoever comes next is told what went wrong."""
    if not task.cancelled():
        task.exception()
