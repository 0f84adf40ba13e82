"""What only a real Redis can show: several processes, a restart, a Redis that is not there."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from server.bus.bus import Bus
from server.bus.turns import TURNS
from server.bus.worker import QueueWorker
from tests.bus.test_queue import BOT, WORKSPACE, Taker, ready
from tests.support import services
from tests.support.waiting import until

pytestmark = pytest.mark.services

Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


class OwnRedis:
    """One that a test may stop and start again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = services.free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = services._program("redis-server", "valkey-server")
        assert program is not None
        command = [program, "--port", str(self.port), "--save", "", "--bind", "127.0.0.1"]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--dir", str(self._folder)], stdout=log, stderr=log
            )

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[OwnRedis]:
    server = OwnRedis(tmp_path)
    server.start()
    yield server
    server.stop()


async def test_notices_reach_the_other_process_once(redis_url: str) -> None:
    here, there = Bus(redis_url), Bus(redis_url)
    await here.start()
    await there.start()
    await here.notices.listening.wait()
    await there.notices.listening.wait()
    with here.notices.subscribe("x") as mine, there.notices.subscribe("x") as theirs:
        here.notices.publish("x", {"seq": 4})
        own = await mine.next(timeout=15)
        other = await theirs.next(timeout=15)
        assert [notice.data for notice in own.notices] == [{"seq": 4}]
        assert [notice.data for notice in other.notices] == [{"seq": 4}]
        assert not (await mine.next(timeout=0.1)).notices
    await here.stop()
    await there.stop()


async def test_worker_survives_a_redis_restart(own_redis: OwnRedis) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def note(ctx: dict[str, Any], text: str) -> None:
        heard.put_nowait(text)

    bus = Bus(own_redis.url)
    await until(bus.alive)
    await bus.start()
    taker = Taker()
    worker = QueueWorker(bus.queue, {"note": note}, taker)
    worker.start()
    await bus.redis.enqueue_job("note", text="before")
    assert await heard.get() == "before"

    own_redis.stop()
    own_redis.start()
    await until(bus.alive)
    await bus.redis.enqueue_job("note", text="after")
    assert await asyncio.wait_for(heard.get(), 15) == "after"
    bus.queue.ready(one := ready())
    assert (await asyncio.wait_for(taker.heard.get(), 15))[0] == one
    await worker.stop()
    await bus.stop()


async def test_subscribers_look_at_the_table_again_after_a_redis_restart(
    own_redis: OwnRedis,
) -> None:
    bus = Bus(own_redis.url)
    await until(bus.alive)
    await bus.start()
    await bus.notices.listening.wait()
    with bus.notices.subscribe("x") as mine:
        own_redis.stop()
        own_redis.start()
        async with asyncio.timeout(15):
            while not (await mine.next(timeout=1)).resync:
                pass
    await bus.stop()


async def test_nobody_waits_for_a_redis_that_is_not_there() -> None:
    bus = Bus(f"redis://127.0.0.1:{services.free_port()}/0")
    await bus.start()

    def seconds() -> float:
        started = time.perf_counter()
        bus.queue.ready(ready())
        bus.notices.publish("x", 1)
        return time.perf_counter() - started

    assert min(seconds() for _ in range(3)) < 0.1
    assert await bus.alive(seconds=0.2) is False
    await bus.stop()


async def test_a_redis_without_memory_is_as_one_that_is_away(own_redis: OwnRedis) -> None:
    bus = Bus(own_redis.url)
    await until(bus.alive)
    redis: Any = bus.redis
    await redis.config_set("maxmemory", "1")
    bus.queue.ready(ready())
    await bus.queue.flush()
    await redis.config_set("maxmemory", "0")
    bus.queue.ready(kept := ready())
    await bus.queue.flush()
    lane = f"{TURNS}:{WORKSPACE}:{BOT}"
    assert await redis.zrange(lane, 0, -1) == [str(kept.id).encode()]
    await bus.stop()
