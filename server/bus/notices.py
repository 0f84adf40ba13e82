"""Notices: "something new is in the table", after the commit. Never the truth, only a wake-up.

Inside a process a notice goes straight to its subscribers. With a real Redis every process also
publishes to the others and has one reader, however many subscribers it serves.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
from arq.connections import ArqRedis

from server.bus.batcher import Batcher
from server.bus.outage import Outage
from server.bus.redis import AWAY
from server.core.tasks import end

CHANNEL = "baleybots:notices"
SUBSCRIBER_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Notice:
    topic: str
    data: Any


@dataclass(frozen=True, slots=True)
class Woken:
    """What a subscriber gets; `resync` says that notices were lost: look at the table."""

    notices: tuple[Notice, ...] = ()
    resync: bool = False


class Subscription:
    """Ready from the moment it exists, so subscribe first and read the table second."""

    def __init__(self, notices: Notices, topics: tuple[str, ...], limit: int) -> None:
        self._notices = notices
        self.topics = topics
        self._limit = limit
        self._waiting: deque[Notice] = deque()
        self._resync = False
        self._ready = asyncio.Event()
        self._pause: asyncio.Future[None] | None = None
        self._presses: Callable[[Notice], bool] | None = None

    async def next(self, timeout: float) -> Woken:
        """All that waits; empty when `timeout` seconds passed in silence."""
        try:
            async with asyncio.timeout(timeout):
                await self._ready.wait()
        except TimeoutError:
            return Woken()
        woken = Woken(tuple(self._waiting), self._resync)
        self._waiting.clear()
        self._resync = False
        self._ready.clear()
        return woken

    async def pause(self, seconds: float, presses: Callable[[Notice], bool]) -> None:
        """More gathers meanwhile. What presses ends the pause at once, so does what was lost."""
        if any(map(presses, self._waiting)):
            return
        loop = asyncio.get_running_loop()
        self._pause, self._presses = loop.create_future(), presses
        timer = loop.call_later(seconds, self._go_on)
        try:
            await self._pause
        finally:
            timer.cancel()
            self._pause = self._presses = None

    def _go_on(self) -> None:
        if self._pause is not None and not self._pause.done():
            self._pause.set_result(None)

    def deliver(self, notice: Notice) -> None:
        if self._presses is not None and self._presses(notice):
            self._go_on()
        if len(self._waiting) >= self._limit:
            self.resync()
        else:
            self._waiting.append(notice)
            self._ready.set()

    def resync(self) -> None:
        self._waiting.clear()
        self._resync = True
        self._ready.set()
        self._go_on()

    def close(self) -> None:
        self._notices.forget(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Notices:
    """`redis` is None where this process is the only one."""

    def __init__(self, redis: ArqRedis | None = None) -> None:
        self._redis = redis
        self._origin = uuid4().hex
        self._subscribers: dict[str, set[Subscription]] = {}
        self._batcher = Batcher[Notice]("notices", self._send)
        self._reader: asyncio.Task[None] | None = None
        self._outage = Outage("notices")
        self.listening = asyncio.Event()

    async def start(self) -> None:
        if self._redis is not None:
            self._reader = asyncio.create_task(self._read_forever(self._redis))

    async def stop(self) -> None:
        await self._batcher.flush()
        if self._reader is not None:
            await end(self._reader)

    def anybody_hears(self, topic: str) -> bool:
        """Other processes may; in this one it is known."""
        return self._redis is not None or topic in self._subscribers

    def publish(self, topic: str, data: Any) -> None:
        """Call it after the commit, never before."""
        notice = Notice(topic, data)
        self._deliver(notice)
        if self._redis is not None:
            self._batcher.add(notice)

    def subscribe(self, *topics: str, limit: int = SUBSCRIBER_LIMIT) -> Subscription:
        subscription = Subscription(self, topics, limit)
        for topic in topics:
            self._subscribers.setdefault(topic, set()).add(subscription)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        for topic in subscription.topics:
            subscribers = self._subscribers.get(topic, set())
            subscribers.discard(subscription)
            if not subscribers:
                self._subscribers.pop(topic, None)

    def _deliver(self, notice: Notice) -> None:
        for subscription in self._subscribers.get(notice.topic, ()):
            subscription.deliver(notice)

    async def _send(self, batch: list[Notice]) -> None:
        assert self._redis is not None
        payload = [self._origin, [[notice.topic, notice.data] for notice in batch]]
        await self._redis.publish(CHANNEL, orjson.dumps(payload))

    async def _read_forever(self, redis: ArqRedis) -> None:
        while True:
            try:
                await self._read(redis)
            except AWAY as error:
                self._outage.tell(error)
            self.listening.clear()
            await asyncio.sleep(random.uniform(0.1, 1.0))

    async def _read(self, redis: ArqRedis) -> None:
        async with redis.pubsub(ignore_subscribe_messages=False) as pubsub:
            await pubsub.subscribe(CHANNEL)
            async for message in pubsub.listen():
                if message["type"] == "subscribe":
                    self._outage.over()
                    self._resync_all()
                    self.listening.set()
                elif message["type"] == "message":
                    self._receive(message["data"])

    def _receive(self, payload: bytes) -> None:
        origin, notices = orjson.loads(payload)
        if origin != self._origin:
            for topic, data in notices:
                self._deliver(Notice(topic, data))

    def _resync_all(self) -> None:
        for subscribers in self._subscribers.values():
            for subscription in subscribers:
                subscription.resync()
