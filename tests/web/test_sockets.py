from __future__ import annotations

import asyncio

import pytest
from starlette.types import ASGIApp

from server.web import sockets as rules
from server.web.auth import Auth
from server.web.headers import SecureHeaders
from server.web.sockets import OpenSockets, SocketGuard
from tests.web.doorway import Known, Socket, inner

TOKEN = {"authorization": "Bearer bb_good"}


class Rights:
    valid = True

    async def still_valid(self, credential: str) -> bool:
        return self.valid


def guarded(open_sockets: OpenSockets) -> ASGIApp:
    return SecureHeaders(Auth(SocketGuard(inner, open_sockets), Known(), None))


async def test_a_socket_ends_when_its_right_ends() -> None:  # S06
    rights = Rights()
    held = OpenSockets(rights.still_valid)
    async with Socket(guarded(held), TOKEN) as socket:
        assert (await socket.answer())["type"] == "websocket.accept"
        await held.recheck()
        assert len(held) == 1
        rights.valid = False
        await held.recheck()
        closed = await socket.answer()
        assert (closed["type"], closed["code"]) == ("websocket.close", rules.SIGNED_OUT)
    assert len(held) == 0


async def test_one_credential_holds_so_many_sockets_and_no_more() -> None:  # S27
    held = OpenSockets(Rights().still_valid, per_user=1)
    app = guarded(held)
    async with Socket(app, TOKEN) as first:
        assert (await first.answer())["type"] == "websocket.accept"
        async with Socket(app, TOKEN) as second:
            assert (await second.answer())["code"] == rules.TOO_MANY
    async with Socket(app, TOKEN) as third:
        assert (await third.answer())["type"] == "websocket.accept"


async def test_those_without_a_name_share_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "NAMELESS", 1)
    app = guarded(OpenSockets(Rights().still_valid))
    async with Socket(app, {}) as first:
        assert (await first.answer())["type"] == "websocket.accept"
        async with Socket(app, {}) as second:
            assert (await second.answer())["code"] == rules.TOO_MANY
        async with Socket(app, TOKEN) as known:
            assert (await known.answer())["type"] == "websocket.accept"


async def test_a_socket_that_shouts_is_closed() -> None:  # S27
    held = OpenSockets(Rights().still_valid)
    async with Socket(guarded(held), TOKEN) as socket:
        assert (await socket.answer())["type"] == "websocket.accept"
        for _ in range(rules.BURST + 50):
            socket.say("x")
        assert (await socket.answer())["code"] == rules.POLICY_VIOLATION


async def test_the_check_goes_on_while_the_database_is_away() -> None:
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def failing(credential: str) -> bool:
        asked.put_nowait(credential)
        raise ConnectionError

    held = OpenSockets(failing, seconds=0.01)
    held.start()
    async with Socket(guarded(held), TOKEN) as socket:
        await socket.answer()
        assert [await asked.get(), await asked.get()] == ["token:1"] * 2
    await held.stop()
