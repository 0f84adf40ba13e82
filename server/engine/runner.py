"""Which executions this process advances: claims them, runs them, hands them back.

One `advance` for all callers: the process that accepts an execution, a worker that was woken, the
sweep that found one left behind. The row decides who may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import structlog

from server.bal.plan import Plan
from server.bus.notices import Notices
from server.bus.queue import Queue
from server.core.clock import Clock
from server.core.errors import AppError, Unavailable
from server.core.tasks import end
from server.engine import events as happened
from server.engine.asking import Asking
from server.engine.caps import Caps, Spent, inherited
from server.engine.decisions import Deciding, Diagnosing
from server.engine.door import Doors
from server.engine.durable import DurableHost
from server.engine.family import RunFamily, Targets, left_of, used_by_children
from server.engine.heard import CONTROL_TOPIC, Heard
from server.engine.lease import LEASE_SECONDS, Leases
from server.engine.plans import Plans
from server.engine.run import Run
from server.engine.stepping import Stepping
from server.engine.store import (
    Claimed,
    Commit,
    EventRow,
    ExecutionChange,
    Fenced,
    NewExecution,
    RecordedStep,
    StepRow,
    Store,
)
from server.engine.tool_calls import Host, ToolDesk
from server.engine.writer import Identity, Writer, tell, tell_workspace
from server.models.enums import ExecutionMode, ExecutionStatus
from server.tools.catalogue import Catalogues
from server.tools.wrappers import wrapped

SOON_SECONDS = 30.0

log = structlog.get_logger("engine")


class Ended(Protocol):
    """Hears of every execution that this process has brought to its end."""

    async def __call__(
        self, execution_id: UUID, trigger: dict[str, Any], *, spawned: bool
    ) -> None: ...


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
        store: Store,
        notices: Notices,
        queue: Queue,
        doors: Doors,
        clock: Clock,
        owner: str,
        *,
        inline: bool,
        max_running: int,
        caps: Caps,
        deciding: Deciding | None,
        diagnosing: Diagnosing | None,
        catalogues: Catalogues,
        targets: Targets,
        ended: Ended,
    ) -> None:
        self._store = store
        self._notices = notices
        self._queue = queue
        self._doors = doors
        self._clock = clock
        self._owner = owner
        self._inline = inline
        self._max_running = max_running
        self._caps = caps
        self._deciding = deciding
        self._diagnosing = diagnosing
        self._catalogues = catalogues
        self._targets = targets
        self._ended = ended
        self._call_tool = wrapped()
        self._leases = Leases(store, owner)
        self._runs: dict[UUID, Run] = {}
        self._starting = 0
        self._claims: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._draining = False
        self.plans = Plans()
        self._listener: asyncio.Task[None] | None = None

    # --- life

    def start(self) -> None:
        self._leases.start()
        self._listener = asyncio.create_task(self._listen())

    async def drain(self, seconds: float) -> None:
        """Takes nothing new, lets what runs end, hands back the rest for others to go on with."""
        self._draining = True
        self._changed.set()
        await self._wait_for_runs(seconds)
        rest = list(self._runs.values())
        for run in rest:
            run.abandon()
        await asyncio.gather(*(run.task for run in rest if run.task), return_exceptions=True)
        await self._hand_back(rest)

    async def stop(self) -> None:
        await self.drain(0)
        await self._leases.stop()
        for task in [*self._claims, *([self._listener] if self._listener else [])]:
            await end(task)

    @property
    def running(self) -> int:
        return len(self._runs)

    # --- taking

    async def room(self) -> int:
        """How many more may be taken now; waits until it is at least one."""
        while (free := self._free()) < 1:
            self._changed.clear()
            await self._changed.wait()
        return free

    def take(self, execution_ids: Sequence[str]) -> None:
        """Claims in one statement and advances what it got, in tasks of their own."""
        task = asyncio.create_task(self._take(_ids_in(execution_ids)))
        self._claims.add(task)
        task.add_done_callback(self._claims.discard)

    async def advance(self, execution_id: UUID) -> None:
        """Takes one execution if it is due, and returns when this process is done with it."""
        for run in await self._claimed([execution_id]):
            assert run.task is not None
            await asyncio.wait([run.task])

    async def accept(self, new: NewExecution, plan: Plan) -> Accepted:
        """Stores a new execution and returns once it is durable. A program that calls nothing is
        finished by then, in the same transaction."""
        if (self._inline or plan.pure) and self._free() > 0:
            return await self._accept_and_run(new, plan)
        writer = self._writer(_identity(new, self._owner), new)
        writer.event(_queued(new))
        await writer.settle()
        self._queue.ready(str(new.id))
        return Accepted(new, None, writer.last_seq)

    async def accept_fork(
        self, new: NewExecution, events: Sequence[EventRow], steps: Sequence[StepRow]
    ) -> None:
        """A new execution that brings results with it; a worker takes it."""
        commit = Commit(new.id, new=new, events=events, steps=steps)
        committed = await self._store.commit(commit)
        tell(self._notices, new.id, events, committed.last_seq)
        tell_workspace(self._notices, new.workspace_id, new.id)
        self._queue.ready(str(new.id))

    def tell(self, execution_id: UUID, seq: int, kind: str, data: dict[str, Any]) -> None:
        """The quick way to a run of this process; the event is in its log already."""
        run = self._runs.get(execution_id)
        if run is not None:
            run.heard.tell(seq, kind, data)

    def nudge(self, execution_id: UUID) -> None:
        """Something that a run of this process waits for has happened."""
        run = self._runs.get(execution_id)
        if run is not None:
            run.nudge()

    # --- inside

    async def _accept_and_run(self, new: NewExecution, plan: Plan) -> Accepted:
        now = self._clock.now()
        taken = replace(
            new,
            status=ExecutionStatus.RUNNING,
            owner=self._owner,
            attempt=1,
            due_in=LEASE_SECONDS,
        )
        writer = self._writer(_identity(taken, self._owner), taken)
        claimed = _claimed_at_insert(taken, now)
        writer.event(_queued(new))
        started = ExecutionChange(started_at=now)
        writer.change(started)
        run = self._run(claimed, plan, writer, {})
        self._launch(run)
        try:
            await asyncio.shield(writer.accepted)
        except Exception:
            run.lost()
            raise
        return Accepted(taken, run.finished or started, writer.last_seq)

    async def _take(self, ids: list[UUID]) -> None:
        self._starting += len(ids)
        try:
            await self._claimed(ids)
        except Unavailable as error:
            log.warning("claim_failed", count=len(ids), error=error.message)
        finally:
            self._starting -= len(ids)
            self._changed.set()

    async def _claimed(self, ids: list[UUID]) -> list[Run]:
        if self._draining:
            return []
        ids = [one for one in ids if one not in self._runs]
        claims = await self._store.claim(ids, self._owner, LEASE_SECONDS) if ids else []
        runs = [await self._resumed(claimed) for claimed in claims]
        for run in runs:
            self._launch(run)
        return runs

    async def _resumed(self, claimed: Claimed) -> Run:
        recorded = await self._store.steps(claimed.id) if _has_rows(claimed) else {}
        plan = await self.plans.get(claimed.version_id)
        writer = self._writer(_identity(claimed, self._owner), None)
        run = self._run(claimed, plan, writer, recorded)
        if run.host.spawned and run.host.spent.limited:
            run.host.spent.children = await used_by_children(claimed.id)
        if claimed.cancel_requested:
            run.cancel()
        return run

    def _launch(self, run: Run) -> None:
        self._runs[run.claimed.id] = run
        self._leases.hold(run.claimed.id, run.claimed.attempt, run)
        run.task = asyncio.create_task(self._execute(run))

    async def _execute(self, run: Run) -> None:
        try:
            await run.to_the_end()
            await self._after(run)
        except (Fenced, asyncio.CancelledError):
            log.info("execution_left", execution=str(run.claimed.id), attempt=run.claimed.attempt)
        except AppError as error:
            log.warning("execution_not_stored", execution=str(run.claimed.id), error=error.message)
        except Exception:
            log.exception("execution_broke", execution=str(run.claimed.id))
        finally:
            if not self._draining:
                self._leases.drop(run.claimed.id)
                self._runs.pop(run.claimed.id, None)
            elif run.finished is not None or run.gone:
                self._runs.pop(run.claimed.id, None)
            self._changed.set()

    def _run(
        self,
        claimed: Claimed,
        plan: Plan | None,
        writer: Writer,
        recorded: dict[str, RecordedStep],
    ) -> Run:
        door = self._doors(claimed)
        asking = Asking(door, demo=claimed.mode is ExecutionMode.DEMO)
        host = DurableHost(
            writer,
            asking,
            self._desk(claimed.mode),
            recorded,
            spent=Spent(inherited(self._caps, left_of(claimed.trigger or {})), claimed),
            stepping=Stepping(claimed.control),
            deciding=self._deciding,
            diagnosing=self._diagnosing,
        )
        heard = Heard(self._store, claimed.id, host, claimed.last_seq)
        run = Run(claimed, plan, writer, host, door, self._clock, heard)
        writer.somebody_wrote = run.look
        return run

    def _desk(self, mode: ExecutionMode) -> ToolDesk:
        def family(host: Host, key: str, budget: int | None) -> RunFamily:
            return RunFamily(host, key, mode, budget, self._targets, self.plans, self._accept_child)

        return ToolDesk(self._catalogues, self._call_tool, self._clock, family)

    async def _accept_child(self, new: NewExecution, plan: Plan) -> ExecutionChange | None:
        return (await self.accept(new, plan)).change

    async def _after(self, run: Run) -> None:
        """A wait that is soon over need not be found by the sweep."""
        claimed = run.claimed
        if run.finished is not None:
            trigger: dict[str, Any] = claimed.trigger or {}
            await self._ended(claimed.id, trigger, spawned=run.host.spawned)
            if run.host.troubled and self._diagnosing is not None:
                await self._diagnosing.learn(self._store, claimed)
        elif run.host.nudged:
            self._queue.ready(str(claimed.id))
        elif run.due_in is not None and run.due_in <= SOON_SECONDS:
            loop = asyncio.get_running_loop()
            loop.call_later(run.due_in + 0.01, self._queue.ready, str(claimed.id))

    def _writer(self, identity: Identity, new: NewExecution | None) -> Writer:
        return Writer(self._store, self._notices, self._clock, identity, new)

    def _free(self) -> int:
        if self._draining:
            return 0
        return self._max_running - len(self._runs) - self._starting

    async def _wait_for_runs(self, seconds: float) -> None:
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        if tasks and seconds > 0:
            await asyncio.wait(tasks, timeout=seconds)

    async def _hand_back(self, runs: list[Run]) -> None:
        held = {run.claimed.id: run.claimed.attempt for run in runs if run.finished is None}
        for execution_id in held:
            self._runs.pop(execution_id, None)
            self._leases.drop(execution_id)
        try:
            await self._leases.give_back(held)
        except Unavailable as error:
            log.warning("leases_not_given_back", count=len(held), error=error.message)
        self._queue.ready(*(str(execution_id) for execution_id in held))

    async def _listen(self) -> None:
        """What is asked for in another process; the log says so too, this is only quicker."""
        with self._notices.subscribe(CONTROL_TOPIC) as subscription:
            while True:
                woken = await subscription.next(60)
                for notice in woken.notices:
                    given = notice.data
                    self.tell(UUID(given["id"]), given["seq"], given["type"], given["data"])


def _ids_in(texts: Sequence[str]) -> list[UUID]:
    """Whatever else lies in the list of a shared Redis must not cost its neighbours their turn."""
    found: list[UUID] = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            log.warning("no_execution_id", given=text[:80])
    return found


def _identity(row: NewExecution | Claimed, owner: str) -> Identity:
    return Identity(
        id=row.id,
        workspace_id=row.workspace_id,
        bot_id=row.bot_id,
        attempt=row.attempt,
        owner=owner,
        created_at=row.created_at,
        trigger=row.trigger or {},
        last_seq=row.last_seq if isinstance(row, Claimed) else 0,
    )


def _has_rows(claimed: Claimed) -> bool:
    """A fork brings results with it, and a person may have changed an entity before the start."""
    return claimed.attempt > 1 or claimed.last_seq > 1


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
    )


def _queued(new: NewExecution) -> happened.ExecutionQueued:
    return happened.ExecutionQueued(
        input=new.input, trigger_kind=new.trigger_kind.value, mode=new.mode.value
    )
