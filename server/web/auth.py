"""Who is asking, for HTTP and sockets alike, before any other code of ours runs.

Decisions look at the raw path and headers only: a rebuilt URL can be bent by a forged Host."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Protocol

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from server.web.origin import same_site

if TYPE_CHECKING:
    from server.workspaces.access import Viewer

COOKIE = "baleybots_session"
FOREIGN_ORIGIN = 4403
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN_TO_ALL = ("/static/", "/healthz", "/readyz", "/favicon.ico")
_OTHER_SITES_MAY_POST = ("/hooks/", "/tick")


class Recogniser(Protocol):
    """The rooms' answer to "whose is this?". `credential` names the session or token later."""

    async def by_session(self, cookie: str) -> tuple[Viewer, str] | None: ...

    async def by_token(self, token: str) -> tuple[Viewer, str] | None: ...


class Auth:
    """Puts `viewer` (or None) and `credential` into the scope's state. A page of another site is
    turned away: over HTTP when it wants to change something, over a socket always."""

    def __init__(self, app: ASGIApp, recogniser: Recogniser, public_url: str | None) -> None:
        self.app = app
        self.recogniser = recogniser
        self.public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["viewer"] = state["credential"] = None
        headers = Headers(scope=scope)
        if self._foreign(scope, headers):
            await _turn_away(scope, receive, send)
            return
        if not scope["path"].startswith(_OPEN_TO_ALL):
            found = await self._recognised(scope, headers)
            if found is not None:
                state["viewer"], state["credential"] = (
                    found[0].seen_from(address_of(scope)),
                    found[1],
                )
        await self.app(scope, receive, send)

    def _foreign(self, scope: Scope, headers: Headers) -> bool:
        origins = headers.getlist("origin")
        if scope["type"] == "http":
            if scope["method"] in _SAFE or scope["path"].startswith(_OTHER_SITES_MAY_POST):
                return False
        elif not origins:
            return COOKIE in (headers.get("cookie") or "")
        host = headers.get("host", "")
        return any(not same_site(origin, host, self.public_url) for origin in origins)

    async def _recognised(self, scope: Scope, headers: Headers) -> tuple[Viewer, str] | None:
        """A token wins over a cookie, and a wrong token is not rescued by one."""
        authorization = headers.get("authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer" or not token.strip():
                return None
            return await self.recogniser.by_token(token.strip())
        cookie = session_cookie(headers)
        return await self.recogniser.by_session(cookie) if cookie else None


def address_of(scope: Scope) -> str:
    """Of whoever is asking. Behind a trusted proxy the server has put the real one in already."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def session_cookie(headers: Headers) -> str | None:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookies[COOKIE].value if COOKIE in cookies else None


async def _turn_away(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": FOREIGN_ORIGIN, "reason": "Foreign origin"})
        return
    message = "This request comes from a page of another site."
    extensions = {"code": "FORBIDDEN", "requestId": scope["state"].get("request_id")}
    body = {"data": None, "errors": [{"message": message, "extensions": extensions}]}
    await JSONResponse(body, 403)(scope, receive, send)
