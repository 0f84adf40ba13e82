"""What the executions of a conversation say, as pieces of text: gathered for a moment, so that a
fast model is a few messages a second. Nothing waits for whoever reads slowly: the next batch is
taken once the last one was, and what came meanwhile is read from the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.engine.log import EventBatch, WireEvent
from server.models.enums import ExecutionStatus, WaitingReason
from server.models.tables import Step

MOST_CHARACTERS = 64 * 1024
_ENDS = {"step.completed", "step.failed", "step.cancelled"}
_GOES_ON = {"execution.started", "execution.resumed", "execution.handed_back"}
_STATUS = {
    "execution.completed": ExecutionStatus.COMPLETED,
    "execution.failed": ExecutionStatus.FAILED,
    "execution.cancelled": ExecutionStatus.CANCELLED,
    "execution.timed_out": ExecutionStatus.TIMED_OUT,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """`again`: what was said of this step before counts no more. `ended`: nothing more of it."""

    step_key: str
    entity: str
    attempt: int
    text: str
    again: bool
    ended: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """Of one execution, of none while nothing has been said. `done`: this execution has ended."""

    execution_id: UUID | None
    last_seq: int = 0
    pieces: Sequence[Piece] = ()
    caught_up: bool = True
    done: bool = False
    status: ExecutionStatus | None = None
    waiting: WaitingReason | None = None


@dataclass(slots=True)
class _Text:
    attempt: int
    text: str = ""
    again: bool = False
    ended: bool = False


class Gathered:
    """What of one execution was heard and not yet told. Taken up in the middle, nobody knows which
    steps have spoken before: said once too often, `again` and `ended` do no harm."""

    def __init__(self, execution_id: UUID, after: int) -> None:
        self.last_seq = after
        self.done = False
        self.news = False
        self._id = execution_id
        self._taken_up = after > 0
        self._resumed = False
        self._caught_up = False
        self._status: ExecutionStatus | None = None
        self._waiting: WaitingReason | None = None
        self._names: dict[str, str] = {}
        self._attempts: dict[str, int] = {}
        self._texts: dict[str, _Text] = {}
        self._broken: set[str] = set()

    @property
    def full(self) -> bool:
        return sum(len(one.text) for one in self._texts.values()) >= MOST_CHARACTERS

    def add(self, batch: EventBatch) -> None:
        for event in batch.events:
            self._hear(event)
        if batch.caught_up and not self._caught_up:
            self._caught_up = self.news = True
        if batch.done:
            self.done = self.news = True
        self.last_seq = batch.last_seq

    async def frame(self) -> Frame:
        await self._learn_names()
        pieces = [
            Piece(key, self._names[key], one.attempt, one.text, one.again, one.ended)
            for key, one in self._texts.items()
        ]
        self._texts, self.news = {}, False
        return Frame(
            self._id,
            self.last_seq,
            pieces,
            self._caught_up,
            self.done,
            self._status,
            None if self.done else self._waiting,
        )

    def _hear(self, event: WireEvent) -> None:
        kind, key, data = event["type"], event.get("stepKey") or "", event.get("data") or {}
        if kind == "step.started":
            self._names[key] = data.get("name") or key
            if self._may_have_spoken(key):
                self._broken.add(key)
        elif kind == "step.delta":
            self._speak(key, event.get("attempt") or 0, data)
        elif kind == "model.failed" and self._may_have_spoken(key):
            self._broken.add(key)
        elif kind in _ENDS and self._may_have_spoken(key):
            self._text(key, self._attempts.get(key, event.get("attempt") or 0)).ended = True
        elif kind == "execution.waiting":
            self._waits(data.get("reason"))
        elif kind in _GOES_ON:
            self._goes_on(bool(data.get("resumed")))
        elif kind in _STATUS:
            self._status = _STATUS[kind]

    def _speak(self, key: str, attempt: int, data: dict[str, Any]) -> None:
        if data.get("kind", "text") != "text":
            return
        before = self._attempts.get(key)
        later = self._resumed if before is None else attempt > before
        anew = key in self._broken or later
        self._broken.discard(key)
        self._attempts[key] = attempt
        if anew:
            self._texts[key] = _Text(attempt, again=True)
            self.news = True
        self._text(key, attempt).text += str(data.get("text") or "")

    def _text(self, key: str, attempt: int) -> _Text:
        self.news = True
        return self._texts.setdefault(key, _Text(attempt))

    def _may_have_spoken(self, key: str) -> bool:
        return self._taken_up or key in self._attempts

    def _goes_on(self, resumed: bool) -> None:
        self._resumed |= resumed and self._taken_up
        if self._waiting is not None:
            self._waiting, self.news = None, True

    def _waits(self, reason: str | None) -> None:
        self._waiting = WaitingReason(reason) if reason in set(WaitingReason) else None
        self.news = True

    async def _learn_names(self) -> None:
        """Of steps that had started before the place from which it goes on."""
        strange = [key for key in self._texts if key not in self._names]
        if strange:
            rows = Step.filter(execution_id=self._id, key__in=strange)
            self._names |= {row.key: row.name for row in await rows.only("key", "name")}
            self._names |= {key: key for key in strange if key not in self._names}
