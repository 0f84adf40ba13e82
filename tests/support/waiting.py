"""Waiting for something to come true: the only place where tests ask again and again.

Where there is a notice, an event or a task to await, that is awaited instead."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")


async def until(
    look: Callable[[], Awaitable[Found] | Found], seconds: float = 15, pause: float = 0.01
) -> Found:
    """The first answer of `look` that is true."""
    async with asyncio.timeout(seconds):
        while True:
            answer = look()
            found = await answer if inspect.isawaitable(answer) else answer
            if found:
                return found
            await asyncio.sleep(pause)
