"""Our queue over arq. arq keeps the jobs; what is ready wakes the workers within milliseconds.

`ready` is the quick way for executions: one entry each, many read at once. A lost entry is healed
by the sweep, which looks at the tables.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from arq.connections import ArqRedis

from server.bus.batcher import Batcher
from server.bus.jobs import Job
from server.bus.turns import Ready, Turns

WAKE = "baleybots:wake"

# With no worker up the list must not grow.
WAKE_LIMIT = 1_000


class Queue:
    def __init__(self, redis: ArqRedis) -> None:
        # redis-py types its commands as "sync or async", which nobody can await
        self.redis: Any = redis
        self.turns = Turns(redis)
        self._ready = Batcher[Ready]("ready", self.turns.add)
        # False while the worker of this process knows, or cannot know, that something waits.
        self.nothing_waits = True

    def ready(self, *executions: Ready) -> None:
        """Call it after the commit; does not wait for Redis."""
        for execution in executions:
            self._ready.add(execution)

    async def enqueue(self, job: Job) -> bool:
        """False when a job with the same key is waiting already."""
        delay = timedelta(seconds=job.delay_seconds) if job.delay_seconds else None
        made = await self.redis.enqueue_job(
            job.name, _job_id=job.key, _defer_by=delay, **job.payload
        )
        if made is not None and delay is None:
            await self._push_bounded(WAKE, WAKE_LIMIT, ["1"])
        return made is not None

    async def flush(self) -> None:
        await self._ready.flush()

    async def _push_bounded(self, key: str, limit: int, values: list[str]) -> None:
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.rpush(key, *values)
            pipe.ltrim(key, -limit, -1)
            await pipe.execute()
