"""What a run of a bot will probably cost, and what that is based on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import mean, median, quantiles
from typing import Any, Literal
from uuid import UUID

from server.bal.plan import Plan
from server.bal.plan_steps import PlanUnreadable
from server.core.jsontext import dumps
from server.costs.quotes import Quote, quote
from server.engine.family import MOST_DEPTH
from server.llm.catalogue import Rates, catalogue
from server.llm.errors import ModelError
from server.llm.gateway import Gateway
from server.llm.messages import ChatRequest, Message
from server.llm.workspace_models import Own, WorkspaceModels, is_demo
from server.models.enums import ExecutionMode, ExecutionStatus
from server.models.tables import BotVersion, Execution
from server.tools.builtin.spawn import SPAWN_BALEYBOT
from server.workspaces.access import Viewer, mine, require

LEAST_RUNS = 3
MOST_RUNS = 50
MOST_STARTED = 10_000
TYPICAL_OUTPUT = 500
_SHOWN_PRICES = 2


@dataclass(frozen=True, slots=True)
class Forecast:
    """`low` and `high` bound what is likely. `runs`: how many earlier executions it is based on; 0
    when it is counted from the program. `unpriced` models are counted with an assumed price."""

    cost_nano: int
    low_nano: int
    high_nano: int
    basis: Literal["history", "program"]
    runs: int
    calls: int
    tokens: int
    words: str
    unpriced: tuple[str, ...] = ()


@dataclass(slots=True)
class _Past:
    """An earlier execution with those that it started."""

    id: UUID
    version_id: UUID
    cost: int
    tokens: int
    unpriced: bool = False


@dataclass(frozen=True, slots=True)
class _Call:
    """What one call of an entity takes, and of which model."""

    model: str
    quoted: Quote

    @property
    def output(self) -> int:
        return min(TYPICAL_OUTPUT, self.quoted.output_tokens)


@dataclass(slots=True)
class _Counted:
    """`unreached`: models that cannot be asked as things stand."""

    found: list[_Call] = field(default_factory=list[_Call])
    unreached: list[str] = field(default_factory=list[str])


async def forecast(
    viewer: Viewer, gateway: Gateway, models: WorkspaceModels, bot_id: UUID, plan: Plan, input: Any
) -> Forecast:
    """From completed executions where there are some, else from the program and the prices."""
    require(viewer, "executions:read")
    past = await _past(viewer, bot_id, plan)
    if len(past) >= LEAST_RUNS:
        return _from_history(past, plan)
    return await _from_program(viewer, gateway, models, plan, input)


async def _past(viewer: Viewer, bot_id: UUID, plan: Plan) -> list[_Past]:
    """What another model cost says nothing of this one; what has no price, nothing at all."""
    rows: list[Any] = await (
        mine(viewer, Execution)
        .filter(bot_id=bot_id, status=ExecutionStatus.COMPLETED, mode=ExecutionMode.LIVE)
        .filter(unpriced=False)
        .order_by("-id")
        .limit(MOST_RUNS)
        .values_list("id", "version_id", "cost_nano", "input_tokens", "output_tokens")
    )
    past = [_Past(id, version, cost, read + wrote) for id, version, cost, read, wrote in rows]
    alike = await _alike({one.version_id for one in past}, plan)
    past = [one for one in past if one.version_id in alike]
    if _may_start_bots(plan):
        await _add_started(viewer, past)
    return [one for one in past if not one.unpriced]


def _may_start_bots(plan: Plan) -> bool:
    return SPAWN_BALEYBOT.name in plan.needs.tools


async def _add_started(viewer: Viewer, past: list[_Past]) -> None:
    """What the bots that an execution started took stands on their own rows, to the last level."""
    level: dict[UUID, _Past] = {one.id: one for one in past}
    for _ in range(MOST_DEPTH):
        if not level:
            return
        rows: list[Any] = await (
            mine(viewer, Execution)
            .filter(parent_id__in=list(level))
            .order_by("-id")
            .limit(MOST_STARTED)
            .values_list(
                "id", "parent_id", "cost_nano", "input_tokens", "output_tokens", "unpriced"
            )
        )
        below: dict[UUID, _Past] = {}
        for id, parent, cost, read, wrote, unpriced in rows:
            top = below[id] = level[parent]
            top.cost += cost
            top.tokens += read + wrote
            top.unpriced = top.unpriced or unpriced
        level = below


async def _alike(version_ids: Iterable[UUID], plan: Plan) -> set[UUID]:
    """The versions that ask the same models."""
    wanted, found = _models_of(plan), set[UUID]()
    for version_id, data in await BotVersion.filter(id__in=list(version_ids)).values_list(
        "id", "plan"
    ):
        try:
            same = _models_of(Plan.from_json(data)) == wanted
        except PlanUnreadable:
            continue
        if same:
            found.add(version_id)
    return found


def _models_of(plan: Plan) -> Counter[str | None]:
    return Counter(entity.model for entity in plan.entities.values())


def _from_history(past: list[_Past], plan: Plan) -> Forecast:
    costs = [one.cost for one in past]
    tenths = quantiles(costs, n=10, method="inclusive")
    return Forecast(
        cost_nano=round(median(costs)),
        low_nano=round(tenths[0]),
        high_nano=round(tenths[-1]),
        basis="history",
        runs=len(costs),
        calls=plan.calls.fewest,
        tokens=round(median(one.tokens for one in past)),
        words=f"By what the last {len(costs)} completed executions cost.",
    )


async def _from_program(
    viewer: Viewer, gateway: Gateway, models: WorkspaceModels, plan: Plan, input: Any
) -> Forecast:
    counted = _counted(gateway, models, await models.of(viewer.workspace_id), plan, input)
    found, calls = counted.found, plan.calls
    likely = [one.quoted.cost(one.output) for one in found]
    taken = sum(one.quoted.input_tokens + one.output for one in found)
    dear = max((one.quoted.nano for one in found), default=0)
    often = max(calls.fewest, 1) / max(len(plan.entities), 1)
    unpriced = (one.model for one in found if not one.quoted.known)
    return Forecast(
        cost_nano=round(sum(likely) * often),
        low_nano=round(min(likely, default=0) * calls.fewest),
        high_nano=dear * (calls.most if calls.most is not None else calls.fewest * 10),
        basis="program",
        runs=0,
        calls=calls.fewest,
        tokens=round(taken * often),
        words=_words(plan, counted),
        unpriced=tuple(dict.fromkeys(unpriced)),
    )


def _counted(
    gateway: Gateway, models: WorkspaceModels, own: Own, plan: Plan, input: Any
) -> _Counted:
    counted = _Counted()
    for entity in plan.entities.values():
        text = entity.goal + dumps(input)
        request = ChatRequest(
            messages=(Message("system", text),), model=entity.model, max_tokens=entity.max_tokens
        )
        try:
            call = _call(gateway, models, own, request)
        except ModelError:
            counted.unreached.append(request.model or "the default model")
            continue
        if call is not None:
            counted.found.append(call)
    return counted


def _call(
    gateway: Gateway, models: WorkspaceModels, own: Own, request: ChatRequest
) -> _Call | None:
    """None for what is free. Raises ModelError for what cannot be asked."""
    if is_demo(request.model):
        return None
    name, access = models.choose(own, request.model)
    route = gateway.route(name, access)
    quoted = quote(catalogue(), route, request, own)
    return None if quoted is None else _Call(request.model or route.model, quoted)


def _words(plan: Plan, counted: _Counted) -> str:
    unreached = " and ".join(dict.fromkeys(counted.unreached))
    if counted.found:
        said = _how_counted(plan.calls.fewest, plan.calls.most, counted.found)
    elif unreached:
        return f"Nothing could be counted: {unreached} cannot be reached as things stand."
    else:
        said = "Its models cost nothing." if plan.entities else "It asks no model itself."
    if unreached:
        said += f" Without {unreached}, which cannot be reached as things stand."
    if _may_start_bots(plan):
        said += " What the bots that it starts cost comes on top."
    return said


def _how_counted(fewest: int, most: int | None, found: list[_Call]) -> str:
    at_least = f"{fewest} {'call' if fewest == 1 else 'calls'}"
    much = f"{at_least} or more, one for each item" if most is None else f"{fewest} to {most} calls"
    often = at_least if most == fewest else much
    written = round(mean(one.output for one in found))
    return (
        f"Counted from the program: {often}, about {written} tokens written by each, "
        f"{_prices(found)}. Better after {LEAST_RUNS} completed executions."
    )


def _prices(found: list[_Call]) -> str:
    known = {one.model: one.quoted.facts.rates for one in found if one.quoted.known}
    if not known:
        return "at an assumed price"
    if len(known) > _SHOWN_PRICES:
        return f"at the prices of its {len(known)} models"
    said = [f"{_rate(rates)} for {model}" for model, rates in known.items() if rates is not None]
    return f"at {' and '.join(said)} per million tokens sent / written"


def _rate(rates: Rates) -> str:
    """Nano-dollars per token are thousandths of a dollar per million."""
    return f"${(rates.input / 1000).normalize():f} / ${(rates.output / 1000).normalize():f}"
