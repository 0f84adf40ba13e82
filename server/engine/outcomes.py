"""Calls that must not be repeated: an intent stands before each, and when a worker is lost between
the intent and the outcome, a person says what became of it."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from server.engine.events import ExecutionEvent, StepOutcomeUnknown
from server.engine.host import Recorded
from server.engine.resting import Waiting
from server.models.enums import WaitingReason

Action = Literal["retry", "skip", "done"]


class Decided(Exception):
    """A person has decided in place of the call: it was done, with this result, or is skipped."""

    def __init__(self, action: Action, result: Any) -> None:
        super().__init__(action)
        self.action = action
        self.result = result

    def value(self, given: Any) -> Any:
        """A step that is skipped passes on what it was given."""
        return self.result if self.action == "done" else given


class Host(Protocol):
    def recall(self, key: str) -> Recorded | None: ...

    def remember(self, key: str, value: Any) -> None: ...

    def tell(self, event: ExecutionEvent, key: str) -> None: ...

    async def rest(self, key: str, waiting: Waiting) -> None: ...


class Outcomes:
    def __init__(self, host: Host) -> None:
        self._host = host

    async def begin(self, key: str, name: str) -> None:
        """Records the intent. When one of an earlier taking is open: waits for the decision, and
        raises it unless it is to try again."""
        number, open_ = self._intent(key)
        if open_:
            await self._settle(key, name, number)
        self._host.remember(intent_key(key), {"open": True, "number": number + 1})

    def over(self, key: str) -> None:
        number, _ = self._intent(key)
        self._host.remember(intent_key(key), {"open": False, "number": number})

    def _intent(self, key: str) -> tuple[int, bool]:
        """How often the call has left, and whether the last time is without an outcome."""
        recorded = self._host.recall(intent_key(key))
        return (
            (0, False)
            if recorded is None
            else (
                recorded.output["number"],
                recorded.output["open"],
            )
        )

    async def _settle(self, key: str, name: str, number: int) -> None:
        asked = outcome_key(key, number)
        if self._host.recall(f"{asked}#asked") is None:
            self._host.remember(f"{asked}#asked", True)
            self._host.tell(StepOutcomeUnknown(name=name, decision_key=asked), key)
        while (decision := self._host.recall(asked)) is None:
            await self._host.rest(key, Waiting(WaitingReason.OUTCOME_UNKNOWN))
        action = decision.output["action"]
        if action != "retry":
            raise Decided(action, decision.output.get("value"))


def intent_key(key: str) -> str:
    return f"{key}#intent"


def outcome_key(key: str, number: int) -> str:
    """Where the decision about that time is recorded, as a remembered value:
    `{"action": "retry" | "skip" | "done", "value": ...}`."""
    return f"{key}#outcome[{number}]"
