"""Asking a model for an entity's answer."""

from __future__ import annotations

import random
from collections.abc import Callable

from server.engine.door import ModelDoor
from server.engine.host import EntityCall
from server.engine.tool_loop import Tools, answer_with_tools
from server.engine.turns import Told, Turns
from server.llm.messages import DEMO_MODEL, ChatRequest, Delta, Message, ModelAnswer
from server.llm.verdict import Chain
from server.llm.window import OnSent
from server.models.enums import ExecutionMode


class Asking:
    """In demo mode every model is the demo model; a recording knows no other one to ask."""

    def __init__(
        self,
        door: ModelDoor,
        mode: ExecutionMode = ExecutionMode.LIVE,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._door = door
        self._mode = mode
        self._jitter = jitter

    async def ask(
        self, call: EntityCall, told: Told, tools: Tools, history: tuple[Message, ...] = ()
    ) -> object:
        models, whose = await self._models(call)
        turns = Turns(call, models, told, self._jitter, whose)
        return await answer_with_tools(call, turns.chat, tools, turns.keep, history)

    async def once(
        self,
        key: str,
        request: ChatRequest,
        on_delta: Callable[[Delta], None],
        on_sent: OnSent,
    ) -> ModelAnswer:
        """One attempt of one question."""
        return await self._door.chat(key, request, on_delta, on_sent)

    async def _models(self, call: EntityCall) -> tuple[tuple[str | None, ...], Chain]:
        """Those that the program names, else those of the workspace."""
        entity = call.entity
        match self._mode:
            case ExecutionMode.DEMO:
                return (DEMO_MODEL,), "bot"
            case ExecutionMode.RECORDED:
                return (entity.model,), "bot"
            case ExecutionMode.LIVE:
                if entity.fallbacks or entity.no_fallbacks:
                    return (entity.model, *entity.fallbacks), "bot"
                others = [one for one in await self._door.fallbacks() if one != entity.model]
                return (entity.model, *others), "workspace"
