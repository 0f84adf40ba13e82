"""Asking a model for an entity's answer: the engine alone waits and repeats.

Three tries per model with full jitter, then the next model of the entity's chain. What each try
cost and why it failed is told to `Told`, which makes events and usage rows of it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from server.engine.entities import answer_of
from server.engine.host import EntityCall, StepFailed
from server.llm.errors import ModelError
from server.llm.gateway import Gateway
from server.llm.messages import DEMO_MODEL, ChatRequest, Delta, ModelAnswer

TRIES = 3
BASE_SECONDS = 1.0
CAP_SECONDS = 60.0


class ModelFailure(StepFailed):
    """The last model's refusal, with what to do about it."""

    def __init__(self, error: ModelError, entity: str) -> None:
        super().__init__(error.kind.value, error.message, entity=entity)
        self.hint = error.hint or None


class Told(Protocol):
    """Who hears of each try."""

    def asked(self, key: str, model: str | None, try_number: int) -> None: ...

    def wrote(self, key: str, delta: Delta) -> None: ...

    def answered(self, key: str, answer: ModelAnswer) -> None: ...

    def failed(
        self, key: str, model: str | None, error: ModelError, number: int, retry_in: float | None
    ) -> None: ...

    async def ready(self) -> None:
        """Returns once everything said is durable: before each call leaves."""
        ...


class Asking:
    """`demo`: every model is the demo model."""

    def __init__(self, gateway: Gateway, demo: bool, jitter: Callable[[], float] = random.random):
        self._gateway = gateway
        self._demo = demo
        self._jitter = jitter

    async def ask(self, call: EntityCall, told: Told) -> object:
        models = (call.entity.model, *call.entity.fallbacks)
        for model in models[:-1]:
            try:
                return await self._answer(call, model, told)
            except ModelError:
                continue
        try:
            return await self._answer(call, models[-1], told)
        except ModelError as error:
            raise ModelFailure(error, call.entity.name) from error

    async def _answer(self, call: EntityCall, model: str | None, told: Told) -> object:
        named = DEMO_MODEL if self._demo else model

        async def chat(request: ChatRequest) -> ModelAnswer:
            return await self._tried(call, replace(request, model=named), told)

        return await answer_of(call, chat)

    async def _tried(self, call: EntityCall, request: ChatRequest, told: Told) -> ModelAnswer:
        tries = TRIES if call.entity.retries is None else call.entity.retries + 1
        number = 1
        while True:
            told.asked(call.key, request.model, number)
            await told.ready()
            try:
                return await self._once(call.key, request, told)
            except ModelError as error:
                wait = self._wait(error, number) if number < tries else None
                told.failed(call.key, request.model, error, number, wait)
                if wait is None:
                    raise
            await asyncio.sleep(wait)
            number += 1

    async def _once(self, key: str, request: ChatRequest, told: Told) -> ModelAnswer:
        answer = await self._gateway.chat(request, lambda delta: told.wrote(key, delta))
        told.answered(key, answer)
        return answer

    def _wait(self, error: ModelError, number: int) -> float | None:
        """None: another try would not help."""
        if not error.retryable:
            return None
        if error.retry_after is not None:
            return min(error.retry_after, CAP_SECONDS)
        return min(CAP_SECONDS, BASE_SECONDS * 2 ** (number - 1)) * self._jitter()
