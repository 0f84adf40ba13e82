"""A socket that is flooded (S27): each excess has its end with a code, and memory stays flat."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from server.api.door import MAX_SUBSCRIPTIONS
from server.web.sockets import POLICY_VIOLATION
from tests.support.front import Wire, socket_to
from tests.support.processes import Client, installation

CHANGED = "subscription { executionsChanged { ids resync } }"
MIB = 2**20
GROWTH = 64 * MIB

pytestmark = [pytest.mark.slow, pytest.mark.journey]


@dataclass
class Flooded:
    """A server in a process of its own, so that what the clients hold is not counted."""

    url: str
    token: str
    process: psutil.Process

    def socket(self) -> contextlib.AbstractAsyncContextManager[Wire]:
        return socket_to(self.url, {"authorization": f"Bearer {self.token}"})

    def held(self) -> int:
        return self.process.memory_info().rss


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flooded]:
    with installation(tmp_path_factory.mktemp("flooded")) as installed:
        process, url = installed.serve()
        yield Flooded(url, installed.sign_in(), psutil.Process(process.popen.pid))


async def read_all(wire: Wire) -> None:
    """What nobody reads would keep the close from being seen."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await wire.connection.recv()


async def test_a_frame_of_fifty_mebibytes_is_not_taken_in(server: Flooded) -> None:  # S27
    frame = "x" * (50 * MIB)
    before = server.held()
    for _ in range(4):
        async with server.socket() as wire:
            await wire.hello()
            with contextlib.suppress(ConnectionClosed):
                await wire.connection.send(frame)
            assert await wire.closed() == 1009
    assert server.held() - before < GROWTH


async def test_two_hundred_subscriptions_on_each_of_ten_sockets(server: Flooded) -> None:  # S27
    before = server.held()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(10):
            wire = await stack.enter_async_context(server.socket())
            await wire.hello()
            for number in range(200):
                await wire.subscribe(CHANGED, id=str(number))
            refused = {(await wire.refusal())["id"] for _ in range(200 - MAX_SUBSCRIPTIONS)}
            assert refused == {str(number) for number in range(MAX_SUBSCRIPTIONS, 200)}
        assert server.held() - before < GROWTH
    async with Client.connect(server.url, server.token) as client:
        assert (await client.ask("{ viewer { role } }"))["viewer"]


async def test_a_thousand_frames_a_second_end_the_socket(server: Flooded) -> None:  # S27
    before = server.held()
    async with server.socket() as wire:
        await wire.hello()
        reading = asyncio.create_task(read_all(wire))
        with contextlib.suppress(ConnectionClosed):
            for _ in range(5_000):
                await wire.connection.send('{"type":"ping"}')
        assert await wire.closed() == POLICY_VIOLATION
        await reading
    assert server.held() - before < GROWTH


async def test_five_hundred_sockets_of_one_person(server: Flooded) -> None:  # S27
    """Where there may be no more, tests/web/test_sockets.py says."""
    before = server.held()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(500):
            wire = await stack.enter_async_context(server.socket())
            await wire.hello()
        assert server.held() - before < GROWTH
