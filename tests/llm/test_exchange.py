"""What leaves without aiohttp's request object is what would leave with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import psutil
import pytest
import pytest_asyncio
from multidict import CIMultiDict
from yarl import URL

from server.llm.exchange import Exchange, Way
from tests.support.model_server import ModelServer, Reply
from tests.support.waiting import until

HEADERS = {"Authorization": "Bearer sk-test-1234", "Content-Type": "application/json"}
BODY = b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'


@pytest_asyncio.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(Reply("one two three")) as models:
        yield models


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


def way_to(models: ModelServer, **more: str) -> Way:
    url = URL(f"{models.url}/chat/completions?version=1%202")
    return Way(url, CIMultiDict(HEADERS | more))


async def test_the_other_side_gets_what_aiohttp_sends(
    models: ModelServer, session: aiohttp.ClientSession
) -> None:
    way = way_to(models)
    async with session.post(way.url, data=BODY, headers=HEADERS) as answer:
        theirs = await answer.read()
    async with Exchange(session, way, BODY) as response:
        ours = await response.content.read()
        assert (response.status, response.content_type) == (answer.status, answer.content_type)
    assert len(ours) == len(theirs) > 100
    first, second = models.requests
    assert (first.path, first.headers, first.body) == (second.path, second.headers, second.body)


async def test_a_connection_is_used_again_unless_the_answer_was_broken_off(
    models: ModelServer, session: aiohttp.ClientSession
) -> None:
    way = way_to(models)
    for _ in range(2):
        async with Exchange(session, way, BODY) as response:
            await response.content.read()
    assert models.connections == 1
    with pytest.raises(LookupError):
        async with Exchange(session, way, BODY) as response:
            raise LookupError
    models.script("m", Reply("half and half", gate=asyncio.Event()))
    async with Exchange(session, way, BODY) as response:
        await response.content.read(1)
    async with Exchange(session, way, BODY) as response:
        await response.content.read()
    assert models.connections == 3


async def test_no_header_can_begin_another_one(
    models: ModelServer, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(ValueError, match="control character"):
        async with Exchange(session, way_to(models, Note="a\r\nHost: b"), BODY):
            pass
    assert models.total == 0


async def test_nothing_leaves_for_an_address_that_is_none_of_the_web(
    session: aiohttp.ClientSession,
) -> None:
    with pytest.raises(aiohttp.NonHttpUrlClientError):
        async with Exchange(session, Way(URL("ftp://127.0.0.1/"), CIMultiDict()), BODY):
            pass


async def test_a_side_that_reads_nothing_keeps_neither_the_connection_nor_the_question(
    session: aiohttp.ClientSession,
) -> None:
    """It answers before the question is over, and once not at all."""
    asked: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        if len(asked) == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    server = await asyncio.start_server(serve, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    way = Way(URL(f"http://127.0.0.1:{port}/"), CIMultiDict(HEADERS))
    long = b"x" * 20_000_000
    async with Exchange(session, way, long) as response:
        assert await response.content.read() == b"{}"

    async def ask() -> None:
        async with Exchange(session, way, long):
            pass

    asking = asyncio.create_task(ask())
    await until(lambda: len(asked) == 2)
    await asyncio.wait([asking], timeout=0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.sleep(0)
    ends = [one.raddr for one in psutil.Process().net_connections("tcp") if one.raddr]
    assert port not in [end.port for end in ends]
    server.close()
    for writer in asked:
        writer.transport.abort()
    await asyncio.sleep(0)
