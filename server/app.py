"""The front door: one ASGI app around the API, the web routes and the web app.

From the outside in: headers and request id, measure, whether the database answers, who is asking,
body limit, sockets, and then the routes. Nothing behind the fourth wrapper runs for a page of
another site."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from server.api.context import Context
from server.api.door import Door
from server.api.executor import Executor
from server.api.rates import Rates
from server.api.schema import schema
from server.assembly import Assembly, assembled
from server.core.address import own_address
from server.core.settings import Settings
from server.core.tasks import end
from server.executions.figures import open_counts
from server.models.migrate import migrate
from server.models.tables import Session
from server.web.accounts import AccountDoors
from server.web.audit import audit_routes
from server.web.auth import Auth, address_of
from server.web.blobs import blob_routes
from server.web.bodies import BodyLimit
from server.web.bundles import bundle_routes
from server.web.headers import SecureHeaders
from server.web.health import health_routes
from server.web.metrics import Metrics, metrics_route
from server.web.patience import Patience
from server.web.sessions import Porter, SignedInOnly, SignIn
from server.web.sockets import OpenSockets, SocketGuard
from server.web.tick import tick_route
from server.workspaces import accounts, places
from server.workspaces.recognise import ACCESS_TOPIC
from workers.embedded import working

WARM_SECONDS = 1.5
ACCESS_WAIT = 60.0
EXPLORER = "/explorer"


def build_app(settings: Settings, *, worker: bool = True) -> App:
    return App(settings, worker=worker)


class App:
    """Runs inside `running()`, or under a server that speaks the lifespan protocol."""

    def __init__(self, settings: Settings, *, worker: bool) -> None:
        self.settings = settings
        self.worker = worker
        self.rooms: Assembly | None = None
        self.first_link: str | None = None
        self._doors: ASGIApp | None = None
        self._life: AsyncExitStack | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Assembly]:
        """Opens the rooms in order and closes them in the reverse one."""
        await migrate(self.settings)
        async with AsyncExitStack() as stack:
            rooms = await stack.enter_async_context(assembled(self.settings))
            self.first_link = await _sign_in_link(rooms)
            if self.worker:
                await stack.enter_async_context(working(rooms))
            rates = Rates(self.settings, None if rooms.bus.embedded else rooms.bus.redis)
            rates.start()
            stack.push_async_callback(rates.stop)
            sockets = OpenSockets(
                rooms.recogniser.still_valid, per_user=self.settings.sockets_per_user
            )
            sockets.start()
            stack.push_async_callback(sockets.stop)
            watching = asyncio.create_task(_watch_access(rooms, sockets))
            stack.push_async_callback(end, watching)
            web = WebApp(Executor(schema, rooms, rates), _closed_pages(self.settings))
            stack.push_async_callback(web.close)
            self.rooms, self._doors = rooms, _doors(rooms, rates, sockets, web)
            try:
                yield rooms
            finally:
                self.rooms = self._doors = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif self._doors is not None:
            await self._doors(scope, receive, send)
        else:
            await _not_ready(scope, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self.running())
            except Exception as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


class WebApp:
    """The pages. Loading them takes a fifth of a start, so that is left until somebody asks for
    one, or until the start is over."""

    def __init__(self, executor: Executor, closed: frozenset[str]) -> None:
        self._executor = executor
        self._closed = closed
        self._loading: asyncio.Task[ASGIApp] | None = None
        self._later = asyncio.get_running_loop().call_later(WARM_SECONDS, self._loaded)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await asyncio.shield(self._loaded())
        await app(scope, receive, send)

    async def close(self) -> None:
        self._later.cancel()
        if self._loading is not None:
            await asyncio.wait([self._loading])

    def _loaded(self) -> asyncio.Task[ASGIApp]:
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._load))
        return self._loading

    def _load(self) -> ASGIApp:
        from frontend import mount

        pages = Starlette(routes=list(mount.routes(self._closed)))
        return mount.wrap(SignedInOnly(pages), self._executor.execute, self._closed)


def _closed_pages(settings: Settings) -> frozenset[str]:
    return frozenset() if settings.explorer else frozenset({EXPLORER})


def _doors(rooms: Assembly, rates: Rates, sockets: OpenSockets, web: WebApp) -> ASGIApp:
    settings = rooms.settings
    metrics = Metrics(sockets, open_counts)
    porter = _porter(rooms, sockets)
    routes: list[BaseRoute] = [
        *_api_routes(rooms, rates),
        *health_routes(rooms.ready),
        metrics_route(metrics, settings.metrics_token, places.operates),
        tick_route(settings.tick_secret, rooms.engine.wake_due),
        *blob_routes(),
        *bundle_routes(),
        *audit_routes(),
        *SignIn(porter).routes(),
        *AccountDoors(porter).routes(),
        Mount("/", app=web),
    ]
    app: ASGIApp = SocketGuard(Starlette(routes=routes), sockets)
    app = BodyLimit(app)
    app = Auth(app, rooms.recogniser, settings.public_url)
    app = Patience(app, rooms.database.pulse)
    return SecureHeaders(metrics.around(app), https=_is_https(settings))


def _api_routes(rooms: Assembly, rates: Rates) -> list[BaseRoute]:
    def context_of(request: Request | WebSocket) -> Context:
        state = request.scope["state"]
        return Context(
            viewer=state["viewer"],
            rooms=rooms,
            request_id=state["request_id"],
            credential=state["credential"],
            address=address_of(request.scope),
            admit=state.get("admit"),
            rates=rates,
        )

    door: Any = Door(schema, context_of)
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [Route("/graphql", door, methods=methods), WebSocketRoute("/graphql", door)]


def _porter(rooms: Assembly, sockets: OpenSockets) -> Porter:
    return Porter(
        reception=rooms.reception,
        sockets=sockets,
        changed=rooms.access_changed,
        secure=_is_https(rooms.settings),
        base=lambda: own_address(rooms.settings),
    )


async def _watch_access(rooms: Assembly, sockets: OpenSockets) -> None:
    """What another process changed counts here at once too."""
    with rooms.bus.notices.subscribe(ACCESS_TOPIC) as changes:
        while True:
            woken = await changes.next(ACCESS_WAIT)
            people = {str(notice.data) for notice in woken.notices}
            if people or woken.resync:
                rooms.recogniser.forget()
            for part in [""] if woken.resync else people:
                await sockets.recheck_soon(part)


async def _sign_in_link(rooms: Assembly) -> str | None:
    """At each start until somebody has signed in: the first one may have been lost."""
    first = await rooms.first_link()
    if first is not None or await Session.exists():
        return first
    return await accounts.make_link()


def _is_https(settings: Settings) -> bool:
    return (settings.public_url or "").startswith("https://")


async def _not_ready(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1013, "reason": "Starting"})
        return
    headers = [(b"retry-after", b"1"), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b"Starting; try again in a second.\n"})
