"""The waiting side of decisions: asks once, tells it once, rests until there is an answer."""

from __future__ import annotations

from typing import Any, Protocol

from server.core.ids import public_id
from server.engine.decisions import (
    ASKED,
    GIVEN,
    REMEDIES_TRIED,
    Deciding,
    Decision,
    Given,
    Question,
    permit_question,
    person_question,
    remedy_of,
    remedy_question,
)
from server.engine.events import ApprovalRequested, ExecutionEvent, RepairTried
from server.engine.host import EntityCall, Failure, Recorded, Remedy, StepFailed
from server.engine.resting import Waiting
from server.engine.writer import Identity
from server.tools.base import AskPerson


class Host(Protocol):
    @property
    def identity(self) -> Identity: ...

    def recall(self, key: str) -> Recorded | None: ...

    def remember(self, key: str, value: Any) -> None: ...

    def tell(self, event: ExecutionEvent, key: str) -> None: ...

    async def rest(self, key: str, waiting: Waiting) -> None: ...

    async def settle(self) -> None: ...

    def stands_still(
        self, key: str, reason: str, error: dict[str, Any] | None = None, *, again: bool = False
    ) -> None:
        """The step waits, and its row says so. `again`: it was told before."""
        ...

    def forget_failures(self, key: str) -> None: ...


class People:
    """`asked`: the steps that wait for a person now."""

    def __init__(self, host: Host, deciding: Deciding | None) -> None:
        self._host = host
        self._deciding = deciding
        self.asked: set[str] = set()

    async def permit(
        self, key: str, tool: str, arguments: dict[str, Any], entity: EntityCall | None
    ) -> dict[str, Any]:
        """The arguments as a person agreed to them."""
        question = permit_question(key, tool, arguments, None if entity is None else entity.entity)
        decision = await self.decide(question)
        match decision.verdict:
            case "approved":
                return arguments
            case "modified":
                return decision.arguments
            case "expired":
                message = f"Nobody decided in time whether `{tool}` may be used."
                raise StepFailed("approval_timeout", message, entity=tool)
            case "rejected":
                said = f": {decision.note}" if decision.note else "."
                message = f"{decision.by or 'Somebody'} refused `{tool}`{said}"
                raise StepFailed("approval_denied", message, entity=tool)

    async def answer(self, key: str, tool: str, asked: AskPerson, entity: EntityCall | None) -> Any:
        """What a person filled in."""
        question = person_question(key, tool, asked, None if entity is None else entity.entity)
        decision = await self.decide(question)
        match decision.verdict:
            case "approved":
                return decision.value
            case "rejected":
                said = f": {decision.note}" if decision.note else "."
                message = f"{decision.by or 'Somebody'} did not want to answer{said}"
                raise StepFailed("approval_denied", message, entity=tool)
            case _ if asked.otherwise:
                return asked.otherwise[0]
            case _:
                message = f"Nobody answered in time: {asked.message}"
                raise StepFailed("approval_timeout", message, entity=tool)

    async def remedy(
        self, key: str, failure: Failure, error: dict[str, Any], given: Given | None = None
    ) -> Remedy:
        """What to do about a failure. Before another try, what failed is forgotten."""
        earlier = self._host.recall(f"{key}{REMEDIES_TRIED}")
        number = 1 if earlier is None else earlier.output + 1
        question = remedy_question(key, number, failure, error.get("diagnosis"), given)
        decision = await self.decide(question, error)
        remedy = remedy_of(decision)
        self._tell_of_repair(question, remedy, decision, error)
        if remedy.action == "retry":
            if remedy.edited:
                self._host.remember(key + GIVEN, {"number": number, "value": remedy.value})
            self._host.forget_failures(key)
            self._host.remember(f"{key}{REMEDIES_TRIED}", number)
        return remedy

    def _tell_of_repair(
        self, question: Question, remedy: Remedy, decision: Decision, error: dict[str, Any]
    ) -> None:
        """Told once, however often the step is gone through again."""
        told = f"{question.key}#told"
        if remedy.action == "fail" or self._host.recall(told) is not None:
            return
        self._host.remember(told, True)
        diagnosis: dict[str, Any] = error.get("diagnosis") or {}
        tried = RepairTried(
            action="edit_and_retry" if remedy.edited else remedy.action,
            failure_class=diagnosis.get("class"),
            reason=question.words,
            by=decision.by,
        )
        self._host.tell(tried, question.step_key)

    async def decide(self, question: Question, error: dict[str, Any] | None = None) -> Decision:
        """Suspended while there is no decision and nothing else to do. A decision about other
        arguments does not count."""
        recorded = self._host.recall(question.key)
        if recorded is not None and recorded.output["hash"] == question.hash:
            return Decision.from_json(recorded.output)
        if self._deciding is None:
            message = f"A person would have to decide here: {question.words}"
            raise StepFailed("approval_required", message, entity=question.entity, catchable=False)
        await self._host.settle()
        while True:
            asked = await self._deciding.ask(self._host.identity, question)
            if asked.decision is not None:
                self.asked.discard(question.step_key)
                self._host.remember(question.key, asked.decision.to_json())
                return asked.decision
            approval_id = public_id("approval", asked.approval_id)
            self._tell(question, approval_id, asked.expires_at, error)
            await self._host.rest(question.step_key, Waiting(question.waiting))

    def _tell(
        self, question: Question, approval_id: str, expires_at: str, error: dict[str, Any] | None
    ) -> None:
        self.asked.add(question.step_key)
        told = question.key + ASKED
        earlier = self._host.recall(told)
        before = earlier is not None and earlier.output == approval_id
        self._host.stands_still(question.step_key, question.waiting.value, error, again=before)
        if before:
            return
        self._host.remember(told, approval_id)
        self._host.tell(
            ApprovalRequested(
                approval_id=approval_id,
                approval_kind=question.kind.value,
                tool=question.tool,
                arguments=question.shown,
                reason=question.reason,
                expires_at=expires_at,
            ),
            question.step_key,
        )
