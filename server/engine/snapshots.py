"""Jumping about in a long execution: states that were folded once are kept packed, so that the next
jump folds only what lies between.

A state is kept again once as much has happened as it is large, so all keeping together costs no
more than folding, however long the execution is. Folding and packing leave the event loop free."""

from __future__ import annotations

import asyncio
import zlib
from bisect import bisect_right, insort
from collections import OrderedDict
from itertools import chain
from uuid import UUID

from server.core.jsontext import loads, written
from server.engine.state import ExecutionState, fold
from server.engine.store import Store

EVERY = 1_000
KEPT_BYTES = 32 * 1024 * 1024
STEPS_AT_ONCE = 1_000

Place = tuple[UUID, int]
Packed = tuple[bytes, ...]


class Snapshots:
    """Events never change, so neither does what is kept here; the oldest make room. `every`: so
    many events are read and folded at once, and one state is kept of as many at most."""

    def __init__(self, store: Store, every: int = EVERY, kept_bytes: int = KEPT_BYTES) -> None:
        self._store = store
        self._every = every
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[Place, Packed] = OrderedDict()
        self._places: dict[UUID, list[int]] = {}
        self._bytes = 0

    async def at(self, execution_id: UUID, seq: int) -> ExecutionState:
        """After event `seq`, or after the last one there is."""
        state = await self._nearest(execution_id, seq)
        kept_at = state.seq
        while state.seq < seq:
            wanted = min(seq - state.seq, self._every)
            events = await self._store.events(execution_id, state.seq, wanted)
            await asyncio.to_thread(fold, events, state)
            if state.seq - kept_at >= max(self._every, len(state.steps)):
                kept_at = state.seq
                self._keep((execution_id, kept_at), await asyncio.to_thread(_packed, state))
            if len(events) < wanted:
                break
        return state

    async def _nearest(self, execution_id: UUID, seq: int) -> ExecutionState:
        places = self._places.get(execution_id, [])
        before = bisect_right(places, seq)
        if not before:
            return ExecutionState()
        place = (execution_id, places[before - 1])
        self._kept.move_to_end(place)
        return await asyncio.to_thread(_unpacked, self._kept[place])

    def _keep(self, place: Place, packed: Packed) -> None:
        if place in self._kept or _size(packed) > self._kept_bytes:
            return
        self._kept[place] = packed
        insort(self._places.setdefault(place[0], []), place[1])
        self._bytes += _size(packed)
        while self._bytes > self._kept_bytes:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        (execution_id, seq), gone = self._kept.popitem(last=False)
        self._bytes -= _size(gone)
        places = self._places[execution_id]
        places.remove(seq)
        if not places:
            del self._places[execution_id]


def _packed(state: ExecutionState) -> Packed:
    """In pieces: nothing else of the process runs while one is read or written."""
    pieces = chain([state.own()], state.steps_by(STEPS_AT_ONCE))
    return tuple(zlib.compress(written(one), level=1) for one in pieces)


def _unpacked(packed: Packed) -> ExecutionState:
    data, *pieces = (loads(zlib.decompress(one)) for one in packed)
    return ExecutionState.from_json({**data, "steps": dict(chain.from_iterable(pieces))})


def _size(packed: Packed) -> int:
    return sum(map(len, packed))
