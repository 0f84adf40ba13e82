"""The time of one step: what it works counts, what it waits for others does not."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from types import TracebackType


class StepTime:
    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout
        self._resting = 0
        self._left = 0.0

    @property
    def left(self) -> float:
        """Seconds."""
        when = self._timeout.when()
        return self._left if when is None else when - asyncio.get_running_loop().time()

    @contextmanager
    def resting(self) -> Generator[None]:
        """Several parts of a step may rest at once; the clock goes on when none does."""
        loop = asyncio.get_running_loop()
        if not self._resting and self._timeout.when() is not None:
            self._left = self.left
            self._timeout.reschedule(None)
        self._resting += 1
        try:
            yield
        finally:
            self._resting -= 1
            if not self._resting and not self._timeout.expired():
                self._timeout.reschedule(loop.time() + self._left)


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


@contextmanager
def resting() -> Generator[None]:
    """What is inside is no work of the step around it, if there is one."""
    current = _current.get()
    if current is None:
        yield
        return
    with current.resting():
        yield
