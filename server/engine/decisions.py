"""A step that waits for a person. What is asked and what was decided is a row of its own, named by
a key of this execution; who keeps it stands above the engine and is handed in."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from server.bal.plan import EntityPlan, Plan
from server.bal.types import to_text
from server.bus.turns import Ready
from server.core.jsontext import dumps
from server.engine.host import Failure, Remedy
from server.engine.store import Store
from server.engine.writer import Identity
from server.models.enums import ApprovalKind, WaitingReason
from server.tools.base import AskPerson

EXPIRES_SECONDS: Final = 7 * 24 * 3600.0
MOST_SHOWN: Final = 4_000
MOST_EDITED: Final = 20_000
REMEDIES: Final = ("retry", "skip", "continue", "fail")
# The question about its failure, by number, and how many of them led to another try.
REMEDY: Final = "#remedy["
REMEDIES_TRIED: Final = "#remedies"
# Kept beside a step that a person tries again with something else than it was given.
GIVEN: Final = "#given"
PERMIT: Final = "#permit"
# Beside a question: it was put to people.
ASKED: Final = "#asked"

Verdict = Literal["approved", "rejected", "modified", "expired"]


@dataclass(frozen=True, slots=True)
class Question:
    """`key` names the question inside the execution, `step_key` the step that waits. `given` is
    shown where there are no arguments to agree to; of a failed step that may be tried again with
    something else (`editable`) it is what to begin with."""

    key: str
    step_key: str
    kind: ApprovalKind
    tool: str | None = None
    arguments: Any = None
    given: Any = None
    editable: bool = False
    entity: str | None = None
    goal: str | None = None
    reason: str | None = None
    choices: tuple[str, ...] = ()
    diagnosis: dict[str, Any] | None = None
    expires_in: float = EXPIRES_SECONDS
    waiting: WaitingReason = WaitingReason.APPROVAL

    @property
    def words(self) -> str:
        return self.reason or f"`{self.tool}`"

    @property
    def shown(self) -> Any:
        """What a person sees of what goes with it; of something long the beginning. Nobody edits
        half a value, so a long one is not shown for that."""
        if self.editable and len(dumps(self.given)) <= MOST_EDITED:
            return {**self.arguments, "given": self.given}
        if self.arguments is not None or self.given is None:
            return self.arguments
        text = dumps(self.given)
        return self.given if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"

    @property
    def hash(self) -> str:
        """A decision holds for these arguments and for no others; one about a failure for that."""
        tool = None if self.kind is ApprovalKind.REMEDY else self.tool
        return hashlib.sha256(dumps([tool, self.arguments]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Decision:
    """`action` is the choice where there were choices, `value` what goes with it; `arguments` are
    those that the person put in the place of what was asked for."""

    verdict: Verdict
    hash: str
    action: str | None = None
    arguments: Any = None
    value: Any = None
    note: str | None = None
    by: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Decision:
        known = cls.__slots__
        return cls(**{name: data[name] for name in known if name in data})


@dataclass(frozen=True, slots=True)
class Asked:
    approval_id: UUID
    expires_at: str
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What a failed step was given: the input of an entity, or the arguments of a `tool`."""

    value: Any
    tool: str | None = None


class Deciding(Protocol):
    """Keeps questions until somebody has decided."""

    async def ask(self, identity: Identity, question: Question) -> Asked:
        """The row of this question, made if it is not there, and its decision. One whose time is
        up is decided: expired."""
        ...


class Diagnosing(Protocol):
    """What failed, in words, and what helps."""

    def diagnose(
        self, error: dict[str, Any], step_type: str | None = None, *, waits: bool = False
    ) -> dict[str, Any]:
        """`step_type`: of the step that failed, where it is known; `waits`: it has not ended, and a
        person is asked what to do."""
        ...

    async def learn(self, store: Store, ended: Ready, plan: Plan | None) -> None:
        """An execution in which something failed has ended; never raises for that. `plan`: its
        program, where that can be read."""
        ...


def permit_question(
    key: str, tool: str, arguments: dict[str, Any], entity: EntityPlan | None
) -> Question:
    return Question(
        key=key + PERMIT,
        step_key=key,
        kind=ApprovalKind.TOOL,
        tool=tool,
        arguments=arguments,
        entity=None if entity is None else entity.name,
        goal=None if entity is None else entity.goal,
    )


def person_question(key: str, tool: str, asked: AskPerson, entity: EntityPlan | None) -> Question:
    fields = {one.name: to_text(one.type) for one in asked.fields.fields or ()}
    return Question(
        key=f"{key}#ask",
        step_key=key,
        kind=ApprovalKind.QUESTION,
        tool=tool,
        arguments={"message": asked.message, "to": asked.to, "fields": fields},
        entity=None if entity is None else entity.name,
        goal=None if entity is None else entity.goal,
        reason=asked.message,
        expires_in=EXPIRES_SECONDS if asked.seconds is None else asked.seconds,
    )


def remedy_question(
    key: str,
    number: int,
    failure: Failure,
    diagnosis: dict[str, Any] | None,
    given: Given | None = None,
) -> Question:
    return Question(
        key=f"{key}{REMEDY}{number}]",
        step_key=key,
        kind=ApprovalKind.REMEDY,
        tool=None if given is None else given.tool,
        arguments={"kind": failure.kind, "message": failure.message},
        given=None if given is None else given.value,
        editable=given is not None,
        entity=failure.entity,
        reason=failure.message,
        choices=REMEDIES,
        diagnosis=diagnosis,
    )


def remedy_of(decision: Decision) -> Remedy:
    """Approving means another try; who refuses, or says nothing in time, lets it fail."""
    match decision.action:
        case "retry" if decision.verdict == "modified":
            return Remedy("retry", decision.arguments, edited=True)
        case "retry":
            return Remedy("retry")
        case "skip":
            return Remedy("skip")
        case "continue":
            return Remedy("continue", decision.value)
        case "fail":
            return Remedy("fail")
        case _:
            return Remedy("retry" if decision.verdict == "approved" else "fail")
