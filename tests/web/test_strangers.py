"""What somebody who is not signed in gets, at every address there is: the addresses are read from
the app itself, so that a new one is asked for the day it is added."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

import server.app
from frontend import mount
from frontend.app import PAGES
from tests.support.front import Front, open_front

HOST = "bots.test"
# Everything that answers a stranger with more than a refusal, and why it may.
PUBLISHED = {
    ("GET", "/healthz"): "is it alive; without detail",
    ("GET", "/readyz"): "may it be asked; without detail",
    ("GET", "/signin"): "the way in",
    ("POST", "/signin"): "the way in",
    ("GET", "/forgot"): "a form for an address",
    ("POST", "/forgot"): "says the same whoever is meant",
    ("GET", "/reset"): "needs the token of a letter",
    ("POST", "/reset"): "needs the token of a letter",
    ("GET", "/join"): "needs the token of an invitation",
    ("POST", "/join"): "needs the token of an invitation",
    ("POST", "/signout"): "ends nothing without a session",
    ("POST", "/switch"): "leads to the way in",
}
STATIC = re.compile(r"/(static|_reactpy/(assets|modules))/")
PAGE_SOCKET = f"{mount.PREFIX}{mount.ROOT_COMPONENT}/"  # behind the pages, not among the routes
# Sockets that open without a session, and why.
OPEN_SOCKETS = {
    "/graphql": "the token may come in the first message",
    PAGE_SOCKET: "a page whose session has ended is told so, and nothing else",
}


@dataclass(frozen=True)
class Answer:
    status: int
    location: str = ""

    @property
    def refuses(self) -> bool:
        to_the_door = self.status == 303 and self.location.startswith("/signin")
        return to_the_door or self.status in (400, 401, 403, 404, 405)


@dataclass
class Addresses:
    front: Front
    routes: list[BaseRoute]

    def all(self) -> Iterator[tuple[str, str]]:
        """Method and path, with a word in each gap."""
        for route in _flat(self.routes):
            if isinstance(route, Route):
                for method in sorted(route.methods or {"GET"}):
                    yield method, _filled(route.path)
        for pattern, _ in PAGES:
            for path in pattern.split("|"):
                yield "GET", re.sub(r"\(\?P<\w+>[^)]*\)", "x", path)

    def sockets(self) -> set[str]:
        found = [one for one in _flat(self.routes) if isinstance(one, WebSocketRoute)]
        return {_filled(one.path) for one in found} | {PAGE_SOCKET}


def _flat(routes: list[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        if isinstance(route, Mount) and route.routes:
            yield from _flat(route.routes)
        else:
            yield route


def _filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x", path)


@pytest_asyncio.fixture(scope="module")
async def addresses(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Addresses]:
    found: list[BaseRoute] = []

    class Noted(Starlette):
        def __init__(self, routes: list[BaseRoute]) -> None:
            found.extend(routes)
            super().__init__(routes=routes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server.app, "Starlette", Noted)
        async with open_front(Path(tmp_path_factory.mktemp("strangers"))) as front:
            await front.http.get("/bots")  # the pages are loaded when somebody asks for one
            yield Addresses(front, found)


async def asked(front: Front, method: str, path: str, host: str = HOST) -> Answer:
    """As it comes over the wire, without a client that tidies it up."""
    said: dict[str, Any] = {}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            said.update(message)

    raw, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", host.encode())],
        "client": ("203.0.113.9", 1),
        "server": (HOST, 80),
    }
    await front.app(scope, receive, send)  # type: ignore[arg-type]
    headers = dict(said["headers"])
    return Answer(said["status"], headers.get(b"location", b"").decode())


async def test_every_address_refuses_a_stranger_but_for_the_list(  # S01
    addresses: Addresses,
) -> None:
    open_ones: set[tuple[str, str]] = set()
    for method, path in addresses.all():
        answer = await asked(addresses.front, method, path)
        known = (method.replace("HEAD", "GET"), path)
        if not answer.refuses and not STATIC.match(path) and known not in PUBLISHED:
            open_ones.add((method, path))
    assert open_ones == set(), "sign-in first, or say in PUBLISHED why not"


async def test_what_is_published_is_there(addresses: Addresses) -> None:
    assert PUBLISHED.keys() <= set(addresses.all())
    assert len(set(addresses.all())) > 30


@pytest.mark.parametrize(
    "bend",
    ["/{path}", "//{path}", "/.{path}", "/%2e{path}", "/%2e%2e{path}", "{path}/", "{path}/.",
     "{path}%2f", "{path}%00", "{path};x", "{path}?next=/healthz", "http://bots.test{path}",
     "/healthz/..{path}", "/static/..{path}", "/static/%2e%2e{path}"],
)  # fmt: skip
async def test_a_bent_address_opens_nothing(addresses: Addresses, bend: str) -> None:  # S02
    shut = [(m, p) for m, p in addresses.all() if (m, p) not in PUBLISHED and not STATIC.match(p)]
    for method, path in shut:
        if method != "HEAD":
            await _refused(addresses.front, method, bend.format(path=path))
    await _refused(addresses.front, "GET", bend.format(path="/EXECUTIONS"))


async def test_a_shouted_address_opens_nothing(addresses: Addresses) -> None:  # S02
    for method, path in addresses.all():
        if (method, path) not in PUBLISHED and not STATIC.match(path) and path != "/":
            await _refused(addresses.front, method, path.upper())


@pytest.mark.parametrize(
    "host", ["x/login?", "a#", "bots.test/healthz?", "[::1", "", "a@bots.test"]
)
async def test_a_bent_host_opens_nothing(addresses: Addresses, host: str) -> None:  # S02
    for method, path in addresses.all():
        if (method, path) not in PUBLISHED and not STATIC.match(path) and method != "HEAD":
            await _refused(addresses.front, method, path, host)


async def _refused(front: Front, method: str, path: str, host: str = HOST) -> None:
    answer = await asked(front, method, path, host)
    elsewhere = answer.location.startswith(("//", "http")) and "bots.test" not in answer.location
    assert answer.refuses or answer.status == 307, (method, path, answer)
    assert not elsewhere, (method, path, answer)


async def test_no_socket_opens_for_a_stranger(addresses: Addresses) -> None:  # S01
    assert addresses.sockets() >= OPEN_SOCKETS.keys()
    for path in addresses.sockets() - OPEN_SOCKETS.keys():
        assert (await _first_word(addresses.front, path)) == "websocket.close", path


async def _first_word(front: Front, path: str) -> str:
    words: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.disconnect" if words else "websocket.connect", "code": 1000}

    async def send(message: dict[str, Any]) -> None:
        words.append(message["type"])

    scope: dict[str, Any] = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", HOST.encode()), (b"origin", b"http://bots.test")],
        "client": ("203.0.113.9", 1),
        "server": (HOST, 80),
        "subprotocols": [],
    }
    await front.app(scope, receive, send)  # type: ignore[arg-type]
    return words[0]
