"""Asking a model for an entity's answer."""

from __future__ import annotations

import random
from collections.abc import Callable

from server.engine.door import ModelDoor
from server.engine.host import EntityCall
from server.engine.tool_loop import Tools, answer_with_tools
from server.engine.turns import Told, Turns
from server.llm.messages import DEMO_MODEL, ChatRequest, Delta, ModelAnswer
from server.llm.window import OnSent


class Asking:
    """`demo`: every model is the demo model."""

    def __init__(self, door: ModelDoor, demo: bool, jitter: Callable[[], float] = random.random):
        self._door = door
        self._demo = demo
        self._jitter = jitter

    async def ask(self, call: EntityCall, told: Told, tools: Tools) -> object:
        turns = Turns(call, self._models(call), told, self._jitter)
        return await answer_with_tools(call, turns.chat, tools, turns.keep)

    async def once(
        self,
        key: str,
        request: ChatRequest,
        on_delta: Callable[[Delta], None],
        on_sent: OnSent,
    ) -> ModelAnswer:
        """One attempt of one question."""
        return await self._door.chat(key, request, on_delta, on_sent)

    def _models(self, call: EntityCall) -> tuple[str | None, ...]:
        entity = call.entity
        return (DEMO_MODEL,) if self._demo else (entity.model, *entity.fallbacks)
