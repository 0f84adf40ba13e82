"""`/metrics` in the Prometheus text format: for the operator's token, or for owners and admins of
the first workspace. The figures are of all workspaces, and everybody may make one of their own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.web.sockets import OpenSockets
from server.workspaces.access import Viewer

Operates = Callable[[Viewer], Awaitable[bool]]
Counts = Callable[[], Awaitable[Mapping[str, int]]]

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_DOORS = ("graphql", "hooks", "static", "reactpy", "signin", "healthz", "readyz", "metrics")


class Metrics:
    """Its own registry, so that two apps in one process do not share their counts."""

    def __init__(self, sockets: OpenSockets, executions: Counts) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.executions = executions
        self.requests = Counter(
            "baleybots_http_requests",
            "HTTP requests by door and status class.",
            ["door", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "baleybots_http_request_seconds",
            "Time to the first byte of the answer.",
            ["door"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._kept: dict[tuple[str, int], tuple[Histogram, Counter]] = {}
        self.open = Gauge("baleybots_open_sockets", "Open sockets.", registry=self.registry)
        self.open.set_function(lambda: len(sockets))
        self.by_status = Gauge(
            "baleybots_executions",
            "Executions that are not finished, by status.",
            ["status"],
            registry=self.registry,
        )

    def around(self, app: ASGIApp) -> ASGIApp:
        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            door, start = _door(scope["path"]), time.perf_counter()

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    took, count = self._of(door, message["status"] // 100)
                    took.observe(time.perf_counter() - start)
                    count.inc()
                await send(message)

            await app(scope, receive, noted)

        return measured

    def _of(self, door: str, status: int) -> tuple[Histogram, Counter]:
        """Looked up once: the library checks and locks each time. There are few of them."""
        found = self._kept.get((door, status))
        if found is None:
            made = self.seconds.labels(door), self.requests.labels(door, f"{status}xx")
            found = self._kept[door, status] = made
        return found

    async def text(self) -> bytes:
        self.by_status.clear()
        for status, count in (await self.executions()).items():
            self.by_status.labels(status).set(count)
        return generate_latest(self.registry)


def metrics_route(metrics: Metrics, token: str | None, operates: Operates) -> Route:
    async def show(request: Request) -> Response:
        viewer = request.state.viewer
        if not _has(request, token) and (viewer is None or not await operates(viewer)):
            headers = {"www-authenticate": "Bearer"}
            return Response("Send METRICS_TOKEN as a bearer token.\n", 401, headers)
        return Response(await metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", show)


def _has(request: Request, token: str | None) -> bool:
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    return bool(token) and secrets.compare_digest(given.encode(), (token or "").encode())


def _door(path: str) -> str:
    """A handful of labels, whatever addresses a stranger tries."""
    first = path.strip("/").partition("/")[0]
    return first if first in _DOORS else "page"
