"""Ending a task that runs for ever."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_SECONDS = 0.5


async def end(task: asyncio.Task[Any]) -> None:
    """Cancels until it has ended. A cancel can get lost: on Python 3.11 `wait_for` swallows one
    that comes in the moment in which its work is done, and some drivers do likewise."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN_SECONDS)
