"""Signing in with a one-time link, and out again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from server.web.auth import COOKIE, session_cookie
from server.web.pages import confirm_page, signin_page, used_link_page
from server.web.sockets import OpenSockets
from server.workspaces.accounts import NewSession

MAX_TOKEN = 200


@dataclass(frozen=True, slots=True)
class SignIn:
    """`redeem` answers None for a link that was used, is too old, or never was."""

    redeem: Callable[[str, str, str], Awaitable[NewSession | None]]
    forget: Callable[[str], Awaitable[None]]
    sockets: OpenSockets
    secure: bool

    def routes(self) -> list[Route]:
        return [
            Route("/signin", self.show, methods=["GET"]),
            Route("/signin", self.use, methods=["POST"]),
            Route("/signout", self.leave, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        if not token:
            return _to(request) if request.state.viewer is not None else signin_page()
        if _looking_ahead(request):
            return confirm_page(token[:MAX_TOKEN])
        return await self._redeemed(request, token)

    async def use(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=10)
        return await self._redeemed(request, form.get("token", [""])[0])

    async def _redeemed(self, request: Request, token: str) -> Response:
        address = request.client.host if request.client else ""
        agent = request.headers.get("user-agent", "")[:300]
        session = await self.redeem(token, agent, address) if len(token) <= MAX_TOKEN else None
        if session is None:
            return _to(request) if request.state.viewer is not None else used_link_page()
        response = _to(request)
        response.set_cookie(
            COOKIE,
            session.token,
            max_age=session.seconds,
            httponly=True,
            samesite="lax",
            secure=self.secure or request.scope["scheme"] == "https",
        )
        return response

    async def leave(self, request: Request) -> Response:
        cookie = session_cookie(request.headers)
        if cookie:
            await self.forget(cookie)
        if request.state.credential:
            self.sockets.end(request.state.credential)
        response = RedirectResponse("/signin", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response


def _looking_ahead(request: Request) -> bool:
    """Browsers fetch a link before it is opened; that must not use it up."""
    purpose = request.headers.get("sec-purpose", "") + request.headers.get("purpose", "")
    return request.method == "HEAD" or "prefetch" in purpose or "prerender" in purpose


def _to(request: Request) -> RedirectResponse:
    response = RedirectResponse(own_path(request.query_params.get("next", "")), 303)
    response.headers["cache-control"] = "no-store"
    return response


def own_path(wanted: str) -> str:
    """Where to go after signing in: a path of ours, never another site."""
    plain = wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/") and not wanted.startswith("//") else "/"


class SignedInOnly:
    """Around the web app: a page for nobody is the sign-in page, a socket for nobody is closed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["state"].get("viewer") is not None
        if known or scope["type"] == "lifespan" or scope["path"].startswith("/static/"):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4401, "reason": "Sign in first"})
        else:
            await _to_signin(scope)(scope, receive, send)


def _to_signin(scope: Scope) -> Response:
    if scope["method"] not in ("GET", "HEAD"):
        return Response("Sign in first.", 401)
    path = scope["path"]
    query = urlencode({"next": path}) if path != "/" else ""
    return RedirectResponse("/signin" + (f"?{query}" if query else ""), 303)
