"""A worker that holds too much memory takes nothing new until it holds less; what runs goes on.

What Python and its libraries have once taken does not always go back. A worker of its own that
still holds too much when nothing runs any more is therefore replaced by a new one. Inside the
server that cannot be: there one execution at a time goes on, so that nothing waits for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import structlog

from server.core.allocation import give_back
from server.core.resident import allowed, resident
from server.core.settings import Settings
from server.engine.running import Running

LOOK_SECONDS = 1.0
SHARE = 0.8
# Below this part of the bound it takes new work again: at the bound itself it would go to and fro.
WELL = 0.9
# Looking for what can be given back stops everything else for a moment.
AGAIN_SECONDS = 30.0
MIB = 1024 * 1024

log = structlog.get_logger("workers")


@dataclass(frozen=True, slots=True)
class System:
    """What is measured, and what can be done about it."""

    resident: Callable[[], int | None] = resident
    give_back: Callable[[], None] = give_back
    monotonic: Callable[[], float] = monotonic


class MemoryGuard:
    """`replace` ends this worker so that a new one comes in its place; None where that cannot be.
    Without a bound, or where nothing can be measured, everything is taken."""

    def __init__(
        self,
        runs: Running,
        bound: int | None,
        replace: Callable[[], None] | None = None,
        system: System | None = None,
    ) -> None:
        self._runs = runs
        self._bound = bound
        self._system = system or System()
        self._gave_back_at = -AGAIN_SECONDS
        self.short = False
        # A new worker would be no smaller than this one when it began.
        began = self._system.resident()
        hopeless = bound is not None and began is not None and began > bound
        self._replace = None if hopeless else replace

    async def look(self) -> None:
        used = self._system.resident()
        if self._bound is None or used is None:
            return
        if self.short:
            self._while_short(self._bound, used)
        elif used > self._bound:
            self._above(self._bound)

    def _above(self, bound: int) -> None:
        used = self._after_giving_back()
        if used <= bound:
            return
        self.short = True
        one = self._replace is None
        self._runs.narrow(1 if one else 0)
        taken = "one execution at a time is taken" if one else "nothing new is taken"
        log.warning(
            "memory_short",
            resident_mib=used // MIB,
            bound_mib=bound // MIB,
            running=len(self._runs),
            meaning=f"What runs goes on; {taken} until less is held.",
            hint="Give the machine or the container more memory, start more workers, or set "
            "BALEYBOTS_WORKER_MEMORY_MIB higher.",
        )

    def _while_short(self, bound: int, used: int) -> None:
        if used >= bound * WELL and self._runs.idle:
            used = self._after_giving_back()
        if used < bound * WELL:
            self.short = False
            self._runs.narrow(None)
            log.info("memory_well", resident_mib=used // MIB, bound_mib=bound // MIB)
        elif self._runs.idle and self._replace is not None:
            log.warning("worker_replaced", resident_mib=used // MIB, bound_mib=bound // MIB)
            replace, self._replace = self._replace, None
            replace()

    def _after_giving_back(self) -> int:
        now = self._system.monotonic()
        if now - self._gave_back_at >= AGAIN_SECONDS:
            self._gave_back_at = now
            self._system.give_back()
        return self._system.resident() or 0


def bound_of(settings: Settings) -> int | None:
    """In bytes; None where nothing can be measured."""
    if resident() is None:
        return None
    if settings.worker_memory_mib:
        return settings.worker_memory_mib * MIB
    most = allowed()
    return None if most is None else round(most * SHARE)
