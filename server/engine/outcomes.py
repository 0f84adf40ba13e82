"""Calls that must not be repeated: an intent stands before each, and when a worker is lost between
the intent and the outcome, a person says what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from server.engine.decisions import Decision, Question
from server.engine.events import ExecutionEvent, StepOutcomeUnknown
from server.engine.host import Recorded, StepFailed
from server.models.enums import ApprovalKind, WaitingReason

INTENT: Final = "#intent"
ACTIONS: Final = ("retry", "skip", "done")


@dataclass(frozen=True, slots=True)
class Leaving:
    """A call before it leaves: `step` makes it, `given` is what goes with it, for whoever has to
    find out at the other side whether it came. `looks`: only at what became of an earlier one, so
    that it is not one more."""

    name: str
    step: str
    given: Any
    idempotent: bool
    looks: bool = False


class Decided(Exception):
    """A person has decided in place of the call: it was done, with this result, or is skipped."""

    def __init__(self, action: str, result: Any) -> None:
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


class People(Protocol):
    async def decide(self, question: Question) -> Decision:
        """Suspended while there is no decision."""
        ...


class Outcomes:
    def __init__(self, host: Host, people: People) -> None:
        self._host = host
        self._people = people

    async def begin(self, key: str, leaving: Leaving) -> None:
        """Records the intent. When one of an earlier taking is open: waits for the decision, and
        raises it unless it is to try again."""
        number, open_ = self._intent(key)
        if open_:
            await self._settle(key, leaving, number)
        self._host.remember(intent_key(key), {"open": True, "number": number + 1})

    def over(self, key: str) -> None:
        number, _ = self._intent(key)
        self._host.remember(intent_key(key), {"open": False, "number": number})

    def _intent(self, key: str) -> tuple[int, bool]:
        """How often the call has left, and whether the last time is without an outcome."""
        recorded = self._host.recall(intent_key(key))
        if recorded is None:
            return 0, False
        return recorded.output["number"], recorded.output["open"]

    async def _settle(self, key: str, leaving: Leaving, number: int) -> None:
        name = leaving.name
        question = outcome_question(key, leaving, number)
        if self._host.recall(f"{question.key}#unknown") is None:
            self._host.remember(f"{question.key}#unknown", True)
            self._host.tell(StepOutcomeUnknown(name=name), leaving.step)
        decision = await self._people.decide(question)
        if decision.action not in ACTIONS:
            message = f"Nobody said whether `{name}` was done, so it counts as failed."
            raise StepFailed("outcome_unknown", message, entity=name)
        if decision.action != "retry":
            raise Decided(decision.action, decision.value)


def nobody_knows(tool: str) -> StepFailed:
    """What a model is told of its call when a person goes on without it."""
    message = (
        f"It is not known whether `{tool}` was done: it was broken off, and a person chose to go "
        "on without its result. Do not take it for done."
    )
    return StepFailed("outcome_unknown", message, entity=tool)


def outcome_question(key: str, leaving: Leaving, number: int) -> Question:
    """`number` is which of its leavings has no outcome: a later one is another question."""
    return Question(
        key=f"{key}#outcome[{number}]",
        step_key=leaving.step,
        kind=ApprovalKind.OUTCOME,
        tool=leaving.name,
        given=leaving.given,
        reason=(
            f"`{leaving.name}` was at work when its worker was lost or the run was broken off. It "
            "must not be done twice: say whether it was done, or to try again, or to go on "
            "without it."
        ),
        choices=ACTIONS,
        waiting=WaitingReason.OUTCOME_UNKNOWN,
    )


def intent_key(key: str) -> str:
    return key + INTENT
