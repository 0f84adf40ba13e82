"""Jumping about in a long execution: states that were folded once are kept packed, so that the next
jump folds only what lies between."""

from __future__ import annotations

from collections import OrderedDict
from uuid import UUID

from server.core.jsontext import dumps, loads
from server.engine.state import ExecutionState, fold
from server.engine.store import Store

EVERY = 1_000
KEPT_BYTES = 32 * 1024 * 1024

Place = tuple[UUID, int]


class Snapshots:
    """Events never change, so neither does what is kept here; the oldest make room."""

    def __init__(self, store: Store, every: int = EVERY, kept_bytes: int = KEPT_BYTES) -> None:
        self._store = store
        self._every = every
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[Place, str] = OrderedDict()
        self._bytes = 0

    async def at(self, execution_id: UUID, seq: int) -> ExecutionState:
        """After event `seq`, or after the last one there is."""
        state = self._nearest(execution_id, seq)
        while state.seq < seq:
            until = min(seq, (state.seq // self._every + 1) * self._every)
            wanted = until - state.seq
            events = await self._store.events(execution_id, state.seq, wanted)
            fold(events, state)
            if len(events) < wanted:
                break
            if state.seq % self._every == 0:
                self._keep((execution_id, state.seq), state)
        return state

    def _nearest(self, execution_id: UUID, seq: int) -> ExecutionState:
        for number in range(seq // self._every * self._every, 0, -self._every):
            text = self._kept.get((execution_id, number))
            if text is not None:
                self._kept.move_to_end((execution_id, number))
                return ExecutionState.from_json(loads(text))
        return ExecutionState()

    def _keep(self, place: Place, state: ExecutionState) -> None:
        if place in self._kept:
            return
        text = dumps(state.to_json())
        self._kept[place] = text
        self._bytes += len(text)
        while self._bytes > self._kept_bytes:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone)
