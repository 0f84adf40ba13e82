"""`POST /tick`: what is due goes to the workers now, for a host that sleeps until it is called."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

WakeDue = Callable[[], Awaitable[int]]


def tick_route(secret: str | None, wake_due: WakeDue) -> Route:
    async def tick(request: Request) -> Response:
        if secret is None:
            return PlainTextResponse("Set BALEYBOTS_TICK_SECRET to use this address.\n", 404)
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not secrets.compare_digest(given.encode(), secret.encode()):
            headers = {"www-authenticate": "Bearer"}
            return PlainTextResponse("Send TICK_SECRET as a bearer token.\n", 401, headers)
        return JSONResponse({"due": await wake_due()}, headers={"cache-control": "no-store"})

    return Route("/tick", tick, methods=["POST"])
