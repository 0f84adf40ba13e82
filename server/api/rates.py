"""How much one may ask for in a minute: a bucket of points for each token, each person and each
workspace. A request costs what `cost` says, and must find its points in all three.

The buckets live in this process. Where several processes share a Redis they tell each other five
times a second what was spent, so together they give away a fifth of a second too much at most, and
each goes on alone while Redis is away."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from server.bus.redis import AWAY
from server.core.settings import Settings
from server.core.tasks import end
from server.workspaces.access import Viewer

log = structlog.get_logger("api")

WINDOW = 60.0
SHARE_SECONDS = 0.2
MANY = 20_000
KEY = "baleybots:points:"

_WHOSE = {"token": "This token", "user": "This person", "workspace": "This workspace"}

# Fills up for the time that went by, takes what was spent, and answers with what is left.
_SPEND = """
local found = redis.call('HMGET', KEYS[1], 'left', 'at')
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local most = tonumber(ARGV[1])
local left = tonumber(found[1]) or most
local went = math.max(0, now - (tonumber(found[2]) or now))
left = math.min(most, left + went * most / 60) - tonumber(ARGV[2])
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], 180)
return tostring(left)
"""


@dataclass(slots=True)
class Bucket:
    """Holds a minute's points and fills evenly. `unsaid` is what the other processes have not
    heard of."""

    whose: str
    most: int
    left: float
    at: float
    unsaid: float = 0

    def fill(self, now: float) -> None:
        self.left = min(self.most, self.left + (now - self.at) * self.most / WINDOW)
        self.at = now

    def wait(self, points: int) -> float:
        """Seconds until this can be paid; what costs more than all of it needs a full one."""
        missing = min(points, self.most) - self.left
        return max(0.0, missing * WINDOW / self.most)

    def take(self, points: float) -> None:
        self.left = min(self.most, self.left - points)
        self.unsaid += points

    @property
    def full_in(self) -> float:
        return max(0.0, (self.most - self.left) * WINDOW / self.most)


@dataclass(slots=True)
class Bill:
    """Of one request. `limit` 0: nobody counts here."""

    requested: int
    buckets: tuple[Bucket, ...] = ()
    actual: int = 0
    wait: float = 0
    refusal: str = ""

    @property
    def refused(self) -> bool:
        return bool(self.refusal)

    @property
    def tightest(self) -> Bucket | None:
        return min(self.buckets, key=lambda one: one.left, default=None)

    def settle(self, actual: int) -> None:
        """What was asked for and did not come is given back."""
        self.actual = actual
        back = max(0, self.requested - max(actual, 1))
        for bucket in self.buckets if not self.refused else ():
            bucket.take(-back)

    def told(self) -> dict[str, Any]:
        """`extensions.cost`."""
        standing = standing_of(self.tightest)
        return {
            "requested": self.requested,
            "actual": self.actual,
            "remaining": None if standing is None else standing.remaining,
            "resetAt": None if standing is None else _stamp(standing.reset_at),
        }

    def headers(self) -> dict[str, str]:
        bucket = self.tightest
        if bucket is None:
            return {}
        found = {
            "RateLimit-Limit": str(bucket.most),
            "RateLimit-Remaining": str(max(0, math.floor(bucket.left))),
            "RateLimit-Reset": str(math.ceil(bucket.full_in)),
            "RateLimit-Policy": f'"{bucket.whose}";q={bucket.most};w={WINDOW:g}',
        }
        if self.refused:
            found["Retry-After"] = str(max(1, math.ceil(self.wait)))
        return found


@dataclass(frozen=True, slots=True)
class Standing:
    whose: str
    limit: int
    remaining: int
    reset_at: datetime


def standing_of(bucket: Bucket | None) -> Standing | None:
    if bucket is None:
        return None
    full = datetime.now(UTC) + timedelta(seconds=bucket.full_in)
    return Standing(bucket.whose, bucket.most, max(0, math.floor(bucket.left)), full)


class Rates:
    """`redis` None: this process is the only one."""

    def __init__(
        self, settings: Settings, redis: Any = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = {
            "token": settings.rate_limit_token,
            "user": settings.rate_limit_user,
            "workspace": settings.rate_limit_workspace,
        }
        self._redis = redis
        self._now = now
        self._buckets: dict[tuple[str, Any], Bucket] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._redis is not None:
            self._task = asyncio.create_task(self._share_forever())

    async def stop(self) -> None:
        if self._task is not None:
            await end(self._task)

    def charge(self, viewer: Viewer, points: int) -> Bill:
        """Takes the points from all buckets, or from none."""
        buckets = self.buckets_of(viewer)
        bill = Bill(points, buckets)
        if any(one.left < points for one in buckets):
            empty = max(buckets, key=lambda one: one.wait(points))
            if empty.wait(points) > 0:
                bill.wait = round(empty.wait(points), 3)
                bill.refusal = _words(empty, bill.wait)
                return bill
        for bucket in buckets:
            bucket.take(points)
        return bill

    def nothing_left(self, viewer: Viewer) -> bool:
        """Not even the cheapest request can be paid."""
        return any(one.left < 1 for one in self.buckets_of(viewer))

    def buckets_of(self, viewer: Viewer) -> tuple[Bucket, ...]:
        now = self._now()
        found = [self._found(whose, key, now) for whose, key in _keys(viewer) if self._most[whose]]
        return tuple(found)

    def _found(self, whose: str, key: Any, now: float) -> Bucket:
        bucket = self._buckets.get((whose, key))
        if bucket is None:
            bucket = self._made(whose, key, self._most[whose], now)
        bucket.fill(now)
        return bucket

    def _made(self, whose: str, key: Any, most: int, now: float) -> Bucket:
        if len(self._buckets) >= MANY:  # whoever asked for nothing lately has a full one anyway
            for other in self._buckets.values():
                other.fill(now)
            kept = {name: one for name, one in self._buckets.items() if one.left < one.most}
            self._buckets = kept
        bucket = self._buckets[whose, key] = Bucket(whose, most, most, now)
        return bucket

    async def _share_forever(self) -> None:
        while True:
            await asyncio.sleep(SHARE_SECONDS)
            try:
                await self.share()
            except AWAY as error:
                log.warning("points_not_shared", error=str(error))

    async def share(self) -> None:
        """Tells what was spent here and hears what is left of it everywhere."""
        dirty = [(key, one) for key, one in self._buckets.items() if one.unsaid]
        if not dirty:
            return
        said = [one.unsaid for _, one in dirty]
        async with self._redis.pipeline(transaction=False) as pipe:
            for ((whose, key), one), spent in zip(dirty, said, strict=True):
                pipe.eval(_SPEND, 1, f"{KEY}{whose}:{key}", one.most, spent)
            answers = await pipe.execute()
        for (_, one), spent, answer in zip(dirty, said, answers, strict=True):
            one.unsaid -= spent
            one.left = float(answer) - one.unsaid
            one.at = self._now()


def _keys(viewer: Viewer) -> Iterator[tuple[str, Any]]:
    if viewer.token_id is not None:
        yield "token", viewer.token_id
    yield "user", viewer.user_id
    yield "workspace", viewer.workspace_id


def _words(bucket: Bucket, wait: float) -> str:
    return (
        f"{_WHOSE[bucket.whose]} has asked for more than {bucket.most} points in a minute. Try "
        f"again in {max(1, math.ceil(wait))} s, or ask for less at once."
    )


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
