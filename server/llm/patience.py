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


# A timer is set anew only when that moves it by this share of the wait: not for each of the many
# pieces that come within a moment.
_WORTH_MOVING = 0.02


class Patience:
    """`async with` around a call; `heard()` at every sign of life. Raises TimeoutError, and then
    `why` says in words what was waited for."""

    def __init__(self, limits: Limits, total: float | None) -> None:
        self._limits = limits
        self._total = total
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + total if total is not None else None
        self._heard = False
        self._timeout = asyncio.timeout_at(self._next(limits.first_byte))

    @property
    def why(self) -> str:
        if self._end is not None and self._loop.time() >= self._end:
            return f"did not finish within {self._total:g} s"
        if self._heard:
            return f"sent nothing more for {self._limits.between_bytes:g} s"
        return f"sent nothing for {self._limits.first_byte:g} s"

    def heard(self) -> None:
        wait, first = self._limits.between_bytes, not self._heard
        self._heard = True
        until, set_for = self._next(wait), self._timeout.when()
        if first or set_for is None or abs(until - set_for) > wait * _WORTH_MOVING:
            self._timeout.reschedule(until)

    def _next(self, seconds: float) -> float:
        when = self._loop.time() + seconds
        return when if self._end is None else min(when, self._end)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._timeout.__aexit__(kind, error, trace)
