"""What others wrote into the log of an execution that runs here: it is told by a notice, and found
in the log when the notice was lost, since every commit shows whether somebody else wrote."""

from __future__ import annotations

from typing import Any, Final, Protocol
from uuid import UUID

from server.engine.events import (
    ApprovalDecided,
    ApprovalExpired,
    EntityModified,
    ExecutionCancelRequested,
    ExecutionPauseRequested,
    ExecutionResumed,
)
from server.engine.store import Store

CONTROL_TOPIC: Final = "control"
READ_AT_ONCE: Final = 500


class Listener(Protocol):
    def cancel(self) -> None: ...

    def hold(self) -> None: ...

    def free(self) -> None: ...

    def modify(self, data: dict[str, Any]) -> None: ...

    def nudge(self) -> None: ...


class Heard:
    """Each event is acted on once and in order, however it came here. `seq` is the last event that
    was there when the run began."""

    def __init__(self, store: Store, execution_id: UUID, listener: Listener, seq: int) -> None:
        self._store = store
        self._id = execution_id
        self._listener = listener
        self._acted = seq
        self._read = seq

    def tell(self, seq: int, kind: str, data: dict[str, Any]) -> None:
        if seq <= self._acted:
            return
        self._acted = seq
        match kind:
            case ExecutionCancelRequested.TYPE:
                self._listener.cancel()
            case ExecutionPauseRequested.TYPE:
                self._listener.hold()
            case ExecutionResumed.TYPE:
                self._listener.free()
            case EntityModified.TYPE:
                self._listener.modify(data)
            case _:
                self._listener.nudge()

    async def look(self) -> None:
        """Reads what was written since the last look."""
        more = True
        while more:
            events = await self._store.events(self._id, self._read, READ_AT_ONCE)
            more = len(events) == READ_AT_ONCE
            for event in events:
                self._read = event.seq
                if event.type in FROM_OUTSIDE:
                    self.tell(event.seq, event.type, event.data or {})


FROM_OUTSIDE: Final = frozenset(
    {
        ExecutionCancelRequested.TYPE,
        ExecutionPauseRequested.TYPE,
        ExecutionResumed.TYPE,
        EntityModified.TYPE,
        ApprovalDecided.TYPE,
        ApprovalExpired.TYPE,
    }
)
