"""Which workers are there, in every process: without one, whatever is started waits.

Each says so again and again; who has died is forgotten by the clock of Redis, the same for all.
"""

from __future__ import annotations

from typing import cast

from arq.connections import ArqRedis

from server.bus.redis import AWAY

KEY = "baleybots:workers"
SHORT_KEY = "baleybots:workers:short-of-memory"
EVERY_SECONDS = 5.0
STALE_SECONDS = 20


class Attendance:
    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def come(self, worker: str, *, short: bool = False) -> None:
        """`short` of memory: it takes nothing new for now. While Redis is away nobody can ask
        either: the next time will do."""
        try:
            now = await self._now()
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zadd(KEY, {worker: now})
                pipe.zremrangebyscore(KEY, "-inf", now - STALE_SECONDS)
                if short:
                    pipe.zadd(SHORT_KEY, {worker: now})
                else:
                    pipe.zrem(SHORT_KEY, worker)
                pipe.zremrangebyscore(SHORT_KEY, "-inf", now - STALE_SECONDS)
                await pipe.execute()
        except AWAY:
            return

    async def leave(self, worker: str) -> None:
        try:
            await self._redis.zrem(KEY, worker)
            await self._redis.zrem(SHORT_KEY, worker)
        except AWAY:
            return

    async def count(self) -> int | None:
        """None while Redis does not say."""
        return await self._count(KEY)

    async def count_short(self) -> int | None:
        """How many of them are short of memory."""
        return await self._count(SHORT_KEY)

    async def first(self, worker: str) -> bool:
        """For work that one of all does for the others: the first by name. Nobody is, while Redis
        does not say."""
        try:
            present = await self._redis.zrangebyscore(
                KEY, await self._now() - STALE_SECONDS, "+inf"
            )
        except AWAY:
            return False
        return all(worker <= _text(one) for one in present)

    async def _count(self, key: str) -> int | None:
        try:
            return int(await self._redis.zcount(key, await self._now() - STALE_SECONDS, "+inf"))
        except AWAY:
            return None

    async def _now(self) -> int:
        seconds, _ = cast(tuple[int, int], await self._redis.time())
        return seconds


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
