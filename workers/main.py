"""A worker process: takes executions from Redis until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal

import structlog

from server.assembly import assembled
from server.core.errors import StartError
from server.core.settings import Settings
from server.core.tasks import end
from server.llm.gateway import Gateway
from server.models.migrate import migrate
from workers.embedded import working
from workers.presence import mark_of, present

DRAIN_SECONDS = 25.0

log = structlog.get_logger("workers")


async def run_worker(settings: Settings) -> bool:
    """The first SIGTERM or SIGINT drains within 25 s, the second one ends at once. True: a new one
    is to come in its place, because this one holds too much memory for what it does."""
    need_shared_parts(settings)
    stop, full = asyncio.Event(), asyncio.Event()
    asked = _listen(stop)

    def replace() -> None:
        full.set()
        stop.set()

    await migrate(settings)
    async with (
        assembled(settings, drain_seconds=DRAIN_SECONDS) as rooms,
        working(rooms, replace),
    ):
        log.info("worker_ready", owner=rooms.engine.owner)
        loading = asyncio.create_task(_load_models(rooms.engine.gateway))
        async with present(mark_of(settings.data_dir)):
            await stop.wait()
        await end(loading)
        log.info("worker_drains", running=rooms.engine.runner.running)
    return full.is_set() and not asked.is_set()


async def _load_models(gateway: Gateway) -> None:
    """What calls to models need takes seconds to load. A worker that came in the place of a dead
    one does not begin with that when the first call is to leave."""
    try:
        await gateway.prepare()
    except Exception:
        log.exception("models_not_loaded")  # the first call tries again
    else:
        log.info("models_loaded")


def need_shared_parts(settings: Settings) -> None:
    """Several processes must hear each other."""
    if settings.redis_url is None:
        raise StartError(
            "A worker of its own needs Redis: without it no other process can hand it work.",
            hint="Set BALEYBOTS_REDIS_URL, or start everything in one process with `baleybots up`.",
        )


def _listen(stop: asyncio.Event) -> asyncio.Event:
    """Set once somebody has asked it to stop."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()

    def heard() -> None:
        if asked.is_set():
            os._exit(1)  # the second signal: what runs is found by its lease
        asked.set()
        stop.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, heard)
    return asked
