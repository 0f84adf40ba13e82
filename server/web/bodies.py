"""How many bytes a request may bring, and how long it may take to bring them."""

from __future__ import annotations

import asyncio

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MIB = 1024 * 1024
DEFAULT_LIMIT = MIB
SMALL = 8 * 1024
LIMITS = {
    "/graphql": 12 * MIB,
    "/bundles": 4 * MIB,
    "/signin": SMALL,
    "/signout": 1024,
    "/forgot": SMALL,
    "/reset": SMALL,
    "/join": SMALL,
    "/switch": SMALL,
}
SECONDS = 30
CODES = {408: "UNAVAILABLE", 413: "TOO_LARGE"}


class BodyLimit:
    """Reads the body before anybody parses it; too large or too slow ends here."""

    def __init__(self, app: ASGIApp, *, seconds: float = SECONDS) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        limit = LIMITS.get(scope["path"], DEFAULT_LIMIT)
        try:
            async with asyncio.timeout(self.seconds):
                body = await _read(receive, limit)
        except TimeoutError:
            await _refuse(408, "The request body came too slowly.", scope, receive, send)
            return
        if body is None:
            await _refuse(413, f"At most {limit} bytes are accepted here.", scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)


async def _read(receive: Receive, limit: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        size += len(message.get("body", b""))
        if size > limit:
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(status: int, text: str, scope: Scope, receive: Receive, send: Send) -> None:
    """The connection closes: the rest of the body stays unread."""
    headers = {"connection": "close"}
    response: Response = PlainTextResponse(text, status, headers)
    if scope["path"] == "/graphql":
        extensions = {"code": CODES[status], "requestId": scope.get("state", {}).get("request_id")}
        error = {"message": text, "extensions": extensions}
        response = JSONResponse({"data": None, "errors": [error]}, status, headers)
    await response(scope, receive, send)
