from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from server.bus.bus import Bus
from server.bus.turns import LIMIT_OF_A_BOT, TURNS, Ready
from server.bus.worker import QueueWorker
from server.core.ids import new_uuid

Heard = asyncio.Queue[tuple[Any, float]]
WORKSPACE, BOT = new_uuid(), new_uuid()


def ready() -> Ready:
    return Ready(new_uuid(), WORKSPACE, BOT)


class Taker:
    """Takes every ready execution, `limit` at once."""

    def __init__(self, limit: int = 100) -> None:
        self.limit = limit
        self.batches: list[Sequence[Ready]] = []
        self.heard: Heard = asyncio.Queue()

    async def room(self) -> int:
        return self.limit

    def free(self) -> int:
        return self.limit

    def take(self, executions: Sequence[Ready]) -> None:
        self.batches.append(executions)
        for execution in executions:
            self.heard.put_nowait((execution, time.perf_counter()))


@asynccontextmanager
async def working(
    bus: Bus, taker: Taker | None = None, **functions: Callable[..., Awaitable[Any]]
) -> AsyncIterator[QueueWorker]:
    async def nothing(ctx: dict[str, Any]) -> None:
        return None

    worker = QueueWorker(bus.queue, functions or {"nothing": nothing}, taker or Taker())  # type: ignore[arg-type]
    worker.start()
    yield worker
    await worker.stop(drain_seconds=1)


async def test_ready_execution_is_picked_up_within_milliseconds(bus: Bus) -> None:
    taker = Taker()
    async with working(bus, taker):
        bus.queue.ready(ready())
        await taker.heard.get()
        waits = []
        for _ in range(20):
            started = time.perf_counter()
            bus.queue.ready(one := ready())
            execution, at = await taker.heard.get()
            assert execution == one
            waits.append(at - started)
    assert sorted(waits)[10] < 0.05


async def test_a_failing_job_does_not_stop_the_worker(bus: Bus) -> None:
    heard: Heard = asyncio.Queue()

    async def fail(ctx: dict[str, Any]) -> None:
        raise ValueError("this job fails")

    async def note(ctx: dict[str, Any]) -> None:
        heard.put_nowait(("ran", 0.0))

    async with working(bus, fail=fail, note=note):
        await bus.redis.enqueue_job("fail")
        await bus.redis.enqueue_job("note")
        assert await heard.get() == ("ran", 0.0)


async def test_payload_in_redis_is_json_and_not_pickle(bus: Bus) -> None:
    await bus.redis.enqueue_job("greet", name="Ada", _job_id="seen")
    stored = orjson.loads(await bus.redis.get("arq:job:seen") or b"null")
    assert stored["f"] == "greet"
    assert stored["k"] == {"name": "Ada"}


async def test_with_no_worker_what_is_ready_stays_bounded(bus: Bus) -> None:
    for _ in range(3):
        bus.queue.ready(*(ready() for _ in range(LIMIT_OF_A_BOT // 2)))
        await bus.queue.flush()
    assert await bus.redis.zcard(f"{TURNS}:{WORKSPACE}:{BOT}") == LIMIT_OF_A_BOT


async def test_no_more_is_taken_at_once_than_there_is_room(bus: Bus) -> None:
    taker = Taker(limit=3)
    bus.queue.ready(*(ready() for _ in range(10)))
    await bus.queue.flush()
    async with working(bus, taker):
        got = {(await taker.heard.get())[0] for _ in range(10)}
    assert len(got) == 10
    assert max(len(batch) for batch in taker.batches) <= 3


async def test_stopping_lets_the_running_job_end(bus: Bus) -> None:
    started, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(ctx: dict[str, Any]) -> None:
        started.set()
        await may_end.wait()
        ended.set()

    async with working(bus, slow=slow) as worker:
        await bus.redis.enqueue_job("slow")
        await started.wait()
        stopping = asyncio.create_task(worker.stop(drain_seconds=5))
        may_end.set()
        await stopping
    assert ended.is_set()


async def test_redis_may_go_away_while_the_reader_stops(bus: Bus) -> None:
    """It is told once in the log, not by the loop as an error that nobody looked at."""
    left, may_fail = asyncio.Event(), asyncio.Event()
    turns: Any = bus.queue.turns
    unlooked: list[dict[str, Any]] = []

    async def lost(*_: Any) -> None:
        left.set()
        await may_fail.wait()
        raise RedisConnectionError("gone")

    turns.take = lost
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unlooked.append(context))
    with capture_logs() as logs:
        async with working(bus) as worker:
            bus.queue.ready(ready())
            await left.wait()
            stopping = asyncio.create_task(worker.stop())
            await asyncio.wait([stopping], timeout=0.1)
            may_fail.set()
            await stopping
        del worker
        gc.collect()
    assert unlooked == []
    assert [line["event"] for line in logs] == ["redis_away"]


async def test_what_was_on_its_way_out_of_redis_is_not_lost_when_the_reader_stops(bus: Bus) -> None:
    taker, left, may_go = Taker(), asyncio.Event(), asyncio.Event()
    turns: Any = bus.queue.turns
    take = turns.take

    async def slow_take(*given: Any) -> Any:
        taken = await take(*given)
        left.set()
        await may_go.wait()
        return taken

    turns.take = slow_take
    async with working(bus, taker) as worker:
        bus.queue.ready(one := ready())
        await left.wait()
        stopping = asyncio.create_task(worker.stop())
        await asyncio.wait([stopping], timeout=0.1)
        may_go.set()
        await stopping
    assert taker.batches == [[one]]
