"""What all workers know together about providers: failures in a row, whose turn it is, how many
calls are under way. One process keeps it in memory; several share it over Redis (`board_redis`).

Times are seconds of one wall clock, handed in.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Protocol

# Failures further apart than this are not "in a row".
FORGET_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """`opened_at` None: closed, with some failures noted."""

    failures: int
    failed_at: float
    opened_at: float | None
    why: str


class Board(Protocol):
    async def failed(self, key: str, threshold: int, why: str, now: float) -> Circuit:
        """One more failure; at the threshold, and at each failure after it, the circuit opens."""
        ...

    async def forget(self, key: str) -> None: ...

    async def circuits(self) -> dict[str, Circuit]: ...

    async def probe(self, key: str, seconds: float, now: float) -> bool:
        """Whether the caller is the one who may try, for so many seconds."""
        ...

    async def turn(self, key: str, interval: float, burst: int, now: float) -> float:
        """Takes the next turn of an even row; gives the seconds until it comes."""
        ...

    async def enter(self, key: str, most: int, holder: str, until: float, now: float) -> bool:
        """Takes, or keeps, one of so many places until then."""
        ...

    async def leave(self, key: str, holder: str) -> None: ...


class MemoryBoard:
    def __init__(self) -> None:
        self._circuits: dict[str, Circuit] = {}
        self._probes: dict[str, float] = {}
        self._turns: dict[str, float] = {}
        self._places: dict[str, dict[str, float]] = defaultdict(dict)

    async def failed(self, key: str, threshold: int, why: str, now: float) -> Circuit:
        old = self._circuits.get(key)
        fresh = old is None or (old.opened_at is None and now - old.failed_at > FORGET_SECONDS)
        before = 0 if fresh or old is None else old.failures
        found = Circuit(before + 1, now, None, why)
        if found.failures >= threshold:
            found = replace(found, opened_at=now)
        self._circuits[key] = found
        self._probes.pop(key, None)
        return found

    async def forget(self, key: str) -> None:
        self._circuits.pop(key, None)
        self._probes.pop(key, None)

    async def circuits(self) -> dict[str, Circuit]:
        return dict(self._circuits)

    async def probe(self, key: str, seconds: float, now: float) -> bool:
        if self._probes.get(key, now) > now:
            return False
        self._probes[key] = now + seconds
        return True

    async def turn(self, key: str, interval: float, burst: int, now: float) -> float:
        ahead = max(self._turns.get(key, now), now)
        self._turns[key] = ahead + interval
        return max(0.0, ahead - now - interval * (burst - 1))

    async def enter(self, key: str, most: int, holder: str, until: float, now: float) -> bool:
        places = {one: end for one, end in self._places[key].items() if end > now}
        self._places[key] = places
        if holder not in places and len(places) >= most:
            return False
        places[holder] = until
        return True

    async def leave(self, key: str, holder: str) -> None:
        self._places[key].pop(holder, None)
