"""A socket that is flooded (S27): each excess has its end with a code, and memory stays flat."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psutil
import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed

from server.api.door import MAX_SUBSCRIPTIONS
from server.web.sockets import POLICY_VIOLATION
from tests.support.front import Api, Front, Wire, on_a_port, socket_to

CHANGED = "subscription { executionsChanged { ids resync } }"
MIB = 2**20
GROWTH = 64 * MIB

pytestmark = [pytest.mark.slow, pytest.mark.journey]


@pytest_asyncio.fixture(scope="module")
async def url(front: Front) -> AsyncIterator[str]:
    async with on_a_port(front.app) as url:
        yield url


def bearer(api: Api) -> dict[str, str]:
    return {"authorization": f"Bearer {api.token}"}


async def read_all(wire: Wire) -> None:
    """What nobody reads would keep the close from being seen."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await wire.connection.recv()


def held() -> int:
    return psutil.Process().memory_info().rss


async def test_a_frame_of_fifty_mebibytes_is_not_taken_in(url: str, api: Api) -> None:  # S27
    """The client lives in this process too: what it needs for a frame is there after the first."""
    frame = "x" * (50 * MIB)
    before = 0
    for _ in range(4):
        async with socket_to(url, bearer(api)) as wire:
            await wire.hello()
            with contextlib.suppress(ConnectionClosed):
                await wire.connection.send(frame)
            assert await wire.closed() == 1009
        before = before or held()
    assert held() - before < GROWTH


async def test_two_hundred_subscriptions_on_each_of_ten_sockets(url: str, api: Api) -> None:  # S27
    before = held()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(10):
            wire = await stack.enter_async_context(socket_to(url, bearer(api)))
            await wire.hello()
            for number in range(200):
                await wire.subscribe(CHANGED, id=str(number))
            refused = [await wire.next() for _ in range(200 - MAX_SUBSCRIPTIONS)]
            assert {one["type"] for one in refused} == {"error"}
        assert held() - before < GROWTH
    await api.data("{ viewer { role } }")


async def test_a_thousand_frames_a_second_end_the_socket(url: str, api: Api) -> None:  # S27
    before = held()
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        reading = asyncio.create_task(read_all(wire))
        with contextlib.suppress(ConnectionClosed):
            for _ in range(5_000):
                await wire.connection.send('{"type":"ping"}')
        assert await wire.closed() == POLICY_VIOLATION
        await reading
    assert held() - before < GROWTH


async def test_five_hundred_sockets_of_one_person(front: Front, url: str) -> None:  # S27
    """Where there may be no more, tests/web/test_sockets.py says."""
    api = await front.caller(workspace="many sockets")
    before = held()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(500):
            wire = await stack.enter_async_context(socket_to(url, bearer(api)))
            await wire.hello()
        assert held() - before < GROWTH
