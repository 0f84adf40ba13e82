"""The same board for several processes: each operation is one script in Redis, so that no two
workers count past each other. While Redis is away each process goes on with what it knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
import structlog

from server.bus.redis import AWAY
from server.llm.board import FORGET_SECONDS, Circuit, MemoryBoard

log = structlog.get_logger("llm")
Found = TypeVar("Found")

_CIRCUITS = "baleybots:circuits"
_PREFIX = "baleybots:llm:"
_PATIENCE_SECONDS = 0.5
_AWAY_SECONDS = 5.0

_FAILED = """
local old = redis.call('HGET', KEYS[1], ARGV[1])
local now, threshold, forget = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local failures = 0
if old then
  local was = cjson.decode(old)
  if was.opened_at or now - was.failed_at <= forget then failures = was.failures end
end
failures = failures + 1
local found = {failures = failures, failed_at = now, why = ARGV[5]}
if failures >= threshold then found.opened_at = now end
local text = cjson.encode(found)
redis.call('HSET', KEYS[1], ARGV[1], text)
redis.call('DEL', KEYS[2])
return failures
"""
_TURN = """
local now, interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local ahead = math.max(tonumber(redis.call('GET', KEYS[1]) or ARGV[1]), now)
redis.call('SET', KEYS[1], string.format('%.6f', ahead + interval), 'EX', 3600)
return string.format('%.6f', math.max(0, ahead - now - interval * (burst - 1)))
"""
_ENTER = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
local inside = redis.call('ZSCORE', KEYS[1], ARGV[3])
if not inside and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[3])
redis.call('EXPIRE', KEYS[1], 3600)
return 1
"""


class RedisBoard:
    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._alone = MemoryBoard()
        self._away_until = 0.0

    async def failed(self, key: str, threshold: int, why: str, now: float) -> Circuit:
        alone = await self._alone.failed(key, threshold, why, now)
        probe = _probe_key(key)
        given = (_CIRCUITS, probe, key, now, threshold, FORGET_SECONDS, why)
        failures = await self._try(lambda: self._redis.eval(_FAILED, 2, *given), alone.failures)
        return Circuit(failures, now, now if failures >= threshold else None, why)

    async def forget(self, key: str) -> None:
        await self._alone.forget(key)
        await self._try(lambda: self._redis.hdel(_CIRCUITS, key), 0)
        await self._try(lambda: self._redis.delete(_probe_key(key)), 0)

    async def circuits(self) -> dict[str, Circuit]:
        alone = await self._alone.circuits()
        kept = await self._try(lambda: self._redis.hgetall(_CIRCUITS), None)
        if kept is None:
            return alone
        return {key.decode(): _circuit(text) for key, text in kept.items()}

    async def probe(self, key: str, seconds: float, now: float) -> bool:
        alone = await self._alone.probe(key, seconds, now)
        name, lasts = _probe_key(key), int(seconds * 1000)
        return bool(await self._try(lambda: self._redis.set(name, "1", nx=True, px=lasts), alone))

    async def turn(self, key: str, interval: float, burst: int, now: float) -> float:
        alone = await self._alone.turn(key, interval, burst, now)
        given = (f"{_PREFIX}turn:{key}", now, interval, burst)
        return float(await self._try(lambda: self._redis.eval(_TURN, 1, *given), alone))

    async def enter(self, key: str, most: int, holder: str, until: float, now: float) -> bool:
        given = (f"{_PREFIX}places:{key}", now, most, holder, until)
        found = await self._try(lambda: self._redis.eval(_ENTER, 1, *given), None)
        if found is None:
            return await self._alone.enter(key, most, holder, until, now)
        return bool(found)

    async def leave(self, key: str, holder: str) -> None:
        await self._alone.leave(key, holder)
        await self._try(lambda: self._redis.zrem(f"{_PREFIX}places:{key}", holder), 0)

    async def _try(self, ask: Callable[[], Awaitable[Any]], otherwise: Found) -> Any | Found:
        loop = asyncio.get_running_loop()
        if loop.time() < self._away_until:
            return otherwise
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await ask()
        except AWAY as error:
            self._away_until = loop.time() + _AWAY_SECONDS
            log.warning("redis away, provider state is kept per process", error=str(error))
            return otherwise


def _probe_key(key: str) -> str:
    return f"{_PREFIX}probe:{key}"


def _circuit(text: bytes) -> Circuit:
    data = orjson.loads(text)
    return Circuit(data["failures"], data["failed_at"], data.get("opened_at"), data["why"])
