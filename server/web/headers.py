"""What every answer says to the browser, and the id under which the log knows the request."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

_ALWAYS = {
    "x-content-type-options": "nosniff",
    # Our pages say `same-origin` themselves: under `no-referrer` a browser sends `Origin: null`
    # with a form, and signing out would be refused as another site's doing.
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_REQUEST_ID = b"x-request-id"
RawHeader = tuple[bytes, bytes]
_USABLE_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")


class SecureHeaders:
    """Wraps the whole app. An id that a proxy sends is kept, so its log and ours meet."""

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self.app = app
        always = {**_ALWAYS, "content-security-policy": CONTENT_POLICY}
        if https:
            always["strict-transport-security"] = "max-age=31536000"
        self._always = [(name.encode(), text.encode()) for name, text in always.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(scope)
        scope.setdefault("state", {})["request_id"] = request_id

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._added(message.get("headers", ()), request_id)
            await send(message)

        await self.app(scope, receive, with_headers)

    def _added(self, given: Iterable[RawHeader], request_id: str) -> list[RawHeader]:
        """What an answer says itself stays; the id is ours."""
        found = [one for one in given if one[0].lower() != _REQUEST_ID]
        said = {name.lower() for name, _ in found}
        found += [one for one in self._always if one[0] not in said]
        found.append((_REQUEST_ID, request_id.encode()))
        return found


def request_id_of(scope: Scope) -> str:
    sent = (value for name, value in scope["headers"] if name == _REQUEST_ID)
    given = next(sent, b"").decode("latin-1")
    return given if _USABLE_ID.fullmatch(given) else f"req_{secrets.token_hex(8)}"
