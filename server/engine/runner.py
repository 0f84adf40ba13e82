"""Which executions this process advances: claims them, runs them, hands them back.

One `advance` for all callers: the process that accepts an execution, a worker that was woken, the
sweep that found one left behind. The row decides who may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog

from server.bal.plan import Plan
from server.bus.queue import Queue
from server.bus.turns import Ready
from server.core.errors import Unavailable
from server.core.tasks import end
from server.engine import events as happened
from server.engine.family import Brought
from server.engine.heard import CONTROL_TOPIC
from server.engine.isolation import Isolation, suspects_due
from server.engine.lease import LEASE_SECONDS
from server.engine.making import Making, Surroundings, identity_of
from server.engine.places import Places
from server.engine.run import Run
from server.engine.running import Ended, Held, Running
from server.engine.stepping import WITH_PARENT, held_row
from server.engine.store import (
    Claimed,
    Commit,
    EventRow,
    ExecutionChange,
    NewExecution,
    StepRow,
)
from server.engine.writer import tell, tell_workspace
from server.models.away import is_away
from server.models.enums import ExecutionStatus

# What is being claimed when a drain begins is waited for: a claim given up half-way is a lease that
# nobody holds.
CLAIM_SECONDS: Final = 2.0
Claims = TypeVar("Claims")

log = structlog.get_logger("engine")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A new execution, what became of it until it was durable, and its last event number."""

    new: NewExecution
    change: ExecutionChange | None
    last_seq: int


class Runner:
    """`inline`: this process may take what it accepts at once (it is the only one). Without it
    only programs that call nothing are run on the spot."""

    def __init__(
        self,
        around: Surroundings,
        queue: Queue,
        *,
        inline: bool,
        max_running: int,
        ended: Ended,
        held: Held,
    ) -> None:
        self._around = around
        self._queue = queue
        self._inline = inline
        self._making = Making(around, self._accept_child)
        self.places = Places(around.store, queue, around.notices)
        self.runs = Running(around, queue, max_running, ended, held, self.places.freed)
        self._isolation = Isolation(self.runs, self._take_alone)
        self._claims: set[asyncio.Task[Any]] = set()
        self._listener: asyncio.Task[None] | None = None
        self.plans = self._making.plans

    # --- life

    def start(self) -> None:
        self.runs.start()
        self._listener = asyncio.create_task(self._listen())

    async def isolate_left(self) -> None:
        """What was under way in two lost processes has its turn alone before anything else."""
        self._isolation.add(await suspects_due(self._around.clock.now()))

    async def drain(self, seconds: float) -> None:
        """Takes nothing new, lets what runs end, hands back the rest for others to go on with."""
        began = monotonic()
        self.runs.draining = True
        if self._claims:
            await asyncio.wait(list(self._claims), timeout=max(seconds, CLAIM_SECONDS))
        await self.runs.drain(max(0.0, seconds - (monotonic() - began)))

    async def stop(self) -> None:
        await self.drain(0)
        await self._isolation.stop()
        await self.runs.stop()
        for task in [*self._claims, *([self._listener] if self._listener else [])]:
            await end(task)

    @property
    def running(self) -> int:
        return len(self.runs)

    # --- taking

    async def room(self) -> int:
        """How many more may be taken now; waits until it is at least one."""
        return await self.runs.room()

    def free(self) -> int:
        return self.runs.free()

    def take(self, executions: Sequence[Ready]) -> None:
        """Claims in one statement and advances what it got, in tasks of their own."""
        self._claiming(self._take(executions))

    async def advance(self, execution_id: UUID) -> None:
        """Takes one execution if it is due, and returns when this process is done with it."""
        for run in await self._claimed([execution_id]):
            assert run.task is not None
            await asyncio.wait([run.task])

    async def accept(self, new: NewExecution, plan: Plan) -> Accepted:
        """Stores a new execution and returns once it is durable. A program that calls nothing is
        finished by then, in the same transaction. Nobody else goes before those who wait."""
        at_once = plan.pure or (self._inline and self._queue.nothing_waits)
        if at_once and not new.limited and self.runs.free() > 0:
            return await self._accept_and_run(new, plan)
        writer = self._making.writer(identity_of(new, self._around.owner), new)
        writer.event(_queued(new))
        await writer.settle()
        self._queue.ready(_ready(new))
        return Accepted(new, None, writer.last_seq)

    async def accept_fork(
        self, new: NewExecution, events: Sequence[EventRow], steps: Sequence[StepRow]
    ) -> None:
        """A new execution that brings results with it; a worker takes it."""
        await self._store_new(new, events, steps)
        self._queue.ready(_ready(new))

    def tell(self, execution_id: UUID, seq: int, kind: str, data: dict[str, Any]) -> None:
        """The quick way to a run of this process; the event is in its log already."""
        run = self.runs.get(execution_id)
        if run is not None:
            run.heard.tell(seq, kind, data)

    def nudge(self, execution_id: UUID) -> None:
        """Something that a run of this process waits for has happened."""
        run = self.runs.get(execution_id)
        if run is not None:
            run.nudge()

    # --- inside

    async def _accept_and_run(self, new: NewExecution, plan: Plan) -> Accepted:
        now = self._around.clock.now()
        taken = replace(
            new,
            status=ExecutionStatus.RUNNING,
            owner=self._around.owner,
            attempt=1,
            due_in=LEASE_SECONDS,
        )
        writer = self._making.writer(identity_of(taken, self._around.owner), taken)
        claimed = _claimed_at_insert(taken, now)
        writer.event(_queued(new))
        started = ExecutionChange(started_at=now)
        writer.change(started)
        caps = await self._making.caps(new.workspace_id)
        run = self._making.run(claimed, plan, writer, {}, caps)
        self.runs.launch(run)
        try:
            change = await asyncio.shield(writer.accepted)
        except Exception:
            run.refused()
            raise
        ended = change is not None and change.status is not None and change.status.final
        return Accepted(taken, change if ended else started, writer.last_seq)

    @property
    def _takes_nothing(self) -> bool:
        return self.runs.closed or self.runs.draining or self.runs.crowded

    async def _take(self, executions: Sequence[Ready]) -> None:
        if self._takes_nothing:
            self._queue.ready(*executions)
            return
        self.runs.starting += len(executions)
        try:
            await self._claimed([one.id for one in executions])
        except Exception as error:
            if not _is_for_now(error):
                raise
            log.warning("claim_failed", count=len(executions), error=str(error))
        finally:
            self.runs.starting -= len(executions)
            self.runs.changed()

    async def _claimed(self, ids: list[UUID]) -> list[Run]:
        if self._takes_nothing:
            return []
        around = self._around
        ids = [one for one in ids if one not in self.runs]
        claims = await around.store.claim(ids, around.owner, LEASE_SECONDS) if ids else []
        if len(claims) < len(ids):
            rest = _without(ids, claims)
            claims += await self.places.claimed(rest, around.owner, LEASE_SECONDS)
            self._isolation.add(await suspects_due(around.clock.now(), _without(ids, claims)))
        return await self._launched(claims)

    def _claiming(self, work: Coroutine[Any, Any, Claims]) -> asyncio.Task[Claims]:
        """A drain waits for it."""
        task = asyncio.create_task(work)
        self._claims.add(task)
        task.add_done_callback(self._claims.discard)
        return task

    async def _take_alone(self, execution_id: UUID) -> Run | None:
        """Given up half-way it would count as lost once more, which is once too often. What is not
        taken is found again."""
        if self.runs.draining or self.runs.crowded:
            return None
        return await asyncio.shield(self._claiming(self._claimed_alone(execution_id)))

    async def _claimed_alone(self, execution_id: UUID) -> Run | None:
        around = self._around
        claims = await around.store.claim(
            [execution_id], around.owner, LEASE_SECONDS, suspects=True
        ) or await self.places.claimed([execution_id], around.owner, LEASE_SECONDS, suspects=True)
        runs = await self._launched(claims)
        return runs[0] if runs else None

    async def _launched(self, claims: list[Claimed]) -> list[Run]:
        """One that cannot be read for the moment does not hold up the others: its lease ends, and
        it is found again."""
        runs: list[Run] = []
        for claimed in claims:
            try:
                run = await self._making.resumed(claimed)
            except Exception as error:
                if not _is_for_now(error):
                    raise
                log.warning("not_resumed", execution=str(claimed.id), error=str(error))
            else:
                self.runs.launch(run)
                runs.append(run)
        return runs

    async def _accept_child(
        self, new: NewExecution, plan: Plan, brought: Brought | None
    ) -> ExecutionChange | None:
        held = new.status is ExecutionStatus.PAUSED
        if brought is None and not held:
            return (await self.accept(new, plan)).change
        if brought is not None and not held:
            await self.accept_fork(new, brought.events, brought.steps)
            return None
        now = self._around.clock.now()
        events = (_queued(new).row(now),) if brought is None else brought.events
        steps = () if brought is None else brought.steps
        told = (*events, happened.ExecutionPaused(reason=WITH_PARENT).row(now))
        await self._store_new(replace(new, due_in=None), told, (*steps, held_row(True)))
        return ExecutionChange(status=ExecutionStatus.PAUSED)

    async def _store_new(
        self, new: NewExecution, events: Sequence[EventRow], steps: Sequence[StepRow]
    ) -> None:
        commit = Commit(new.id, new=new, events=events, steps=steps)
        committed = await self._around.store.commit(commit)
        tell(self._around.notices, commit, committed.last_seq)
        tell_workspace(self._around.notices, new.workspace_id, new.id)

    async def _listen(self) -> None:
        """What is asked for in another process; the log says so too, this is only quicker."""
        with self._around.notices.subscribe(CONTROL_TOPIC) as subscription:
            while True:
                woken = await subscription.next(60)
                for notice in woken.notices:
                    given = notice.data
                    self.tell(UUID(given["id"]), given["seq"], given["type"], given["data"])


def _without(ids: Sequence[UUID], claims: Sequence[Claimed]) -> list[UUID]:
    taken = {claimed.id for claimed in claims}
    return [one for one in ids if one not in taken]


def _is_for_now(error: Exception) -> bool:
    """The database cannot be used for the moment, whoever noticed it."""
    return isinstance(error, Unavailable) or is_away(error)


def _claimed_at_insert(new: NewExecution, now: datetime) -> Claimed:
    return Claimed(
        id=new.id,
        workspace_id=new.workspace_id,
        bot_id=new.bot_id,
        version_id=new.version_id,
        attempt=new.attempt,
        mode=new.mode,
        trigger_kind=new.trigger_kind,
        last_seq=0,
        created_at=new.created_at,
        started_at=now,
        input=new.input,
        trigger=new.trigger,
        priority=new.priority,
    )


def _ready(new: NewExecution) -> Ready:
    return Ready(new.id, new.workspace_id, new.bot_id, new.priority)


def _queued(new: NewExecution) -> happened.ExecutionQueued:
    return happened.ExecutionQueued(
        input=new.input, trigger_kind=new.trigger_kind.value, mode=new.mode.value
    )
