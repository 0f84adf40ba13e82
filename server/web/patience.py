"""Nobody waits for a database that does not answer.

What comes while it is away is refused at once, and what is on its way then is answered: soon, with
a 503, and never with an id. What the request may still do in the dark is broken off.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.models.away import is_away

RETRY_SECONDS = 2
# These say themselves how things stand, or need no database.
_FREE = ("/healthz", "/readyz", "/metrics", "/static/", "/favicon.ico")
_REFUSED = "The database does not answer; nothing was stored. Try again in a moment."
_UNKNOWN = (
    "The database does not answer, and whether this was stored is not known. Repeat it in a "
    "moment, with the same idempotency key."
)


class Pulse(Protocol):
    @property
    def gone(self) -> asyncio.Future[None]: ...

    @property
    def away(self) -> bool: ...

    @property
    def watches(self) -> bool: ...


class Patience:
    def __init__(self, app: ASGIApp, pulse: Pulse) -> None:
        self.app = app
        self.pulse = pulse
        self._broken_off: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_FREE):
            await self.app(scope, receive, send)
        elif self.pulse.away:
            await _refusal(scope, _REFUSED)(scope, receive, send)
        else:
            answer = _Answer(send)
            try:
                answered = await self._answered(scope, receive, answer)
            except Exception as error:
                if answer.begun or not is_away(error):
                    raise
                answered = False
            if not answered:
                await _refusal(scope, _UNKNOWN)(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, answer: _Answer) -> bool:
        """False when the database went away first."""
        if not self.pulse.watches:
            await self.app(scope, receive, answer)
            return True
        work = asyncio.create_task(_run(self.app, scope, receive, answer))
        try:
            await asyncio.wait({work, self.pulse.gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done() or answer.begun:
                await work
                return True
        except asyncio.CancelledError:
            work.cancel()
            raise
        answer.closed = True
        work.cancel()
        self._broken_off.add(work)  # it may itself hang in the driver; nobody waits for it
        work.add_done_callback(self._forget)
        return False

    def _forget(self, work: asyncio.Task[None]) -> None:
        self._broken_off.discard(work)
        if not work.cancelled():
            work.exception()


class _Answer:
    """Passes on what is sent, until the request was answered by somebody else."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False
        self.closed = False

    async def __call__(self, message: Message) -> None:
        if self.closed:
            return
        self.begun = True
        await self._send(message)


async def _run(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def _refusal(scope: Scope, message: str) -> JSONResponse:
    extensions: dict[str, Any] = {"code": "UNAVAILABLE", "retryAfter": RETRY_SECONDS}
    extensions["requestId"] = scope.get("state", {}).get("request_id")
    body = {"data": None, "errors": [{"message": message, "extensions": extensions}]}
    return JSONResponse(body, 503, {"retry-after": str(RETRY_SECONDS)})
