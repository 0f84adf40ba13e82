"""A gateway whose models say what a test wants, when it wants it. It stands where the engine ends:
what real providers do is tested against the scripted model server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from server.core.jsontext import dumps
from server.llm.access import Access
from server.llm.collector import OnDelta
from server.llm.errors import ModelError
from server.llm.messages import ChatRequest, Delta, ModelAnswer, ToolCall, Usage
from server.llm.routing import Route
from server.llm.window import OnSent


@dataclass(frozen=True)
class Asks:
    """An answer that calls tools: names and arguments, as an object or as the model's own text."""

    calls: tuple[tuple[str, Any], ...]
    text: str = ""


def asks(*calls: tuple[str, Any], text: str = "") -> Asks:
    return Asks(calls, text)


Said = str | ModelError | Asks
Answer = Said | Callable[[ChatRequest], Said]


@dataclass
class ScriptedGateway:
    """`answers`: what each model says, the last one again and again; an unknown model repeats its
    input. `held`: calls of these models wait until they are let go; `takes`: for how many seconds
    these models think."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    takes: dict[str, float] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    asked: dict[str, asyncio.Event] = field(default_factory=dict)
    hung_up: list[str] = field(default_factory=list)
    unreachable: dict[str, ModelError] = field(default_factory=dict)
    requests: list[ChatRequest] = field(default_factory=list)

    def route(self, model: str | None, access: Access | None = None) -> Route:
        """Of a provider that costs nothing beforehand, so that no quote is made."""
        if model in self.unreachable:
            raise self.unreachable[model]
        return Route(model or "none", None, model or "none")

    def hold(self, model: str) -> asyncio.Event:
        self.asked[model] = asyncio.Event()
        return self.held.setdefault(model, asyncio.Event())

    async def chat(
        self,
        request: ChatRequest,
        on_delta: OnDelta | None = None,
        on_sent: OnSent | None = None,
    ) -> ModelAnswer:
        model = request.model or "none"
        self.requests.append(request)
        place = self.calls[model]
        self.calls[model] += 1
        if model in self.held:
            if on_delta is not None:
                on_delta(Delta("text", "half an "))
            self.asked[model].set()
            try:
                await self.held[model].wait()
            except asyncio.CancelledError:
                self.hung_up.append(model)
                raise
        if model in self.takes:
            await asyncio.sleep(self.takes[model])
        return self._answer(request, model, place, on_delta)

    async def close(self) -> None:
        """Nothing was opened."""

    def _answer(
        self, request: ChatRequest, model: str, place: int, on_delta: OnDelta | None
    ) -> ModelAnswer:
        script = self.answers.get(model) or [lambda asked: asked.messages[-1].content]
        answer = script[min(place, len(script) - 1)]
        said = answer(request) if callable(answer) else answer
        if isinstance(said, ModelError):
            raise said
        text = said.text if isinstance(said, Asks) else said
        calls = _tool_calls(said, place) if isinstance(said, Asks) else ()
        for word in text.split(" ") if on_delta is not None else ():
            assert on_delta is not None
            on_delta(Delta("text", word + " "))
        return ModelAnswer(
            text=text,
            tool_calls=calls,
            usage=Usage(input_tokens=10, output_tokens=5),
            requested_model=model,
            model=f"{model}-1",
            provider="scripted",
            cost=2_000,
            estimated=False,
            finish_reason="tool_calls" if calls else "stop",
            ttft_ms=1.0,
            duration_ms=2.0,
        )


def _tool_calls(said: Asks, place: int) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(
            f"call_{place}_{number}",
            name,
            arguments if isinstance(arguments, str) else dumps(arguments),
        )
        for number, (name, arguments) in enumerate(said.calls)
    )
