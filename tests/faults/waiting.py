"""Waiting for something to come true: never for time to pass."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support import waiting

POLL_SECONDS = 0.05


async def until(
    what: str, true: Callable[[], bool | Awaitable[bool]], seconds: float, detail: Any = None
) -> None:
    """`detail` is called for what to say when it did not come true."""
    try:
        await waiting.until(true, seconds, POLL_SECONDS)
    except TimeoutError:
        more = detail() if detail is not None else ""
        more = await more if inspect.isawaitable(more) else more
        raise AssertionError(f"not within {seconds:.0f} s: {what} {more}") from None
