"""Open sockets: how many there may be, how fast they may talk, and that they end when the right
to be here ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.core.tasks import end

log = structlog.get_logger("web")

RECHECK_SECONDS = 15.0
NAMELESS = 300
FRAMES_PER_SECOND = 200
BURST = 600
POLICY_VIOLATION = 1008
TOO_MANY = 4429
SIGNED_OUT = 4401

StillValid = Callable[[str], Awaitable[bool]]


@dataclass(eq=False, slots=True)
class OpenSocket:
    credential: str | None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class OpenSockets:
    """`credential` is whatever `still_valid` understands; a socket without one ends by itself."""

    def __init__(
        self,
        still_valid: StillValid,
        *,
        per_credential: int = 1_000,
        seconds: float = RECHECK_SECONDS,
    ) -> None:
        self.still_valid = still_valid
        self.seconds = seconds
        self.per_credential = per_credential
        self._open: dict[str | None, set[OpenSocket]] = {}
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def start(self) -> None:
        self._task = asyncio.create_task(self._recheck_forever())

    async def stop(self) -> None:
        if self._task is not None:
            await end(self._task)

    def enter(self, credential: str | None) -> OpenSocket | None:
        """None when this credential, or all who have none together, hold too many already."""
        places = self._open.setdefault(credential, set())
        if len(places) >= (NAMELESS if credential is None else self.per_credential):
            return None
        place = OpenSocket(credential)
        places.add(place)
        return place

    def admit(self, place: OpenSocket, credential: str) -> None:
        """Somebody who came in without a name said it in the first message."""
        self.leave(place)
        place.credential = credential
        self._open.setdefault(credential, set()).add(place)

    def leave(self, place: OpenSocket) -> None:
        places = self._open.get(place.credential, set())
        places.discard(place)
        if not places:
            self._open.pop(place.credential, None)

    def end(self, credential: str) -> None:
        for place in self._open.get(credential, ()):
            place.ended.set()

    async def _recheck_forever(self) -> None:
        while True:
            await asyncio.sleep(self.seconds)
            try:
                await self.recheck()
            except Exception as error:  # the database is away: ask again at the next turn
                log.warning("sockets_not_rechecked", error=str(error))

    async def recheck(self) -> None:
        for credential in list(self._open):
            if credential is not None and not await self.still_valid(credential):
                self.end(credential)


class SocketGuard:
    """Around everything that speaks over a socket."""

    def __init__(self, app: ASGIApp, sockets: OpenSockets) -> None:
        self.app = app
        self.sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        place = self.sockets.enter(scope["state"].get("credential"))
        if place is None:
            await send({"type": "websocket.close", "code": TOO_MANY, "reason": "Too many sockets"})
            return
        scope["state"]["admit"] = lambda credential: self.sockets.admit(place, credential)
        try:
            await self._watched(place, scope, receive, send)
        finally:
            self.sockets.leave(place)

    async def _watched(self, place: OpenSocket, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the app beside a watch that ends it when the viewer is signed out."""
        pace = _Pace()

        async def paced() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and not pace.allow():
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})
                return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
            return message

        serving = asyncio.ensure_future(self.app(scope, paced, send))
        watching = asyncio.ensure_future(place.ended.wait())
        try:
            await asyncio.wait([serving, watching], return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                reason = "Signed out"
                await send({"type": "websocket.close", "code": SIGNED_OUT, "reason": reason})
        finally:
            for task in (serving, watching):
                if not task.done():
                    task.cancel()
            await asyncio.wait([serving, watching])
        if not serving.cancelled():
            serving.result()


class _Pace:
    """A bucket that fills with FRAMES_PER_SECOND and holds BURST."""

    def __init__(self) -> None:
        self.left = float(BURST)
        self.at = time.monotonic()

    def allow(self) -> bool:
        now = time.monotonic()
        self.left = min(BURST, self.left + (now - self.at) * FRAMES_PER_SECOND) - 1
        self.at = now
        return self.left >= 0
