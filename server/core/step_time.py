"""The time of one step: what it works counts, what it waits for others does not."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Context, ContextVar, copy_context
from types import TracebackType


class StepTime:
    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout
        self._resting = 0
        self._parts = 0
        self._left = 0.0

    @property
    def left(self) -> float:
        """Seconds."""
        when = self._timeout.when()
        return self._left if when is None else when - asyncio.get_running_loop().time()

    @contextmanager
    def resting(self) -> Generator[None]:
        """The clock stands still while every part of the step rests."""
        self._resting += 1
        self._adjust()
        try:
            yield
        finally:
            self._resting -= 1
            self._adjust()

    @contextmanager
    def part(self) -> Generator[None]:
        self._parts += 1
        self._adjust()
        try:
            yield
        finally:
            self._parts -= 1
            self._adjust()

    def _adjust(self) -> None:
        if self._timeout.expired():
            return
        stands = self._resting >= max(1, self._parts)
        stood = self._timeout.when() is None
        if stands and not stood:
            self._left = self.left
            self._timeout.reschedule(None)
        elif stood and not stands:
            self._timeout.reschedule(asyncio.get_running_loop().time() + self._left)


_current: ContextVar[StepTime | None] = ContextVar("step_time", default=None)


class Within:
    """`async with`: TimeoutError when what is inside has worked for longer. Afterwards `left` says
    for how many seconds it might have gone on."""

    def __init__(self, seconds: float) -> None:
        self._timeout = asyncio.timeout(seconds)
        self.left = seconds

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        self._time = StepTime(self._timeout)
        self._before = _current.set(self._time)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        _current.reset(self._before)
        self.left = self._time.left
        return await self._timeout.__aexit__(kind, error, trace)


def outside() -> Context:
    """For what begins inside a step and is no part of it."""
    context = copy_context()
    context.run(_current.set, None)
    return context


def resting() -> AbstractContextManager[None]:
    """What is inside is no work of the step around it, if there is one."""
    current = _current.get()
    return nullcontext() if current is None else current.resting()


def part() -> AbstractContextManager[None]:
    """Of several things that the step around it, if there is one, does at once."""
    current = _current.get()
    return nullcontext() if current is None else current.part()
