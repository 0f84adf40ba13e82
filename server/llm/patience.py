"""How long we wait for a provider: to the first byte, between bytes, and in all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds."""

    first_byte: float = 120.0
    between_bytes: float = 60.0


class Patience:
    """`async with` around a call; `heard()` at every sign of life. Raises TimeoutError, and then
    `why` says in words what was waited for.

    One timer for most calls: it looks when the time could be up at the earliest, and then again."""

    def __init__(self, limits: Limits, total: float | None) -> None:
        self._limits = limits
        self._total = total
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._end = now + total if total is not None else None
        self._heard = False
        self._until = self._no_later(now + limits.first_byte)
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cancelled_before = 0
        self._is_over = False

    @property
    def why(self) -> str:
        if self._end is not None and self._loop.time() >= self._end:
            return f"did not finish within {self._total:g} s"
        if self._heard:
            return f"sent nothing more for {self._limits.between_bytes:g} s"
        return f"sent nothing for {self._limits.first_byte:g} s"

    def heard(self) -> None:
        self._heard = True
        self._until = self._no_later(self._loop.time() + self._limits.between_bytes)

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelled_before = self._task.cancelling()
        soonest = self._loop.time() + self._limits.between_bytes
        self._timer = self._loop.call_at(min(self._until, soonest), self._look)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        assert self._task is not None
        assert self._timer is not None
        self._timer.cancel()
        task, self._task = self._task, None
        # Somebody else's cancelling stays one.
        mine = self._is_over and task.uncancel() <= self._cancelled_before
        if mine and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error
        return None

    def _look(self) -> None:
        now = self._loop.time()
        if now < self._until:
            soonest = min(self._until, now + self._limits.between_bytes)
            self._timer = self._loop.call_at(soonest, self._look)
        elif self._task is not None:
            self._is_over = True
            self._task.cancel()

    def _no_later(self, when: float) -> float:
        return when if self._end is None else min(when, self._end)
