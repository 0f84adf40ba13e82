"""The one door to every model. A call of it is one attempt: an answer, or a ModelError that says
whether to try again. Waiting, repeating and changing the model are the engine's decisions.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from server.core.net.policy import NetPolicy, NetSettings
from server.llm import litellm_client
from server.llm.access import Access
from server.llm.board import Board, MemoryBoard
from server.llm.breaker import Circuits
from server.llm.catalogue import Catalogue, ModelFacts, catalogue
from server.llm.collector import Collector, OnDelta, TooMuch
from server.llm.demo import PACE, DemoModel
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.failures import (
    KEPT_OF_TOO_MUCH,
    cut_short,
    declined,
    nearest_served,
    timed_out,
    too_much,
    unreadable,
)
from server.llm.listing import Listing, ModelInfo
from server.llm.messages import ChatRequest, FinishReason, ModelAnswer, Usage
from server.llm.patience import Limits, Patience
from server.llm.pricing import cost_of
from server.llm.routing import ModelSettings, Route, Router
from server.llm.structured import ANSWER_TOOL, Modes
from server.llm.turnstile import Turnstile
from server.llm.wire import Call, make_call

if TYPE_CHECKING:
    from server.llm.fast import FastPath

# English prose; used only where a provider does not count, and then marked as estimated.
_CHARACTERS_PER_TOKEN = 4


class GatewaySettings(ModelSettings, NetSettings, Protocol):
    """The part of the settings that the gateway needs."""


@dataclass(frozen=True, slots=True)
class _Tools:
    """What a first call to a real model loads."""

    litellm: Any
    fast: FastPath
    known: Catalogue


class Gateway:
    """Belongs to the loop it is first used on; `close` it there."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        limits: Limits | None = None,
        demo_pace: float = PACE,
        use_fast_path: bool = True,
        policy: NetPolicy | None = None,
        board: Board | None = None,
    ) -> None:
        self.router = Router(settings)
        self._policy = policy or NetPolicy.of(settings)
        board = board or MemoryBoard()
        self.circuits = Circuits(board)
        self._modes = Modes()
        self._turnstile = Turnstile(board)
        self._limits = limits or Limits()
        self._demo = DemoModel(demo_pace)
        self._listing = Listing(self.router)
        self._use_fast_path = use_fast_path
        self._loading: asyncio.Task[_Tools] | None = None

    def route(self, model: str | None, access: Access | None = None) -> Route:
        """Where a call would go. Raises ModelError when it could go nowhere: ask before a run."""
        return self.router.route(model, access)

    async def models(self, today: date | None = None) -> list[ModelInfo]:
        """What a bot can name: the demo model and the models of providers that are set up."""
        return await self._listing.models(today or datetime.now(UTC).date())

    async def chat(self, request: ChatRequest, on_delta: OnDelta | None = None) -> ModelAnswer:
        """One attempt. Cancelling it closes the connection to the provider."""
        route = self.route(request.model, request.access)
        if route.is_demo:
            return await self._demo.chat(request, on_delta)
        tools = await self.prepare()
        provider = route.provider
        assert provider is not None
        facts = tools.known.find(provider, route.model)
        call = make_call(route, request, self._modes.mode(route, request, facts))
        fast = self._is_fast(route, facts)
        if not fast:
            await litellm_client.warmed()
        await self.circuits.admit(route)
        async with self._turnstile.through(request.access):
            try:
                answer = await self._asked(tools, call, fast, request, on_delta)
            except ModelError as error:
                await self.circuits.failed(route, error)
                await self._name_nearest(route, error)
                raise self._modes.refused(route, call.mode, error) from error.__cause__
        await self.circuits.passed(route)
        return answer

    async def prepare(self) -> _Tools:
        """Loads what calls to real models need, once, in a thread: some seconds."""
        if self._loading is None or (self._loading.done() and self._loading.exception()):
            self._loading = asyncio.create_task(asyncio.to_thread(_load, self._policy))
        return await asyncio.shield(self._loading)

    async def close(self) -> None:
        if self._loading is None:
            return
        tools = await self._loading
        await tools.fast.close()
        await litellm_client.close()

    async def _name_nearest(self, route: Route, error: ModelError) -> None:
        """Nobody but an endpoint of one's own knows what it serves."""
        if error.kind is ModelErrorKind.MODEL_UNKNOWN and route.api_base:
            from server.llm.served import served_models

            policy = None if route.trusted else self._policy
            served = await served_models(route.api_base, route.api_key, policy)
            error.hint = nearest_served(route, served)

    async def _asked(
        self,
        tools: _Tools,
        call: Call,
        fast: bool,
        request: ChatRequest,
        on_delta: OnDelta | None,
    ) -> ModelAnswer:
        started = perf_counter()
        collector = Collector(on_delta, ANSWER_TOOL if call.mode == "tool" else None)
        await self._attempt(tools, call, fast, collector, request.timeout)
        return _answer(tools.known, request, call.route, collector, started)

    async def _attempt(
        self,
        tools: _Tools,
        call: Call,
        fast: bool,
        collector: Collector,
        total: float | None,
    ) -> None:
        patience = Patience(self._limits, total)
        try:
            async with patience:
                if fast:
                    await tools.fast.complete(call, collector, patience)
                else:
                    await litellm_client.complete(
                        tools.litellm, self._policy, call, collector, patience
                    )
        except TimeoutError:
            raise timed_out(call.route, patience.why, collector.text) from None
        except TooMuch as error:
            raise too_much(call.route, str(error), collector.text[:KEPT_OF_TOO_MUCH]) from None

    def _is_fast(self, route: Route, facts: ModelFacts | None) -> bool:
        """Models of OpenAI's other API, and calls with extra arguments, take the slow way."""
        assert route.provider is not None
        talks = facts is None or facts.mode == "chat"
        return self._use_fast_path and bool(route.provider.fast) and talks and not route.extra


def _load(policy: NetPolicy) -> _Tools:
    from server.llm.fast import FastPath

    litellm = litellm_client.load()
    return _Tools(litellm, FastPath(litellm, policy), catalogue())


def _answer(
    known: Catalogue, request: ChatRequest, route: Route, collector: Collector, started: float
) -> ModelAnswer:
    ended = perf_counter()
    assert route.provider is not None
    text, calls = collector.text, collector.tool_calls
    _check_complete(route, collector)
    usage = collector.usage or _estimated(request, collector)
    model = collector.model or route.model
    first = collector.first_at
    return ModelAnswer(
        text=text,
        tool_calls=calls,
        usage=usage,
        requested_model=route.requested,
        model=model,
        provider=route.provider.name,
        cost=cost_of(known, route.provider, (route.model, model), usage),
        estimated=collector.usage is None,
        finish_reason=_finish(collector),
        ttft_ms=None if first is None else (first - started) * 1000,
        duration_ms=(ended - started) * 1000,
        reasoning=collector.reasoning,
    )


def _finish(collector: Collector) -> FinishReason:
    """A forced tool whose arguments are the answer is no call."""
    reason = collector.finish_reason or "stop"
    return "stop" if reason == "tool_calls" and not collector.tool_calls else reason


def _check_complete(route: Route, collector: Collector) -> None:
    """An answer, or the reason why this is none. Text that was cut off is still one, and marked by
    its finish reason; half a tool call is not."""
    text, calls, reason = collector.text, collector.tool_calls, collector.finish_reason
    if reason == "refusal" or (collector.refusal and not text):
        raise declined(route, collector.refusal or text, text)
    if reason == "length" and calls and calls[-1].read_arguments() is None:
        raise cut_short(route, "in the middle of a tool call", text)
    if text or calls:
        return
    if reason == "length":
        raise cut_short(route, "before it wrote any text")
    raise unreadable(route, "nothing")


def _estimated(request: ChatRequest, collector: Collector) -> Usage:
    asked = sum(len(message.content) for message in request.messages)
    made = len(collector.text) + len(collector.reasoning)
    made += sum(len(call.arguments) + len(call.name) for call in collector.tool_calls)
    return Usage(-(-asked // _CHARACTERS_PER_TOKEN), -(-made // _CHARACTERS_PER_TOKEN))
