"""What a run of a bot will probably cost, and what that is based on."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any, Literal
from uuid import UUID

from server.bal.plan import Plan
from server.core.jsontext import dumps
from server.costs.quotes import UNKNOWN_RATES, quote
from server.llm.catalogue import catalogue
from server.llm.errors import ModelError
from server.llm.gateway import Gateway
from server.llm.messages import ChatRequest, Message
from server.llm.workspace_models import Own, WorkspaceModels, is_demo
from server.models.enums import ExecutionMode, ExecutionStatus
from server.models.tables import Execution
from server.workspaces.access import Viewer, mine, require

LEAST_RUNS = 3
MOST_RUNS = 50
TYPICAL_OUTPUT = 500


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
    words: str
    unpriced: tuple[str, ...] = ()


async def forecast(
    viewer: Viewer, gateway: Gateway, models: WorkspaceModels, bot_id: UUID, plan: Plan, input: Any
) -> Forecast:
    """From completed executions where there are some, else from the program and the prices."""
    require(viewer, "executions:read")
    past: list[Any] = await (
        mine(viewer, Execution)
        .filter(bot_id=bot_id, status=ExecutionStatus.COMPLETED, mode=ExecutionMode.LIVE)
        .order_by("-id")
        .limit(MOST_RUNS)
        .values_list("cost_nano", flat=True)
    )
    costs = [int(one) for one in past]
    if len(costs) >= LEAST_RUNS:
        return _from_history(costs, plan)
    return await _from_program(viewer, gateway, models, plan, input)


def _from_history(costs: list[int], plan: Plan) -> Forecast:
    tenths = quantiles(costs, n=10, method="inclusive")
    return Forecast(
        cost_nano=round(median(costs)),
        low_nano=round(tenths[0]),
        high_nano=round(tenths[-1]),
        basis="history",
        runs=len(costs),
        calls=plan.calls.fewest,
        words=f"What the last {len(costs)} completed executions cost.",
    )


async def _from_program(
    viewer: Viewer, gateway: Gateway, models: WorkspaceModels, plan: Plan, input: Any
) -> Forecast:
    own = await models.of(viewer.workspace_id)
    likely, most, unpriced = [], [], []
    for entity in plan.entities.values():
        text = entity.goal + dumps(input)
        request = ChatRequest(
            messages=(Message("system", text),), model=entity.model, max_tokens=entity.max_tokens
        )
        found = _cost(gateway, models, own, request)
        if found is None:
            continue
        quoted, known = found
        likely.append(quoted.cost(min(TYPICAL_OUTPUT, quoted.output_tokens)))
        most.append(quoted.nano)
        if not known:
            unpriced.append(entity.model or "the default model")
    calls = plan.calls
    each = sum(likely) / len(plan.entities) if plan.entities else 0
    dear = max(most, default=0)
    highest = dear * (calls.most if calls.most is not None else calls.fewest * 10)
    return Forecast(
        cost_nano=round(each * max(calls.fewest, 1)) if likely else 0,
        low_nano=round(min(likely, default=0) * calls.fewest),
        high_nano=round(highest),
        basis="program",
        runs=0,
        calls=calls.fewest,
        words=_words(calls.fewest, calls.most, bool(likely)),
        unpriced=tuple(dict.fromkeys(unpriced)),
    )


def _cost(
    gateway: Gateway, models: WorkspaceModels, own: Own, request: ChatRequest
) -> tuple[Any, bool] | None:
    """None for what is free or cannot be reached."""
    if is_demo(request.model):
        return None
    try:
        name, access = models.choose(own, request.model)
        route = gateway.route(name, access)
    except ModelError:
        return None
    quoted = quote(catalogue(), route, request, own)
    return None if quoted is None else (quoted, quoted.facts.rates is not UNKNOWN_RATES)


def _words(fewest: int, most: int | None, priced: bool) -> str:
    if not priced:
        return "Its models cost nothing."
    much = "more with every item of a list" if most is None else f"at most {most}"
    return (
        f"Counted from the program: {fewest} calls at least, {much}, about {TYPICAL_OUTPUT} tokens "
        "each. It becomes exact with its first executions."
    )
