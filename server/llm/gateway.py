"""The one door to every model. A call of it is one attempt: an answer, or a ModelError that says
whether to try again. Waiting, repeating and changing the model are the engine's decisions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Protocol

from server.core.net.policy import NetPolicy, NetSettings
from server.core.step_time import resting
from server.llm import litellm_client
from server.llm.access import Access
from server.llm.answers import answer_from, half_of
from server.llm.board import Board, MemoryBoard
from server.llm.breaker import Circuits
from server.llm.catalogue import Catalogue, catalogue
from server.llm.collector import Collector, OnDelta, TooMuch
from server.llm.demo import PACE, DemoModel
from server.llm.errors import ModelError, ModelErrorKind, leave_half
from server.llm.failures import (
    KEPT_OF_TOO_MUCH,
    check_talks,
    nearest_served,
    timed_out,
    too_much,
)
from server.llm.images import check_images, loaded
from server.llm.listing import Listing, ModelInfo
from server.llm.messages import ChatRequest, ModelAnswer
from server.llm.patience import Limits, Patience
from server.llm.routing import ModelSettings, Route, Router
from server.llm.structured import ANSWER_TOOL, Modes
from server.llm.turnstile import Turnstile, is_open
from server.llm.window import OnSent, Sizes, fitted, sent_of, sizes_of
from server.llm.wire import Call, make_call

if TYPE_CHECKING:
    from server.llm.fast import FastPath


class GatewaySettings(ModelSettings, NetSettings, Protocol):
    """The part of the settings that the gateway needs."""


@dataclass(frozen=True, slots=True)
class _Tools:
    """What a first call to a real model loads."""

    litellm: Any
    fast: FastPath
    known: Catalogue


@dataclass(frozen=True, slots=True)
class _Asking:
    """One attempt, on its way."""

    call: Call
    fast: bool
    request: ChatRequest
    sizes: Sizes
    on_delta: OnDelta | None


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
        clock: Callable[[], float] = time,
    ) -> None:
        self.router = Router(settings)
        self._policy = policy or NetPolicy.of(settings)
        board = board or MemoryBoard()
        self.circuits = Circuits(board, clock)
        self._modes = Modes()
        self._turnstile = Turnstile(board, clock)
        self._limits = limits or Limits()
        self._demo = DemoModel(demo_pace)
        self._listing = Listing(self.router)
        self._use_fast_path = use_fast_path
        self._loading: asyncio.Task[_Tools] | None = None
        self._tools: _Tools | None = None

    def route(self, model: str | None, access: Access | None = None) -> Route:
        """Where a call would go. Raises ModelError when it could go nowhere: ask before a run."""
        return self.router.route(model, access)

    async def models(self, today: date | None = None) -> list[ModelInfo]:
        """What a bot can name: the demo model and the models of providers that are set up."""
        return await self._listing.models(today or datetime.now(UTC).date())

    async def chat(
        self,
        request: ChatRequest,
        on_delta: OnDelta | None = None,
        on_sent: OnSent | None = None,
    ) -> ModelAnswer:
        """One attempt. Cancelling it closes the connection to the provider. `on_sent` hears what
        exactly is about to leave."""
        route = self.route(request.model, request.access)
        if route.is_demo:
            if on_sent is not None:
                on_sent(sent_of(make_call(route, request, "native"), sizes_of(request)))
            return await self._demo.chat(request, on_delta)
        tools = self._tools or await self.prepare()
        assert route.provider is not None
        facts = tools.known.find(route.provider, route.model)
        check_talks(route, facts)
        check_images(request, route, facts)
        request = await loaded(request, self._policy)
        window = facts.context if facts else None
        request, left_out = fitted(request, window)
        call = make_call(route, request, self._modes.mode(route, request, facts))
        fast = self._use_fast_path and tools.fast.carries(call, facts)
        asking = _Asking(call, fast, request, sizes_of(request), on_delta)
        try:
            await self.circuits.admit(route)
            sent = None
            if on_sent is not None:
                sent = partial(on_sent, sent_of(call, asking.sizes, left_out, window))
            answer = await self._guarded(tools, asking, sent)
        except ModelError as error:
            _name(route, error)
            raise
        return replace(answer, left_out=len(left_out)) if left_out else answer

    async def prepare(self) -> _Tools:
        """Loads what calls to real models need, once, in a thread: some seconds."""
        if self._loading is None or (self._loading.done() and self._loading.exception()):
            self._loading = asyncio.create_task(asyncio.to_thread(_load, self._policy))
        with resting():  # a step that may last a second is not over before it asked
            tools = await asyncio.shield(self._loading)
        self._tools = tools
        return tools

    async def close(self) -> None:
        if self._loading is None:
            return
        tools = await self._loading
        await tools.fast.close()
        await litellm_client.close()

    async def _guarded(
        self, tools: _Tools, asking: _Asking, sent: Callable[[], None] | None
    ) -> ModelAnswer:
        access, route = asking.request.access, asking.call.route
        if is_open(access):
            answer = await self._once(tools, asking, sent)
        else:
            async with self._turnstile.through(access):
                answer = await self._once(tools, asking, sent)
        await self.circuits.passed(route)
        return answer

    async def _once(
        self, tools: _Tools, asking: _Asking, sent: Callable[[], None] | None
    ) -> ModelAnswer:
        if sent is not None:
            sent()
        route = asking.call.route
        try:
            return await self._asked(tools, asking)
        except ModelError as error:
            await self.circuits.failed(route, error)
            await self._name_nearest(route, error)
            raise self._modes.refused(route, asking.call.mode, error) from error.__cause__

    async def _name_nearest(self, route: Route, error: ModelError) -> None:
        """Nobody but an endpoint of one's own knows what it serves."""
        if error.kind is ModelErrorKind.MODEL_UNKNOWN and route.api_base:
            from server.llm.served import served_models

            policy = None if route.trusted else self._policy
            served = await served_models(route.api_base, route.api_key, policy)
            error.hint = nearest_served(route, served)

    async def _asked(self, tools: _Tools, asking: _Asking) -> ModelAnswer:
        if not asking.fast:
            await litellm_client.warmed()
        started = perf_counter()
        call, sizes = asking.call, asking.sizes
        collector = Collector(asking.on_delta, ANSWER_TOOL if call.mode == "tool" else None)
        try:
            await self._attempt(tools, asking, collector)
            return answer_from(tools.known, sizes, call.route, collector, started)
        except ModelError as error:
            error.half = half_of(tools.known, sizes, call.route, collector, started)
            raise
        except asyncio.CancelledError as broken:
            half = half_of(tools.known, sizes, call.route, collector, started)
            leave_half(broken, half and replace(half, estimated=True))
            raise

    async def _attempt(self, tools: _Tools, asking: _Asking, collector: Collector) -> None:
        call = asking.call
        patience = Patience(self._limits, asking.request.timeout)
        try:
            async with patience:
                if asking.fast:
                    await tools.fast.complete(call, collector, patience)
                else:
                    await litellm_client.complete(
                        tools.litellm, self._policy, call, collector, patience
                    )
        except TimeoutError:
            raise timed_out(call.route, patience.why, collector.text) from None
        except TooMuch as error:
            raise too_much(call.route, str(error), collector.text[:KEPT_OF_TOO_MUCH]) from None


def _name(route: Route, error: ModelError) -> None:
    """Whatever fails says who was to be asked."""
    assert route.provider is not None
    error.provider, error.model = route.provider.name, route.model
    error.connection = route.connection


def _load(policy: NetPolicy) -> _Tools:
    from server.llm.fast import FastPath

    litellm = litellm_client.load()
    return _Tools(litellm, FastPath(litellm, policy), catalogue())
