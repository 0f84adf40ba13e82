"""The door of a run to its models: through the workspace's connections, within its budgets, at its
prices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID

import structlog

from server.connections.secret_uses import SecretUses
from server.core.clock import Clock
from server.core.logs import REDACTION
from server.core.money import to_decimal_text
from server.costs.budgets import Budgets, Full, Held, Limit, Spender
from server.costs.quotes import Quote, priced, quote, settled
from server.engine.door import OnDelta, OutOfBudget, Purse
from server.engine.pool import parent_of
from server.engine.store import Claimed
from server.executions.replaying import replay_of
from server.llm.catalogue import Rates, catalogue
from server.llm.errors import ModelError, ModelErrorKind, leave_half, left_half
from server.llm.gateway import Gateway
from server.llm.kept_answers import WorkspaceAnswers
from server.llm.messages import ChatRequest, Delta, ModelAnswer
from server.llm.replays import Cached
from server.llm.window import OnSent
from server.llm.workspace_models import Own, WorkspaceModels, is_demo
from server.models.away import is_away
from server.models.enums import BudgetAction
from server.models.tables import Execution
from server.tools.base import ToolFailed

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.25
_CHARACTERS_PER_TOKEN = 4
_MOST_PARENTS = 10

log = structlog.get_logger("costs")


@dataclass(frozen=True, slots=True)
class Till:
    """What all doors share."""

    gateway: Gateway
    models: WorkspaceModels
    budgets: Budgets
    clock: Clock
    uses: SecretUses = field(default_factory=SecretUses)

    def door(self, claimed: Claimed) -> WorkspaceDoor:
        return WorkspaceDoor(self, claimed)


@dataclass(frozen=True, slots=True)
class _Fixed:
    """What a tool may cost: all of it or nothing."""

    nano: int

    @property
    def least_nano(self) -> int:
        return self.nano

    def within(self, nano: int) -> None:
        return None


Wanted = TypeVar("Wanted", Quote, _Fixed)


class WorkspaceDoor:
    def __init__(self, till: Till, claimed: Claimed) -> None:
        self._till = till
        self._claimed = claimed
        self._spender: Spender | None = None
        self.replay = replay_of(claimed)
        self._cached = Cached(WorkspaceAnswers(claimed.workspace_id, till.clock))

    async def check(self, model: str | None) -> None:
        name, access = await self._till.models.way(self._claimed.workspace_id, model)
        if access is None:
            self._till.gateway.route(name)
        else:
            self._till.gateway.route(name, access)

    async def fallbacks(self) -> tuple[str, ...]:
        try:
            return (await self._till.models.of(self._claimed.workspace_id)).fallbacks
        except ModelError:
            return ()

    async def chat(
        self, step_key: str, request: ChatRequest, on_delta: OnDelta, on_sent: OnSent | None = None
    ) -> ModelAnswer:
        till = self._till
        if self.replay is not None:
            return await self.replay.chat(step_key, request, on_delta)
        if is_demo(request.model):
            return await till.gateway.chat(request, on_delta, on_sent)
        workspace_id = self._claimed.workspace_id
        own = await till.models.of(workspace_id)
        request = till.models.addressed(own, request)

        async def ask() -> ModelAnswer:
            if (access := request.access) and (access.api_key or access.extra):
                uses, connection = till.uses, UUID(access.connection)
                await uses.note(workspace_id, connection, access.label, till.clock)
            return await self._within_budgets(request, on_delta, on_sent, own)

        return await self._cached.chat(request, on_delta, ask)

    @asynccontextmanager
    async def purse(self, most_nano: int) -> AsyncGenerator[Purse]:
        """What was not announced is counted when it is spent, even beyond a limit: it is paid."""
        purse = Purse()
        held = await self._set_aside(most_nano) if most_nano else None
        try:
            yield purse
        finally:
            if held is not None:
                await _whatever_happens(self._till.budgets.settle(held.call_id, purse.spent_nano))
            elif purse.spent_nano:
                await _whatever_happens(self._count(purse.spent_nano))

    async def _set_aside(self, nano: int) -> Held | None:
        try:
            limits = await self._limits()
            return (await self._held(_Fixed(nano), limits))[1] if limits else None
        except ModelError as error:
            kind, after = error.kind.value, error.retry_after
            raise ToolFailed(
                error.message, kind, retryable=error.retryable, retry_after=after
            ) from error

    async def _count(self, nano: int) -> None:
        budgets = self._till.budgets
        soft = [replace(one, action=BudgetAction.WARN) for one in await self._limits()]
        if soft and isinstance(held := await budgets.hold(await self._who(), soft, nano), Held):
            await budgets.settle(held.call_id, nano)

    async def _within_budgets(
        self, request: ChatRequest, on_delta: OnDelta, on_sent: OnSent | None, own: Own
    ) -> ModelAnswer:
        till = self._till
        limits = await self._limits()
        quoted = None
        if limits or request.budget is not None:
            route = till.gateway.route(request.model, request.access)
            quoted = quote(catalogue(), route, request, own)
        if quoted is None:
            return await self._asked(request, on_delta, on_sent, own)
        return await self._paid(quoted, limits, request, on_delta, on_sent, own)

    async def _limits(self) -> list[Limit]:
        with _told_when_away():
            if not await self._till.budgets.has_any(self._claimed.workspace_id):
                return []
            return await self._till.budgets.limits(await self._who())

    async def _paid(
        self,
        quoted: Quote,
        limits: list[Limit],
        request: ChatRequest,
        on_delta: OnDelta,
        on_sent: OnSent | None,
        own: Own,
    ) -> ModelAnswer:
        quoted = _within_entity(quoted, request)
        held = None
        if limits:
            quoted, held = await self._held(quoted, limits)
        if request.budget is not None or any(limit.hard for limit in limits):
            request = replace(request, max_tokens=quoted.output_tokens)
        heard = _Heard(on_delta)
        spent = 0
        try:
            answer = await self._asked(request, heard, on_sent, own)
            spent = settled(answer, quoted)
            return answer
        except ModelError as error:
            half = _cost_of(error.half)
            spent = half if half is not None else _spent_until(quoted, heard, error.partial)
            raise
        except asyncio.CancelledError as broken:
            half, least = _cost_of(left_half(broken)), quoted.input_nano
            spent = half if half is not None else max(least, _spent_until(quoted, heard, ""))
            raise
        finally:
            if held is not None:
                await _whatever_happens(self._till.budgets.settle(held.call_id, spent))

    async def _asked(
        self, request: ChatRequest, on_delta: OnDelta, on_sent: OnSent | None, own: Own
    ) -> ModelAnswer:
        try:
            answer = await self._till.gateway.chat(request, on_delta, on_sent)
            return with_price(without_secrets(answer), own)
        except ModelError as error:
            error.half = error.half and with_price(error.half, own)
            raise
        except asyncio.CancelledError as broken:
            half = left_half(broken)
            leave_half(broken, half and with_price(half, own))
            raise

    async def _held(self, quoted: Wanted, limits: list[Limit]) -> tuple[Wanted, Held]:
        """Waits for what other calls may give back, takes a smaller answer near the limit, and
        refuses when neither helps."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_SECONDS
        budgets, who = self._till.budgets, await self._who()
        while True:
            settled = budgets.settled
            with _told_when_away():
                found = await budgets.hold(who, limits, quoted.nano)
            if isinstance(found, Held):
                return quoted, found
            smaller = quoted.within(found.left_nano)
            if smaller is not None and found.reserved_nano == 0:
                quoted = smaller
            elif found.left_nano + found.reserved_nano < quoted.least_nano:
                raise _refused(found)
            elif loop.time() > until:
                raise _crowded(found)
            else:
                await _a_moment(settled)

    async def _who(self) -> Spender:
        if self._spender is None:
            claimed = self._claimed
            user = (claimed.trigger or {}).get("user") or {}
            root = claimed.id
            if await self._till.budgets.each_execution(claimed.workspace_id):
                root = await _root_of(claimed)
            self._spender = Spender(
                claimed.workspace_id,
                claimed.bot_id,
                claimed.id,
                claimed.attempt,
                UUID(user["id"]) if user.get("id") else None,
                root,
            )
        return self._spender


class _Heard:
    """Counts what came, for a call that breaks off."""

    def __init__(self, on_delta: OnDelta) -> None:
        self._on_delta = on_delta
        self.characters = 0

    def __call__(self, delta: Delta) -> None:
        self.characters += len(delta.text)
        self._on_delta(delta)


def without_secrets(answer: ModelAnswer) -> ModelAnswer:
    """What a run goes on with is what its tables keep: after a wait it is read from there, and an
    approval of other words would not count."""
    text, reasoning = REDACTION.kept(answer.text), REDACTION.kept(answer.reasoning)
    given = [REDACTION.kept(call.arguments) for call in answer.tool_calls]
    if text == answer.text and given == [call.arguments for call in answer.tool_calls]:
        return answer
    calls = zip(answer.tool_calls, given, strict=True)
    clean = tuple(replace(call, arguments=arguments) for call, arguments in calls)
    return replace(answer, text=text, reasoning=reasoning, tool_calls=clean)


def with_price(answer: ModelAnswer, own: Own) -> ModelAnswer:
    """The answer with its cost at the workspace's price, and the price itself."""
    if answer.source != "live":
        return answer
    cost, rates, source = priced(catalogue(), answer, own)
    if rates is None:
        return answer
    return replace(answer, cost=cost, price=snapshot(rates, source))


def snapshot(rates: Rates, source: str) -> dict[str, Any]:
    """Dollars per million tokens, as text, with where they come from."""
    named = {
        "input": rates.input,
        "output": rates.output,
        "cached": rates.cached,
        "reasoning": rates.reasoning,
        "cache_write": rates.cache_write,
    }
    shown = {name: f"{rate / 1000:f}" for name, rate in named.items() if rate is not None}
    return {**shown, "source": source}


def _within_entity(quoted: Quote, request: ChatRequest) -> Quote:
    budget = request.budget
    if budget is None or quoted.nano <= budget:
        return quoted
    smaller = quoted.within(budget)
    if smaller is None:
        raise OutOfBudget(
            "The budget of this entity",
            max(budget, 0),
            0,
            ask=False,
            catchable=True,
        )
    return smaller


def _cost_of(half: ModelAnswer | None) -> int | None:
    """As its usage row has it."""
    return None if half is None else half.cost


def _spent_until(quoted: Quote, heard: _Heard, partial: str) -> int:
    """An answer that broke off was begun, and is paid for; one that never came is not."""
    came = max(heard.characters, len(partial))
    return quoted.cost(-(-came // _CHARACTERS_PER_TOKEN)) if came else 0


def _refused(full: Full) -> OutOfBudget:
    limit = full.limit
    return OutOfBudget(
        f"The budget “{limit.name}”",
        limit.limit_nano,
        full.spent_nano,
        ask=limit.action is BudgetAction.ASK,
        until=limit.ends,
    )


def _crowded(full: Full) -> ModelError:
    reserved = to_decimal_text(full.reserved_nano, 4)
    return ModelError(
        ModelErrorKind.RATE_LIMITED,
        f"Calls under way hold {reserved} US dollars of the budget “{full.limit.name}”.",
        "Wait until they have ended, run fewer at once, or raise the budget.",
        retry_after=5.0,
    )


@contextmanager
def _told_when_away() -> Iterator[None]:
    """Without its budgets nothing is spent; the call is made later."""
    try:
        yield
    except Exception as error:
        if not is_away(error):
            raise
        message = "The budgets of this workspace could not be read, so nothing was spent."
        raise ModelError(ModelErrorKind.PROVIDER_UNAVAILABLE, message) from error


async def _a_moment(settled: asyncio.Event) -> None:
    """Until a call of this process was settled; those of others are looked for."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await settled.wait()
    except TimeoutError:
        return


async def _whatever_happens(work: Coroutine[Any, Any, None]) -> None:
    """Also while the run is being cancelled: what was spent is counted. What the database refuses
    is counted at its full amount later."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
    except Exception as error:
        if not is_away(error):
            raise
        log.warning("not_settled", error=str(error))


async def _root_of(claimed: Claimed) -> UUID:
    at, parent = claimed.id, parent_of(claimed.trigger or {})
    for _ in range(_MOST_PARENTS):
        if parent is None:
            return at
        row = await Execution.get_or_none(id=parent).only("id", "parent_id")
        at, parent = parent, row.parent_id if row else None
    return at
