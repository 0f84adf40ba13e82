"""A guarded app around an inner one that tells what reached it, and sockets driven by hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from server.models.enums import Role
from server.web.auth import Auth
from server.web.bodies import BodyLimit
from server.web.headers import SecureHeaders
from server.workspaces.access import Viewer, scopes_of

HOST = "bots.test"


def viewer(role: Role = Role.OWNER) -> Viewer:
    return Viewer(uuid4(), uuid4(), role, "Ada", "ada@example.org", scopes=scopes_of(role))


@dataclass
class Known:
    """Recognises one cookie and one token."""

    someone: Viewer = field(default_factory=viewer)

    async def by_session(self, cookie: str) -> tuple[Viewer, str] | None:
        return (self.someone, "session:1") if cookie == "good" else None

    async def by_token(self, token: str) -> tuple[Viewer, str] | None:
        return (self.someone, "token:1") if token == "bb_good" else None


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    message = await receive()
    known = scope["state"]["viewer"] is not None
    text = f"{'known' if known else 'nobody'} {len(message.get('body', b''))}"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})


def guarded(app: ASGIApp = inner, public_url: str | None = None, seconds: float = 5) -> ASGIApp:
    return SecureHeaders(Auth(BodyLimit(app, seconds=seconds), Known(), public_url))


def browser(app: ASGIApp | None = None, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app or guarded())
    return httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers=headers)


@dataclass
class Socket:
    """One side of a socket, without a network."""

    app: ASGIApp
    headers: dict[str, str]
    path: str = "/graphql"
    sent: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})

    async def __aenter__(self) -> Socket:
        headers = [
            (k.lower().encode(), v.encode()) for k, v in {"host": HOST, **self.headers}.items()
        ]
        scope = {
            "type": "websocket", "path": self.path, "headers": headers, "state": {},
            "scheme": "ws", "query_string": b"", "subprotocols": [],
        }  # fmt: skip
        self.task = asyncio.create_task(self.app(scope, self.incoming.get, self.outgoing.put))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self.task, 15)

    async def answer(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.outgoing.get(), 15)

    def say(self, text: str) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})
