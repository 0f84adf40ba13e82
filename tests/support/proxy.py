"""A TCP proxy before a server, to cut, refuse, stall or slow what one process says to it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Self, cast


@dataclass(eq=False)
class _Way:
    """One direction. While it is closed nothing more is read; `held` counts the pieces that were
    read and wait: whoever sees one knows that something was to be sent."""

    delay: float = 0.0
    held: int = 0
    passed: int = 0
    trap: tuple[bytes, _Way] | None = None
    open: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def let_through(self, data: bytes) -> None:
        if self.trap is not None and self.trap[0] in data:
            self.trap[1].open.clear()
            self.trap = None
        if self.delay:
            await asyncio.sleep(self.delay)
        if not self.open.is_set():
            self.held += 1
            self.changed.set()
            try:
                await self.open.wait()
            finally:
                self.held -= 1
        self.passed += 1


class _End(asyncio.Protocol):
    """One end of a connection. It reads one piece at a time: the next when that was passed on."""

    def __init__(self, way: _Way, ended: asyncio.Event) -> None:
        self._way = way
        self._ended = ended
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self._over = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self._over:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.pause_reading()
        self._pieces.put_nowait(data)

    def abort(self) -> None:
        self._over = True
        if self.transport is not None:
            self.transport.abort()

    async def pass_on(self, other: _End) -> None:
        assert self.transport is not None
        assert other.transport is not None
        while True:
            data = await self._pieces.get()
            await self._way.let_through(data)
            if self.transport.is_closing() or other.transport.is_closing():
                return
            other.transport.write(data)
            self.transport.resume_reading()


class Proxy:
    """`up` is what the process sends, `down` what the server answers."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()
        self.up, self.down = _Way(), _Way()
        self.refusing = False
        self.connections = 0
        self.resume()

    @property
    def port(self) -> int:
        assert self._server is not None
        return self._server.sockets[0].getsockname()[1]

    async def start(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accepted, "127.0.0.1", 0)
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.refusing = True
            await self.cut()
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # --- faults

    async def cut(self) -> None:
        """Breaks every connection; what waits to be passed on is lost."""
        pairs = list(self._pairs)
        for pair in pairs:
            pair.cancel()
        await asyncio.gather(*pairs, return_exceptions=True)

    async def refuse(self) -> None:
        """As a server that is down: what is open breaks, what comes is turned away."""
        self.refusing = True
        await self.cut()

    def stall(self) -> None:
        """As a server that stands still: connections stay, nothing moves."""
        self.up.open.clear()
        self.down.open.clear()

    def hold_answers_to(self, text: str) -> None:
        """What is asked with this text in it is done, and nobody hears of it."""
        self.up.trap = (text.encode(), self.down)

    def slow(self, seconds: float) -> None:
        """Each piece that is asked waits so long."""
        self.up.delay = seconds

    def resume(self) -> None:
        self.refusing = False
        self.up.trap = None
        self.up.delay = self.down.delay = 0.0
        self.up.open.set()
        self.down.open.set()

    async def something_held(self, way: _Way, seconds: float = 30.0) -> None:
        """Until something waits before a closed door."""
        async with asyncio.timeout(seconds):
            while not way.held:
                way.changed.clear()
                await way.changed.wait()

    # --- passing on

    def _accepted(self) -> _End:
        self.connections += 1
        ended = asyncio.Event()
        near = _End(self.up, ended)
        pair = asyncio.ensure_future(self._join(near, ended))
        self._pairs.add(pair)
        pair.add_done_callback(self._pairs.discard)
        pair.add_done_callback(lambda _: near.abort())  # also when it is cut before it began
        return near

    async def _join(self, near: _End, ended: asyncio.Event) -> None:
        far = _End(self.down, ended)
        work: list[asyncio.Future[object]] = []
        try:
            if self.refusing:
                return
            loop = asyncio.get_running_loop()
            with contextlib.suppress(OSError):
                await loop.create_connection(lambda: far, *self._target)
                ways = (near.pass_on(far), far.pass_on(near), ended.wait())
                work = [asyncio.ensure_future(one) for one in ways]
                await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in work:
                one.cancel()
            far.abort()
