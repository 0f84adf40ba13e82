"""Our queue over arq. arq keeps the jobs; two lists wake the workers within milliseconds.

`ready` is the quick way for executions: one list entry, many read at once. A lost entry is
healed by the sweep, which looks at the tables.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from arq.connections import ArqRedis

from server.bus.batcher import Batcher
from server.bus.jobs import Job

READY = "baleybots:ready"
WAKE = "baleybots:wake"

# With no worker up the lists must not grow; the sweep finds what was cut off.
READY_LIMIT = 10_000
WAKE_LIMIT = 1_000


class Queue:
    def __init__(self, redis: ArqRedis) -> None:
        # redis-py types its commands as "sync or async", which nobody can await
        self.redis: Any = redis
        self._ready = Batcher[str]("ready", self._push)

    def ready(self, *execution_ids: str) -> None:
        """Call it after the commit; does not wait for Redis."""
        for execution_id in execution_ids:
            self._ready.add(execution_id)

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

    async def waiting(self) -> int:
        return await self.redis.llen(READY) + await self.redis.zcard(self.redis.default_queue_name)

    async def _push(self, ids: list[str]) -> None:
        await self._push_bounded(READY, READY_LIMIT, ids)

    async def _push_bounded(self, key: str, limit: int, values: list[str]) -> None:
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.rpush(key, *values)
            pipe.ltrim(key, -limit, -1)
            await pipe.execute()
