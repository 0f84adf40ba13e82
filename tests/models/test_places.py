from __future__ import annotations

import asyncio

import pytest

from server.models.places import KEPT_FREE, Places, only_asks
from server.models.postgres import end_what_was_broken_off
from tests.support import services


class Pool:
    """A driver's pool of numbered connections."""

    def __init__(self, size: int) -> None:
        self.maxsize = size
        self.free: asyncio.Queue[str] = asyncio.Queue()
        for number in range(size):
            self.free.put_nowait(f"connection {number}")

    async def acquire(self) -> str:
        return await self.free.get()

    async def release(self, connection: str) -> None:
        self.free.put_nowait(connection)


async def ask(places: Places, answered: asyncio.Event) -> None:
    only_asks.set(True)
    connection = await places.acquire()
    try:
        await answered.wait()
    finally:
        await places.release(connection)


async def test_who_acts_finds_a_place_however_many_ask() -> None:
    pool, answered = Pool(10), asyncio.Event()
    places = Places(pool, 10)
    asking = [asyncio.create_task(ask(places, answered)) for _ in range(200)]
    await asyncio.sleep(0)
    assert pool.free.qsize() == KEPT_FREE
    taken = [await asyncio.wait_for(places.acquire(), 1) for _ in range(KEPT_FREE)]
    for connection in taken:
        await places.release(connection)
    answered.set()
    await asyncio.gather(*asking)
    assert pool.free.qsize() == 10
    assert places.maxsize == 10


async def test_who_gives_up_waiting_leaves_the_place_to_the_next() -> None:
    pool, answered = Pool(KEPT_FREE + 1), asyncio.Event()
    places = Places(pool, KEPT_FREE + 1)
    first, second = (asyncio.create_task(ask(places, answered)) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    answered.set()
    await first
    third = asyncio.create_task(ask(places, answered))
    await asyncio.wait_for(third, 1)


@pytest.mark.services
async def test_what_was_broken_off_in_a_transaction_is_not_left_to_the_next() -> None:
    import asyncpg

    with services.postgres() as url:
        pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
        places = Places(pool, 4, leaving=end_what_was_broken_off)
        first = await places.acquire()
        await first.transaction().start()
        await first.execute("CREATE TEMPORARY TABLE half_done (a int)")
        await places.release(first)
        second = await places.acquire()
        assert not second.is_in_transaction()
        assert await second.fetchval("SELECT to_regclass('half_done')") is None
        await places.release(second)
        await pool.close()


@pytest.mark.services
async def test_a_transaction_that_was_stopped_while_it_was_to_begin_is_no_error() -> None:
    import asyncpg

    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, it: told.append(it["message"]))
    with services.postgres() as url:
        pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
        places = Places(pool, 4, leaving=end_what_was_broken_off)
        first = await places.acquire()
        beginning = asyncio.create_task(first.transaction().start())
        await asyncio.sleep(0)
        beginning.cancel()
        await asyncio.wait([beginning])
        assert beginning.cancelled()
        await places.release(first)
        second = await places.acquire()
        assert await second.fetchval("SELECT 1") == 1
        await places.release(second)
        await pool.close()
    assert not told
