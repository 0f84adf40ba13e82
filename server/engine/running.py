"""The executions that this process runs: their tasks, their leases, their end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol
from uuid import UUID

import structlog

from server.bus.queue import Queue
from server.bus.turns import Ready
from server.core.errors import AppError, Unavailable
from server.core.step_time import outside
from server.engine.lease import Lease, Leases
from server.engine.making import Surroundings
from server.engine.run import Run
from server.engine.store import Fenced
from server.engine.writer import tell_workspace
from server.models.away import is_away

SOON_SECONDS = 30.0
QUIET_SECONDS = 0.1

log = structlog.get_logger("engine")


class Ended(Protocol):
    """Hears of every execution that this process has brought to its end."""

    async def __call__(
        self, execution_id: UUID, trigger: dict[str, Any], *, spawned: bool
    ) -> None: ...


class Held(Protocol):
    """Hears of every execution with children that a person paused."""

    async def __call__(self, workspace_id: UUID, execution_id: UUID) -> None: ...


class Freed(Protocol):
    """Hears that a bot of which only so many run at once may have a place again."""

    async def __call__(self, bot_id: UUID) -> None: ...


class Running:
    """`draining` once nothing new is taken, `closed` while an execution has to run alone, `at_most`
    so many at once while memory is short."""

    def __init__(
        self,
        around: Surroundings,
        queue: Queue,
        max_running: int,
        ended: Ended,
        held: Held,
        freed: Freed,
    ) -> None:
        self._around = around
        self._queue = queue
        self.max_running = max_running
        self._ended = ended
        self._held = held
        self._freed = freed
        self._leases = Leases(around.store, around.owner)
        self._runs: dict[UUID, Run] = {}
        self._changed = asyncio.Event()
        self.starting = 0
        self.draining = False
        self.closed = False
        self.at_most: int | None = None

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, execution_id: UUID) -> bool:
        return execution_id in self._runs

    def get(self, execution_id: UUID) -> Run | None:
        return self._runs.get(execution_id)

    def start(self) -> None:
        self._leases.start()

    async def drain(self, seconds: float) -> None:
        """Takes nothing new, lets what runs end, hands back the rest for others to go on with."""
        self.draining = True
        self._changed.set()
        await self._wait_for_runs(seconds)
        rest = list(self._runs.values())
        if rest:
            await self._leases.last_beat()
        for run in rest:
            run.abandon()
        await asyncio.gather(*(run.task for run in rest if run.task), return_exceptions=True)
        await self._hand_back(rest)

    async def stop(self) -> None:
        await self._leases.stop()

    async def room(self) -> int:
        """How many more may be taken now; waits until it is at least one."""
        while (free := self.free()) < 1:
            self._changed.clear()
            await self._changed.wait()
        return free

    def free(self) -> int:
        if self.draining or self.closed:
            return 0
        most = self.max_running if self.at_most is None else min(self.at_most, self.max_running)
        return most - len(self._runs) - self.starting

    @property
    def idle(self) -> bool:
        return not self._runs and not self.starting

    @property
    def crowded(self) -> bool:
        """Memory is short, and what runs is all that may run then."""
        return self.at_most is not None and len(self._runs) >= self.at_most

    def narrow(self, at_most: int | None) -> None:
        """What runs goes on, however many they are. None: as many as usual."""
        self.at_most = at_most
        self.changed()

    async def quiet(self, at_most: float) -> None:
        """Returns when nothing runs here that could bring the process down: all have ended, have
        finished the step with which they came, or have done no harm for so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most):
                while self.starting or not all(run.proven for run in self._runs.values()):
                    await asyncio.sleep(QUIET_SECONDS)

    def changed(self) -> None:
        """There may be room again."""
        self._changed.set()

    def launch(self, run: Run) -> None:
        self._runs[run.claimed.id] = run
        self._leases.hold(run.claimed.id, run.claimed.attempt, run)
        run.host.lease = Lease(self._leases, run.claimed.id)
        run.task = asyncio.create_task(self._execute(run), context=outside())
        # One that is cancelled before its first turn gets to no `finally` of its own.
        run.task.add_done_callback(lambda _: run.writer.end())

    # --- inside

    async def _execute(self, run: Run) -> None:
        try:
            await run.to_the_end()
            await self._after(run)
        except (Fenced, asyncio.CancelledError):
            log.info("execution_left", execution=str(run.claimed.id), attempt=run.claimed.attempt)
        except AppError as error:
            # Whoever asked for what could not even be inserted is told so.
            told = log.info if run.writer.inserting else log.warning
            told("execution_not_stored", execution=str(run.claimed.id), error=error.message)
        except Exception as error:
            if not is_away(error):
                log.exception("execution_broke", execution=str(run.claimed.id))
            else:
                log.warning("execution_not_stored", execution=str(run.claimed.id), error=str(error))
        finally:
            if not self.draining:
                self._leases.drop(run.claimed.id)
                self._runs.pop(run.claimed.id, None)
            elif run.finished is not None or run.gone:
                self._runs.pop(run.claimed.id, None)
            self._changed.set()

    async def _after(self, run: Run) -> None:
        """A wait that is soon over need not be found by the sweep."""
        claimed = run.claimed
        if run.finished is not None:
            trigger: dict[str, Any] = claimed.trigger or {}
            await self._ended(claimed.id, trigger, spawned=run.host.spawned)
            if run.host.troubled:
                await self._learn(run)
        elif run.paused:
            if run.host.spawned:
                await self._held(claimed.workspace_id, claimed.id)
        elif run.host.nudged or run.again:
            self._queue.ready(_ready(run))
        elif run.due_in is not None and run.due_in <= SOON_SECONDS:
            loop = asyncio.get_running_loop()
            loop.call_later(run.due_in + 0.01, self._queue.ready, _ready(run))
        # What was taken over from a lost worker had its place already.
        if claimed.placed or claimed.losses:
            await self._freed(claimed.bot_id)

    async def _learn(self, run: Run) -> None:
        around, claimed = self._around, run.claimed
        if around.diagnosing is None:
            return
        await around.diagnosing.learn(around.store, _ready(run), run.plan)
        # Who heard of the end has read the list of incidents too early.
        tell_workspace(around.notices, claimed.workspace_id, claimed.id)

    async def _wait_for_runs(self, seconds: float) -> None:
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        if tasks and seconds > 0:
            await asyncio.wait(tasks, timeout=seconds)

    async def _hand_back(self, runs: list[Run]) -> None:
        left = [run for run in runs if run.finished is None]
        held = {run.claimed.id: run.claimed.attempt for run in left}
        for execution_id in held:
            self._runs.pop(execution_id, None)
            self._leases.drop(execution_id)
        try:
            await self._leases.give_back(held)
        except Unavailable as error:
            log.warning("leases_not_given_back", count=len(held), error=error.message)
        self._queue.ready(*map(_ready, left))


def _ready(run: Run) -> Ready:
    claimed = run.claimed
    return Ready(claimed.id, claimed.workspace_id, claimed.bot_id, claimed.priority)
