"""The only file that knows how an arq worker works inside (arq is pinned for it).

Beside arq's own poll a reader waits for executions that are ready, and takes them in turn, as many
as there is room for.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, cast

import arq.worker
import structlog

from server.bus.outage import Outage
from server.bus.queue import Queue
from server.bus.redis import AWAY, JOBS_KEY
from server.bus.turns import Ready, Turn
from server.core.tasks import end

log = structlog.get_logger("bus")

READY_BATCH = 100
BLOCK_SECONDS = 5
JOB_SECONDS = 3600
HANDING_SECONDS = 2.0

JobFunction = Callable[..., Coroutine[Any, Any, Any]]


class ReadyTaker(Protocol):
    """Who advances ready executions."""

    async def room(self) -> int:
        """How many may start now; waits until it is at least one."""
        ...

    def free(self) -> int:
        """The same, without waiting."""
        ...

    def take(self, executions: Sequence[Ready]) -> None: ...


class _ArqWorker(arq.worker.Worker):
    async def drain(self, seconds: float) -> None:
        self.allow_pick_jobs = False
        running = [task for task in self.tasks.values() if not task.done()]
        if running:
            await asyncio.wait(running, timeout=seconds)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class QueueWorker:
    """Runs until `stop`; a Redis that goes away is waited for, never a reason to end."""

    def __init__(
        self,
        queue: Queue,
        functions: Mapping[str, JobFunction],
        taker: ReadyTaker,
        max_jobs: int = 10,
    ) -> None:
        self._queue = queue
        self._redis = queue.redis
        self._functions = dict(functions)
        self._taker = taker
        self._max_jobs = max_jobs
        self._arq: _ArqWorker | None = None
        self._loops: list[asyncio.Task[None]] = []
        self._handing: asyncio.Task[None] | None = None

    def start(self) -> None:
        worker = self._arq = self._build()
        loops = {"jobs": worker.main, "ready": self._read_ready}
        self._loops = [asyncio.create_task(_for_ever(*loop)) for loop in loops.items()]

    async def stop(self, drain_seconds: float = 0.0) -> None:
        """Takes nothing new at once, gives running jobs `drain_seconds` to end."""
        if self._arq is not None:
            self._arq.allow_pick_jobs = False
        for loop in self._loops:
            await end(loop)
        handing, self._handing = self._handing, None
        if handing is not None:
            await asyncio.wait([handing], timeout=HANDING_SECONDS)
            await end(handing)
            _tell(handing)
        if self._arq is not None:
            await self._arq.drain(drain_seconds)

    async def _read_ready(self) -> None:
        """There may be less room when something comes than there was before."""
        turns = self._queue.turns
        while True:
            self._queue.nothing_waits = False
            await self._taker.room()
            self._queue.nothing_waits = True
            turn = await turns.next(BLOCK_SECONDS)
            self._queue.nothing_waits = False
            if turn is not None:
                # A stop must not come between: what is out of Redis by then belongs to nobody.
                handing = self._handing = asyncio.create_task(self._hand_over(turn))
                await asyncio.wait([handing])
                self._handing = None
                await handing

    async def _hand_over(self, turn: Turn) -> None:
        turns = self._queue.turns
        if (free := self._taker.free()) < 1:
            await turns.put_back(turn)
        elif taken := await turns.take(turn, min(free, READY_BATCH)):
            self._taker.take(taken)

    def _build(self) -> _ArqWorker:
        return _ArqWorker(
            [arq.worker.func(cast(Any, run), name=name) for name, run in self._functions.items()],
            queue_name=JOBS_KEY,
            redis_pool=self._redis,
            handle_signals=False,
            max_jobs=self._max_jobs,
            job_timeout=JOB_SECONDS,
            keep_result=0,
            max_tries=1,
            health_check_interval=10,
            job_serializer=self._redis.job_serializer,
            job_deserializer=self._redis.job_deserializer,
            log_results=False,
        )


def _tell(handing: asyncio.Task[None]) -> None:
    """Of what failed while its reader was stopped; ticks find what was out of Redis then."""
    if handing.cancelled() or (error := handing.exception()) is None:
        return
    if isinstance(error, AWAY):
        Outage("ready").tell(error)
    else:
        log.error("worker_loop_failed", what="ready", exc_info=error)


async def _for_ever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    outage = Outage(name)
    while True:
        try:
            await run()
        except AWAY as error:
            outage.tell(error)
        except Exception:
            log.exception("worker_loop_failed", what=name)
        await asyncio.sleep(random.uniform(0.1, 1.0))


async def _no_info(*_: object) -> None:
    """arq asks for INFO at each start; the embedded Redis has none."""


setattr(arq.worker, "log_redis_info", _no_info)  # noqa: B010
