"""The whole front door in one test process: asked over HTTP in memory, or over a real port."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from server.app import App, build_app
from server.assembly import Assembly
from server.cli.serving import Serving
from server.core.settings import load_settings
from server.models.enums import Role
from server.models.tables import Member, User, Workspace
from server.workspaces import accounts, keys
from tests.support.rooms import migrated

HOST = "http://bots.test"
PURE = 'processor ("same") { "result" }'
WRITER = 'writer { "goal": "Sum up the text" }'


@dataclass
class Api:
    """One caller with one token."""

    http: httpx.AsyncClient
    token: str

    async def post(self, document: str, variables: dict[str, Any]) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"}
        body = {"query": document, "variables": variables}
        return await self.http.post("/graphql", json=body, headers=headers)

    async def answer(self, document: str, **variables: Any) -> dict[str, Any]:
        return (await self.post(document, variables)).json()

    async def data(self, document: str, **variables: Any) -> dict[str, Any]:
        answer = await self.answer(document, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def change(self, name: str, wanted: str, /, **values: Any) -> dict[str, Any]:
        """The payload of one mutation, with every field of its errors."""
        kind = name[0].upper() + name[1:]
        document = (
            f"mutation M($input: {kind}Input!) {{ {name}(input: $input) {{ {wanted} "
            "errors { __typename code message path "
            "... on BalError { kind line column endLine endColumn hint } "
            "... on ConflictError { currentVersion } } } }"
        )
        return (await self.data(document, input=values))[name]

    async def bot(self, source: str = PURE, name: str | None = None) -> dict[str, Any]:
        made = await self.change(
            "createBot", "bot { id name draftVersion }", source=source, name=name
        )
        assert made["errors"] == []
        return made["bot"]

    async def start(self, bot_id: str, **values: Any) -> dict[str, Any]:
        made = await self.change(
            "startExecution", "execution { id status }", botId=bot_id, **values
        )
        assert made["errors"] == []
        return made["execution"]


@dataclass
class Front:
    app: App
    rooms: Assembly
    http: httpx.AsyncClient

    async def caller(self, role: Role = Role.OWNER, workspace: str | None = None) -> Api:
        """Somebody with a token; in a workspace of their own when it is not there yet."""
        if workspace is not None and not await Workspace.exists(name=workspace):
            place = await Workspace.create(name=workspace)
            user = await User.create(email=f"{workspace}@example.org", name=workspace)
            await Member.create(workspace_id=place.id, user_id=user.id, role=Role.OWNER)
        made = await keys.create_locally(workspace or "My workspace", role)
        return Api(self.http, made.text)

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        """Signed in by a one-time link, with the cookie kept."""
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            answer = await client.get("/signin", params={"token": await accounts.make_link()})
            assert answer.status_code == 303
            yield client


@asynccontextmanager
async def open_front(
    folder: Path, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Front]:
    settings = load_settings(environ or {}, data_dir=folder)
    await migrated(settings)
    app = build_app(settings, worker=True)
    async with app.running() as rooms:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as http:
            yield Front(app, rooms, http)


@asynccontextmanager
async def on_a_port(app: App) -> AsyncIterator[str]:
    """The same app behind a real server, for sockets."""
    ready = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = Serving(app.settings, listener, True, lambda _: ready.set())
        server = serving.server(app)
        server.capture_signals = no_signals  # type: ignore[method-assign]
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.wait_for(ready.wait(), 30)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


class no_signals:
    """A test process keeps its own handling of Ctrl-C."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@asynccontextmanager
async def socket_to(
    url: str, headers: Mapping[str, str] | None = None, protocol: str = "graphql-transport-ws"
) -> AsyncIterator[Wire]:
    address = "ws" + url.removeprefix("http") + "/graphql"
    async with connect(
        address,
        subprotocols=[protocol],  # type: ignore[list-item]
        additional_headers=dict(headers or {}),
        proxy=None,
        max_queue=None,  # what nobody read must not hold up the farewell
    ) as connection:
        yield Wire(connection)


@dataclass
class Wire:
    """graphql-transport-ws, message by message."""

    connection: ClientConnection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        return json.loads(await asyncio.wait_for(self.connection.recv(), 30))

    async def refusal(self) -> dict[str, Any]:
        """The next error, past what others are told meanwhile."""
        while (message := await self.next())["type"] != "error":
            assert message["type"] == "next"
        return message

    async def hello(self, **payload: Any) -> None:
        await self.send(type="connection_init", payload=payload)
        assert (await self.next())["type"] == "connection_ack"

    async def subscribe(self, document: str, id: str = "1", **variables: Any) -> None:
        payload = {"query": document, "variables": variables}
        await self.send(type="subscribe", id=id, payload=payload)

    async def watch(self, document: str, execution_id: str, after: int) -> None:
        variables = {"id": execution_id, "after": after}
        payload = {"query": document, "variables": variables}
        await self.send(type="subscribe", id="1", payload=payload)

    async def closed(self) -> int:
        """The code with which the server ended it."""
        await asyncio.wait_for(self.connection.wait_closed(), 15)
        code = self.connection.close_code
        assert code is not None
        return code
