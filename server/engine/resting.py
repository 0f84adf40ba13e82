"""Waiting inside a run. A short wait sleeps in place, and so does any wait while something else of
the run is at work; when nothing is, the run ends here and goes on later from what is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from server.engine.host import Suspended
from server.models.enums import WaitingReason

IN_PLACE_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 2.0
# What wakes a run may get lost with a process between two commits; nothing waits longer than this.
HEAL_SECONDS = 600.0
_ORDER = (
    WaitingReason.OUTCOME_UNKNOWN,
    WaitingReason.APPROVAL,
    WaitingReason.BUDGET,
    WaitingReason.CHILD,
    WaitingReason.QUEUE,
    WaitingReason.RETRY,
    WaitingReason.WAIT,
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """`until` None: until somebody wakes the execution. `listens`: somebody may wake it before."""

    reason: WaitingReason
    until: datetime | None = None
    listens: bool = False

    @property
    def can_be_woken(self) -> bool:
        return self.until is None or self.listens


@dataclass(frozen=True, slots=True)
class Parked:
    """What the whole run waits for: the reason that matters most to a person, the earliest time."""

    reason: WaitingReason
    due_in: float | None


class Busy:
    """`with` it something is at work: the run keeps its worker anyway. `parts`: how many are."""

    __slots__ = ("_changed", "parts")

    def __init__(self, changed: asyncio.Event) -> None:
        self._changed = changed
        self.parts = 0

    def __enter__(self) -> None:
        self.parts += 1

    def __exit__(self, *_: object) -> None:
        self.parts -= 1
        self._changed.set()


class Resting:
    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._nudges = 0
        self._changed = asyncio.Event()
        self.busy = Busy(self._changed)
        self._waits: dict[str, Waiting] = {}

    def nudge(self) -> None:
        """Something that a step waits for may have happened."""
        self._nudges += 1
        self._changed.set()

    @property
    def nudged(self) -> bool:
        """It may be that nothing has to be waited for any more."""
        return self._nudges > 0

    async def rest(self, key: str, waiting: Waiting) -> None:
        """Returns when it is time, or time to look again; Suspended when nobody else is at work."""
        nudges = self._nudges
        while True:
            left = self._left(waiting)
            if left is not None and left <= 0:
                return
            if waiting.can_be_woken and self._nudges != nudges:
                return
            if not self.busy.parts and (left is None or left > IN_PLACE_SECONDS):
                await _let_others_begin()
                if not self.busy.parts:
                    self._waits[key] = waiting
                    raise Suspended
            if not await self._change(_look_again(waiting, left)) and waiting.can_be_woken:
                return

    def forget(self, key: str) -> None:
        """The step has ended some other way, and with it what waits inside it."""
        inside = [one for one in self._waits if one == key or one.startswith(f"{key}/")]
        for one in inside:
            del self._waits[one]

    @property
    def for_child(self) -> bool:
        return any(waiting.reason is WaitingReason.CHILD for waiting in self._waits.values())

    def parked(self) -> Parked | None:
        """None when no step of this run waits: it was told to stop from outside."""
        if not self._waits:
            return None
        waits = self._waits.values()
        reason = min((waiting.reason for waiting in waits), key=_ORDER.index)
        dues = [left for waiting in waits if (left := self._left(waiting)) is not None]
        if self.for_child:
            dues.append(HEAL_SECONDS)
        return Parked(reason, max(0.0, min(dues)) if dues else None)

    def _left(self, waiting: Waiting) -> float | None:
        if waiting.until is None:
            return None
        return (waiting.until - self._now()).total_seconds()

    async def _change(self, seconds: float) -> bool:
        """False when nothing happened for so long."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True


def _look_again(waiting: Waiting, left: float | None) -> float:
    """What wakes it may have come between two looks."""
    if left is None:
        return LOOK_AGAIN_SECONDS
    return min(left, LOOK_AGAIN_SECONDS) if waiting.listens else left


async def _let_others_begin() -> None:
    """Between two steps of a branch there is a moment in which it does nothing."""
    for _ in range(5):
        await asyncio.sleep(0)
