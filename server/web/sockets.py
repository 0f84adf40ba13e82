"""Open sockets: how many there may be, how fast they may talk, and that they end when the right
to be here ends."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from functools import partial

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
    person: Hashable = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    too_many: bool = False


class OpenSockets:
    """`credential` is whatever `still_valid` understands; a socket without one ends by itself."""

    def __init__(
        self,
        still_valid: StillValid,
        *,
        per_user: int = 1_000,
        seconds: float = RECHECK_SECONDS,
    ) -> None:
        self.still_valid = still_valid
        self.seconds = seconds
        self.per_user = per_user
        self._open: dict[str | None, set[OpenSocket]] = {}
        self._people: Counter[Hashable] = Counter()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def start(self) -> None:
        self._task = asyncio.create_task(self._recheck_forever())

    async def stop(self) -> None:
        if self._task is not None:
            await end(self._task)

    def enter(self, credential: str | None, person: Hashable = None) -> OpenSocket | None:
        """None when this person, or all who have no name together, hold too many already."""
        if self._people[person] >= (NAMELESS if person is None else self.per_user):
            return None
        place = OpenSocket(credential, person)
        self._open.setdefault(credential, set()).add(place)
        self._people[person] += 1
        return place

    def admit(self, place: OpenSocket, credential: str, person: Hashable) -> bool:
        """Somebody who came in without a name said it in the first message. False when they hold
        too many already; the socket is ended then."""
        self.leave(place)
        place.credential, place.person = credential, person
        self._open.setdefault(credential, set()).add(place)
        self._people[person] += 1
        if self._people[person] <= self.per_user:
            return True
        place.too_many = True
        place.ended.set()
        return False

    def leave(self, place: OpenSocket) -> None:
        places = self._open.get(place.credential, set())
        if place not in places:
            return
        places.discard(place)
        if not places:
            self._open.pop(place.credential, None)
        self._people[place.person] -= 1
        if not self._people[place.person]:
            del self._people[place.person]

    def end(self, credential: str) -> None:
        for place in self._open.get(credential, ()):
            place.ended.set()

    async def _recheck_forever(self) -> None:
        while True:
            await asyncio.sleep(self.seconds)
            await self.recheck_soon()

    async def recheck_soon(self, part: str = "") -> None:
        """As `recheck`; what cannot be asked now is asked at the next turn."""
        try:
            await self.recheck(part)
        except Exception as error:  # the database is away
            log.warning("sockets_not_rechecked", error=str(error))

    async def recheck(self, part: str = "") -> None:
        """Of all, or of those whose credential names this part, such as a person's id."""
        for credential in list(self._open):
            if credential is None or part not in credential:
                continue
            if not await self.still_valid(credential):
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
        viewer = scope["state"].get("viewer")
        person = None if viewer is None else viewer.user_id
        place = self.sockets.enter(scope["state"].get("credential"), person)
        if place is None:
            await send({"type": "websocket.close", "code": TOO_MANY, "reason": "Too many sockets"})
            return
        scope["state"]["admit"] = partial(self.sockets.admit, place)
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
                code, reason = SIGNED_OUT, "Signed out"
                if place.too_many:
                    code, reason = TOO_MANY, "Too many sockets"
                await send({"type": "websocket.close", "code": code, "reason": reason})
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
