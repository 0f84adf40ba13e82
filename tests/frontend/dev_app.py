"""The web app over the small world, with a GraphQL socket that speaks graphql-transport-ws.

Look at it with: python -m tests.frontend.dev_app"""

import asyncio
import contextlib
import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from frontend import mount
from tests.frontend.scripts import lived_in, with_templates
from tests.frontend.world import OPERATION, World


class FakeAuth:
    def __init__(self, app: ASGIApp, signed_in: bool) -> None:
        self.app, self.signed_in = app, signed_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["viewer"] = "ada" if self.signed_in else None
        await self.app(scope, receive, send)


class Feed:
    """One GraphQL socket: subscriptions of the world, and its queries."""

    def __init__(self, world: World, line: WebSocket) -> None:
        self.world, self.line = world, line
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        await self.line.accept(subprotocol="graphql-transport-ws")
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await self._take(await self.line.receive_json())
        for task in self.tasks.values():
            task.cancel()

    async def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "connection_init":
                await self.line.send_json({"type": "connection_ack"})
            case "ping":
                await self.line.send_json({"type": "pong"})
            case "subscribe":
                work = self._answer(message["id"], message["payload"])
                self.tasks[message["id"]] = asyncio.create_task(work)
            case "complete":
                self.tasks.pop(message["id"]).cancel()

    async def _answer(self, ident: str, payload: dict[str, Any]) -> None:
        found = OPERATION.search(payload["query"])
        assert found is not None
        variables = payload.get("variables") or {}
        if found[1] == "ExecutionEvents":
            async for batch in self.world.follow(variables["executionId"], variables["after"]):
                await self._next(ident, {"data": {"executionEvents": batch}})
        elif found[1] == "ExecutionsChanged":
            seen = -1  # begins with a look at the whole, as the real one does
            while True:
                async with self.world.changed:
                    await self.world.changed.wait_for(lambda seen=seen: self.world.told > seen)
                seen = self.world.told
                whole = {"ids": [], "resync": True}
                await self._next(ident, {"data": {"executionsChanged": whole}})
        elif found[1] == "NotificationsChanged":
            unread = sum(one["readAt"] is None for one in self.world.notifications)
            await self._next(ident, {"data": {"notificationsChanged": {"unread": unread}}})
            return  # it stays open, as the real one does
        else:
            await self._next(ident, await self.world.execute(payload["query"], variables, "ada"))
        await self.line.send_json({"id": ident, "type": "complete"})

    async def _next(self, ident: str, payload: dict[str, Any]) -> None:
        await self.line.send_json({"id": ident, "type": "next", "payload": payload})


def build(world: World, signed_in: bool = True) -> ASGIApp:
    async def graphql(line: WebSocket) -> None:
        await Feed(world, line).run()

    async def alive(_: Request) -> Response:
        return PlainTextResponse("ok")

    web = Starlette(
        routes=[
            WebSocketRoute("/graphql", graphql),
            Route("/healthz", alive),
            *mount.routes(),
        ]
    )
    return FakeAuth(mount.wrap(web, world.execute), signed_in)


def main() -> None:
    line = socket.socket()
    line.bind(("127.0.0.1", 0))
    world = lived_in(with_templates(World(pace=0.05)))
    config = uvicorn.Config(build(world), log_level="warning", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[line])


if __name__ == "__main__":
    main()
