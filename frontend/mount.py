"""What the front door needs: the routes of the web app and the wrapper that serves its socket."""

import html
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from reactpy.executors.asgi.middleware import ReactPyMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontend.client import Execute
from frontend.kit import assets
from frontend.kit.place import match

ROOT_COMPONENT = "frontend.app.App"
PREFIX = "/reactpy/"
MAX_MESSAGE_BYTES = 2 * 1024 * 1024

CONTENT_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class BuiltFiles(StaticFiles):
    """Files with a hash in their name never change."""

    def file_response(self, full_path: Any, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(full_path, *args, **kwargs)
        kept = Path(full_path).parent.name == "build" and Path(full_path).suffix != ".json"
        age = "public, max-age=31536000, immutable" if kept else "no-cache"
        response.headers["cache-control"] = age
        response.headers["x-content-type-options"] = "nosniff"
        return response


def shell_page() -> str:
    """One page for every address. It holds no inline script, so the policy can forbid them."""
    early = [assets.url("shell.js"), *assets.imports("shell.js"), f"{PREFIX}static/index.js"]
    preload = "\n".join(f'<link rel="modulepreload" href="{address}">' for address in early)
    font = assets.url("inter-latin-opsz-normal.woff2")
    return f"""<!doctype html>
<html lang="en" data-icons="{html.escape(assets.url("icons.svg"))}">
<head>
<meta name="referrer" content="same-origin">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>Baleybots</title>
<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">
<script src="{assets.url("theme.js")}"></script>
<link rel="preload" href="{font}" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="{assets.url("app.css")}">
{preload}
<script type="module" src="{assets.url("boot.js")}"></script>
</head>
<body>
<a class="skip-link" href="#main">Skip to the content</a>
<p id="offline" class="offline" role="status" hidden>
The line to the server is gone. Trying to connect again; what you typed is kept.</p>
<div id="app" data-component="{ROOT_COMPONENT}"></div>
<div id="splash" aria-hidden="true"><aside></aside><div><i></i><i></i><i></i>
<p id="splash-note"></p></div></div>
<noscript>Baleybots needs JavaScript. The baleybots command can do everything too.</noscript>
</body>
</html>
"""


async def shell(closed: frozenset[str], request: Request) -> Response:
    """Scripts and watchers go by the status: an address without a page is not found."""
    from frontend.app import open_pages  # what the pages need is loaded after the start

    status = 200 if match(open_pages(closed), request.scope["path"]) else 404
    headers = {"content-security-policy": CONTENT_POLICY, "cache-control": "no-store"}
    return HTMLResponse(shell_page(), status, headers=headers)


def routes(closed: frozenset[str] = frozenset()) -> Sequence[BaseRoute]:
    """Built files and, last of all routes, the shell page for every other address. `closed`: pages
    that the operator has switched off, by their address."""
    files = GZipMiddleware(BuiltFiles(directory=assets.STATIC), minimum_size=1024)
    return [
        Mount("/static", app=files, name="static"),
        Route("/{path:path}", partial(shell, closed), methods=["GET"], name="shell"),
    ]


class Socket:
    """Guards the page's socket: only our component, no giant or malformed frame."""

    def __init__(self, app: ASGIApp, execute: Execute, closed: frozenset[str]) -> None:
        self.app = app
        self.given = {"execute": execute, "closed": closed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "websocket" and scope["path"].startswith(PREFIX)
        if not ours:
            await self.app(scope, receive, send)
            return
        if scope["path"] != f"{PREFIX}{ROOT_COMPONENT}/":
            await receive()
            await send({"type": "websocket.close", "code": 4404, "reason": "No such page"})
            return
        scope["state"] = {**scope.get("state", {}), **self.given}
        await self.app(scope, Checked(receive, send), send)


class Checked:
    """A `receive` that turns a bad frame into the end of the connection."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return message
        code = self._fault(message.get("text") or "")
        if code is None:
            return message
        await self._send({"type": "websocket.close", "code": code})
        return {"type": "websocket.disconnect", "code": code}

    def _fault(self, text: str) -> int | None:
        if len(text) > MAX_MESSAGE_BYTES:
            return 1009
        return None if _is_event(text) else 1003


def _is_event(text: str) -> bool:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and found.get("type") == "layout-event"


def wrap(app: ASGIApp, execute: Execute, closed: frozenset[str] = frozenset()) -> ASGIApp:
    """The web app around the rest. The caller puts the viewer in `scope["state"]["viewer"]` and
    refuses a foreign Origin before this is reached. `closed` as in `routes`."""
    # Rendered side by side, two updates that are ready at once leave in no order, and an older
    # picture of the parent can bury the newer one of its child (seen: a skeleton for ever).
    pages: Any = ReactPyMiddleware(
        app, root_components=[ROOT_COMPONENT], path_prefix=PREFIX, async_rendering=False
    )
    return Socket(pages, execute, closed)
