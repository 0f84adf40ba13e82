"""A worker process: takes executions from Redis until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal

import structlog

from server.assembly import assembled
from server.core.errors import StartError
from server.core.settings import Settings
from server.models.migrate import migrate
from workers.embedded import working
from workers.presence import mark_of, present

DRAIN_SECONDS = 25.0

log = structlog.get_logger("workers")


async def run_worker(settings: Settings) -> None:
    """The first SIGTERM or SIGINT drains within 25 s, the second one ends at once."""
    need_shared_parts(settings)
    stop = asyncio.Event()
    _listen(stop)
    await migrate(settings)
    async with assembled(settings, drain_seconds=DRAIN_SECONDS) as rooms, working(rooms):
        log.info("worker_ready", owner=rooms.engine.owner)
        async with present(mark_of(settings.data_dir)):
            await stop.wait()
        log.info("worker_drains", running=rooms.engine.runner.running)


def need_shared_parts(settings: Settings) -> None:
    """Several processes must hear each other."""
    if settings.redis_url is None:
        raise StartError(
            "A worker of its own needs Redis: without it no other process can hand it work.",
            hint="Set BALEYBOTS_REDIS_URL, or start everything in one process with `baleybots up`.",
        )


def _listen(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def heard() -> None:
        if stop.is_set():
            os._exit(1)  # the second signal: what runs is found by its lease
        stop.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, heard)
