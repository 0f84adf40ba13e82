"""Waiting for something only so long, also when it cannot be stopped at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Raises TimeoutError after `seconds`. `asyncio.timeout` would wait for the cleaning up, and a
    driver whose server stands still cleans up only when the server moves again."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_seen)
    if not task.done():
        raise TimeoutError
    return task.result()


def _seen(task: asyncio.Future[Any]) -> None:
    """Nobody waits for it any more."""
    if not task.cancelled():
        task.exception()
