"""Signing in, with a password or a one-time link, and out again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from server.web.account_pages import signin_page, slow_down_page
from server.web.auth import COOKIE, address_of, session_cookie
from server.web.pages import confirm_page, used_link_page
from server.web.sockets import OpenSockets
from server.workspaces import accounts, sessions
from server.workspaces.sessions import NewSession, Visitor
from server.workspaces.signing_in import Reception
from server.workspaces.throttle import TooManyTries

MAX_TOKEN = 200
WRONG = "This address and this password do not go together."


@dataclass(frozen=True, slots=True)
class Porter:
    """What every page here needs. `changed` tells all processes that a person's access changed."""

    reception: Reception
    sockets: OpenSockets
    changed: Callable[[UUID], None]
    secure: bool
    base: Callable[[], str]

    async def let_in(self, request: Request, session: NewSession, to: str = "/") -> Response:
        """Under a new cookie; the session that the browser had before ends."""
        await self.let_out(request)
        response = to_page(to)
        response.set_cookie(
            COOKIE,
            session.token,
            max_age=session.seconds,
            httponly=True,
            samesite="lax",
            secure=self.secure or request.scope["scheme"] == "https",
        )
        return response

    async def let_out(self, request: Request) -> None:
        cookie = session_cookie(request.headers)
        if cookie:
            await sessions.sign_out(cookie)
        if request.state.credential:
            self.sockets.end(request.state.credential)
        if request.state.viewer is not None:
            self.changed(request.state.viewer.user_id)


@dataclass(frozen=True, slots=True)
class SignIn:
    porter: Porter

    def routes(self) -> list[Route]:
        return [
            Route("/signin", self.show, methods=["GET"]),
            Route("/signin", self.use, methods=["POST"]),
            Route("/signout", self.leave, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        if not token:
            if request.state.viewer is not None:
                return to_page(_after(request))
            some = await accounts.passwords_in_use()
            return signin_page(after=_after(request), passwords=some)
        if _looking_ahead(request) or _led_here(request):
            return confirm_page(token[:MAX_TOKEN])
        return await self._by_link(request, token)

    async def use(self, request: Request) -> Response:
        form = await form_of(request)
        if form.get("email") or form.get("password"):
            return await self._by_password(request, form)
        return await self._by_link(request, form.get("token", ""))

    async def _by_password(self, request: Request, form: dict[str, str]) -> Response:
        email, visitor = form.get("email", "")[:300], visitor_of(request)
        reception = self.porter.reception
        try:
            session = await reception.by_password(email, form.get("password", "")[:1_000], visitor)
        except TooManyTries as error:
            return slow_down_page(round(error.retry_after or 60))
        if session is not None:
            return await self.porter.let_in(request, session, _after(request))
        response = signin_page(email, WRONG, _after(request), status=401)
        response.background = BackgroundTask(reception.note_refusal, email, visitor)
        return response

    async def _by_link(self, request: Request, token: str) -> Response:
        visitor = visitor_of(request)
        session = None
        if len(token) <= MAX_TOKEN:
            session = await accounts.redeem(token, visitor.agent, visitor.address)
        if session is None:
            known = request.state.viewer is not None
            return to_page(_after(request)) if known else used_link_page()
        return await self.porter.let_in(request, session, _after(request))

    async def leave(self, request: Request) -> Response:
        await self.porter.let_out(request)
        response = RedirectResponse("/signin", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=self.porter.secure)
        return response


def visitor_of(request: Request) -> Visitor:
    return Visitor(request.headers.get("user-agent", "")[:300], address_of(request.scope))


async def form_of(request: Request) -> dict[str, str]:
    """The first value of each field; too many fields are none."""
    text = (await request.body()).decode("utf-8", "replace")
    try:
        found: dict[str, Any] = parse_qs(text, keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}


def _looking_ahead(request: Request) -> bool:
    """Browsers fetch a link before it is opened; that must not use it up."""
    purpose = request.headers.get("sec-purpose", "") + request.headers.get("purpose", "")
    return request.method == "HEAD" or "prefetch" in purpose or "prerender" in purpose


def _led_here(request: Request) -> bool:
    """From a page of another site, which may have chosen whose link it is: a person confirms."""
    return request.headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")


def _after(request: Request) -> str:
    return own_path(request.query_params.get("next", ""))


def to_page(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303, {"cache-control": "no-store"})


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
