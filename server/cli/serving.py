"""One server process, from the open database to the last answer."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import uvicorn
import uvloop

from server.cli.listening import BACKLOG
from server.cli.sockets import Sockets
from server.core.allocation import return_large_blocks
from server.core.settings import Settings

if TYPE_CHECKING:
    from server.app import App

DRAIN_SECONDS = 3
KEEP_ALIVE_SECONDS = 75
MAX_FRAME = 1024 * 1024
# So many new objects before garbage is looked for. What 20 calls at once hold while they are under
# way is more than Python's own 700: it was looked through again and again, and nothing was found.
NEW_OBJECTS = 10_000

Ready = Callable[[str | None], None]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Serving:
    """`ready` is called once with the first sign-in link, or None after the first start."""

    settings: Settings
    listener: socket.socket
    worker: bool
    ready: Ready

    async def run(self) -> None:
        """The rooms open before the port answers, so a start that fails is one sentence."""
        from server.app import build_app

        app = build_app(self.settings, worker=self.worker)
        async with app.running():
            await self.server(app).serve(sockets=[self.listener])

    def server(self, app: App) -> uvicorn.Server:
        return _Server(self._config(app), lambda: self.ready(app.first_link))

    def _config(self, app: App) -> uvicorn.Config:
        return uvicorn.Config(
            app,
            lifespan="off",
            loop="none",
            http="httptools",
            ws=Sockets,
            ws_max_size=MAX_FRAME,
            access_log=False,  # it would write one-time sign-in tokens into the log
            log_config=None,
            log_level="warning",
            server_header=False,
            proxy_headers=bool(self.settings.trusted_proxies),
            forwarded_allow_ips=list(self.settings.trusted_proxies),
            timeout_graceful_shutdown=DRAIN_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            backlog=BACKLOG,
        )


class _Server(uvicorn.Server):
    """Says that it is ready when it is, not before. Signals only ask it to stop: uvicorn's own
    handling would end the process before the rooms behind it are closed."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready()
            gc.freeze()  # what a start makes stays: no look for garbage goes through it
            gc.enable()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._asked_to_stop)
        yield

    def _asked_to_stop(self) -> None:
        """The second time ends it at once; what runs is found by its lease."""
        if self.should_exit:
            os._exit(1)
        self.should_exit = True


def run_on_uvloop(work: Callable[[], Awaitable[Result]]) -> Result:
    async def whole() -> Result:
        return await work()

    return_large_blocks()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(whole())
