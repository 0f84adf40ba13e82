"""Asking a model, turn by turn. A turn that led to more is remembered and never asked for again;
after a failed attempt the engine waits and repeats, or goes on to the next model of the chain."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from server.core.money import from_decimal
from server.engine.door import OutOfBudget
from server.engine.host import EntityCall, Recorded, StepFailed
from server.engine.outcomes import Leaving
from server.engine.resting import Waiting
from server.llm.errors import ModelError
from server.llm.messages import ChatRequest, ModelAnswer
from server.llm.replays import answer_data, answer_of
from server.llm.verdict import TRIES, Chain, NextModel, Verdict, Wait, next_attempt
from server.models.enums import WaitingReason


class ModelFailure(StepFailed):
    """The last model's refusal, with what to do about it."""

    def __init__(self, error: ModelError, entity: str) -> None:
        hint = error.hint or None
        super().__init__(error.kind.value, error.message, entity=entity, hint=hint)


class Told(Protocol):
    """Who hears of each attempt, and keeps what must not be asked twice. `key` is the entity's,
    `turn` the key of one question inside it."""

    def now(self) -> datetime: ...

    def recall(self, key: str) -> Recorded | None: ...

    def remember(self, key: str, value: Any) -> None: ...

    def named(self, key: str, model: str | None) -> None:
        """The first model of the chain, whichever of it answers in the end."""
        ...

    def asked(self, key: str, model: str | None, try_number: int, repair: bool) -> None: ...

    def answered(self, key: str, answer: ModelAnswer) -> None: ...

    def answered_before(self, key: str, answer: ModelAnswer) -> None:
        """An answer of an earlier taking; it is paid for and told already."""
        ...

    def failed(
        self, key: str, model: str | None, error: ModelError, number: int, next: Verdict
    ) -> None: ...

    def go(self, action: str) -> None:
        """Suspended when a person holds the run and this action must not leave."""
        ...

    async def begin(self, key: str, leaving: Leaving) -> None:
        """Returns once everything said is durable: before each call leaves. What must not be
        repeated is refused here when an earlier taking has left in the middle of it."""
        ...

    def over(self, key: str, idempotent: bool) -> None:
        """The call has ended and may be made again. A good end needs no word: its result says so,
        and nothing may be written that looks like an end before the result is."""
        ...

    async def chat(self, key: str, request: ChatRequest) -> ModelAnswer: ...

    async def rest(self, key: str, waiting: Waiting) -> None: ...

    async def tools_cost(self, key: str) -> int:
        """Nano-dollars that the tools of this call have paid, and all that they have started."""
        ...


class Turns:
    """The questions of one call of an entity, in order."""

    def __init__(
        self,
        call: EntityCall,
        models: tuple[str | None, ...],
        told: Told,
        jitter: Callable[[], float] = random.random,
        whose: Chain = "bot",
    ) -> None:
        self._call = call
        self._whose: Chain = whose
        self._models = models
        self._told = told
        self._jitter = jitter
        self._number = 0
        self._place = 0
        self._recalled = False
        self._cost = 0

    async def chat(self, request: ChatRequest) -> ModelAnswer:
        """The model that answered the last question is asked the next one, too."""
        self._number += 1
        self._told.named(self._call.key, self._models[0])
        recorded = self._told.recall(self._key)
        self._recalled = recorded is not None
        if recorded is None:
            left = await self._left()
            answer = await self._tried(request if left is None else replace(request, budget=left))
            self._cost += answer.cost or 0
            return answer
        answer = answer_of(recorded.output["answer"])
        self._place = recorded.output["place"]
        self._cost += answer.cost or 0
        self._told.answered_before(self._call.key, answer)
        return answer

    def keep(self, answer: ModelAnswer) -> None:
        if not self._recalled:
            self._told.remember(self._key, {"place": self._place, "answer": answer_data(answer)})

    async def _left(self) -> int | None:
        """What is left of the entity's own budget for this call of it."""
        budget = self._call.entity.budget
        if budget is None:
            return None
        paid = self._cost + await self._told.tools_cost(self._call.key)
        return from_decimal(Decimal(str(budget))) - paid

    @property
    def _key(self) -> str:
        return turn_key(self._call, self._number)

    @property
    def _action(self) -> str:
        """The first question and the entity's own beginning are one action."""
        return self._call.key if self._number == 1 else self._key

    async def _tried(self, request: ChatRequest) -> ModelAnswer:
        """A wait may end this taking of the execution: what was tried is remembered before it."""
        number = await self._where_it_stood()
        while True:
            number += 1
            model = self._models[self._place]
            try:
                asked = request if request.model == model else replace(request, model=model)
                return await self._once(asked, number)
            except ModelError as error:
                number = await self._after_failure(number, model, error)
            except OutOfBudget as out:
                number -= 1
                await self._wait_for_budget(out)

    async def _after_failure(self, number: int, model: str | None, error: ModelError) -> int:
        """How many tries the model that is asked next has had."""
        verdict = self._verdict(number, error)
        self._told.failed(self._call.key, model, error, number, verdict)
        match verdict:
            case Wait(seconds):
                await self._wait(number, seconds)
                return number
            case NextModel():
                self._place += 1
                self._note(0, self._told.now())
                return 0
            case _:
                raise ModelFailure(error, self._call.entity.name) from error

    async def _wait_for_budget(self, out: OutOfBudget) -> None:
        """Nothing has left. Whoever raises the budget wakes the run."""
        if not out.ask:
            raise out.failure(self._call.entity.name) from out
        await self._told.rest(self._key, Waiting(WaitingReason.BUDGET, out.until))

    async def _once(self, request: ChatRequest, number: int) -> ModelAnswer:
        call, told = self._call, self._told
        told.go(self._action)
        idempotent = call.entity.idempotent
        told.asked(call.key, request.model, number, request.repair)
        leaving = Leaving(call.entity.name, call.key, call.input, idempotent)
        await told.begin(self._key, leaving)
        try:
            answer = await told.chat(call.key, request)
        except (ModelError, OutOfBudget):
            told.over(self._key, idempotent)
            raise
        told.answered(call.key, answer)
        return answer

    def _verdict(self, number: int, error: ModelError) -> Verdict:
        retries = self._call.entity.retries
        return next_attempt(
            number,
            self._models[self._place + 1 :],
            error,
            tries=TRIES if retries is None else retries + 1,
            whose=self._whose,
            jitter=self._jitter,
        )

    async def _wait(self, number: int, seconds: float) -> None:
        until = self._told.now() + timedelta(seconds=seconds)
        self._note(number, until)
        await self._told.rest(self._key, Waiting(WaitingReason.RETRY, until))

    def _note(self, number: int, until: datetime) -> None:
        """Neither a wait nor a lost worker gives tries back."""
        tried = {"number": number, "place": self._place, "until": until.isoformat()}
        self._told.remember(f"{self._key}#tries", tried)

    async def _where_it_stood(self) -> int:
        recorded = self._told.recall(f"{self._key}#tries")
        if recorded is None:
            return 0
        tried = recorded.output
        self._place = min(tried["place"], len(self._models) - 1)
        until = datetime.fromisoformat(tried["until"])
        await self._told.rest(self._key, Waiting(WaitingReason.RETRY, until))
        return tried["number"]


def turn_key(call: EntityCall, number: int) -> str:
    again = f"~{call.again + 1}" if call.again else ""
    return f"{call.key}/turn[{number}]{again}"
