"""A worker leaves a mark that it is alive, for `baleybots worker --check` beside it: a container's
health check. The mark is made by the loop that does the work, so a loop that hangs is found."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

from server.core.tasks import end

EVERY_SECONDS = 5.0
STALE_SECONDS = 30.0


def mark_of(data_dir: Path) -> Path:
    """One per machine: workers in several containers may share the data folder."""
    return data_dir / f"worker-{socket.gethostname()}.alive"


def is_alive(mark: Path) -> bool:
    try:
        return time.time() - mark.stat().st_mtime < STALE_SECONDS
    except FileNotFoundError:
        return False


@contextlib.asynccontextmanager
async def present(mark: Path) -> AsyncIterator[None]:
    """Keeps the mark fresh, and takes it away at the end."""
    task = asyncio.create_task(_keep_fresh(mark))
    try:
        yield
    finally:
        await end(task)
        mark.unlink(missing_ok=True)


async def _keep_fresh(mark: Path) -> None:
    while True:
        with contextlib.suppress(OSError):  # a full disk must not stop the work
            mark.touch()
        await asyncio.sleep(EVERY_SECONDS)
