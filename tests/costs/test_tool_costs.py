"""What tools pay for themselves: a row of usage, on the step and the execution, within budgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from server.bal.types import ObjectType, StringType, TypeField
from server.core.money import from_decimal
from server.costs import service
from server.costs.service import BudgetChange, NewBudget, Office
from server.executions import service as executions
from server.models.enums import BudgetAction, ExecutionMode, ExecutionStatus, WaitingReason
from server.models.tables import BudgetCounter, BudgetHold, Step, Usage
from server.tools.base import Later, Tool, ToolContext, ToolFailed
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks

PRICE = from_decimal("0.01")
USES = 'use lookup with { text: "tea" }'
MODEL_NANO = 2_000


class Paying:
    """Each call pays one cent; `announced`: it says so beforehand."""

    def __init__(self) -> None:
        self.calls = 0
        self.announced = True
        self.fails = False
        self.waits = False

    @property
    def tool(self) -> Tool:
        return Tool(
            name="lookup",
            description="Looks something up, for a cent.",
            run=self._run,
            input=ObjectType((TypeField("text", StringType()),)),
            most_nano=PRICE if self.announced else 0,
        )

    async def _run(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        self.calls += 1
        if self.waits and context.state is not None:
            return "late"
        context.bill.charge(PRICE, "lookups", "one search")
        if self.fails:
            raise ToolFailed("Nothing was found.")
        if self.waits:
            return Later("wait", context.clock.now() + timedelta(seconds=1.5), "paid")
        return f"about {arguments['text']}"


@pytest.fixture
def paying() -> Paying:
    return Paying()


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest_asyncio.fixture
async def home(tmp_path: Path, paying: Paying, gateway: ScriptedGateway) -> AsyncIterator[Home]:
    async with open_home(tmp_path, gateway=gateway, tools=[paying.tool]) as home:
        yield home


def office(home: Home) -> Office:
    rooms = home.rooms
    return Office(rooms.till.budgets, rooms.clock, rooms.engine.kin.wake)


async def limited(home: Home, limit: str, action: BudgetAction = BudgetAction.STOP) -> Any:
    given = NewBudget(Decimal(limit), name="Searches", action=action)
    return await service.create(home.owner, office(home), given)


async def test_what_a_tool_paid_is_on_its_step_the_execution_and_the_costs(home: Home) -> None:
    done = await home.run(USES)
    assert (done.status, done.output) == (ExecutionStatus.COMPLETED, "about tea")
    step = await Step.get(execution_id=done.id, name="lookup")
    row = await Usage.get(execution_id=done.id)
    assert (step.cost_nano, done.cost_nano, row.cost_nano) == (PRICE, PRICE, PRICE)
    assert (row.provider, row.model, row.requested_model) == ("lookups", "one search", "lookup")
    events = await executions.events(home.owner, home.rooms.engine, done.id)
    (paid,) = [event["data"] for event in events if event["type"] == "tool.paid"]
    assert (paid["tool"], paid["cost"]) == ("lookup", PRICE)


async def test_an_entity_and_its_tools_are_paid_apart_and_summed(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["m"] = [asks(("lookup", {"text": "tea"})), "It is hot."]
    done = await home.run('writer { "goal": "Write", "model": "m", "tools": ["lookup"] }', "x")
    steps = {step.name: step.cost_nano for step in await Step.filter(execution_id=done.id)}
    assert (steps["writer"], steps["lookup"]) == (2 * MODEL_NANO, PRICE)
    assert done.cost_nano == 2 * MODEL_NANO + PRICE


async def test_a_call_that_failed_was_paid_all_the_same(home: Home, paying: Paying) -> None:
    paying.fails = True
    done = await home.run(USES)
    assert done.status is ExecutionStatus.FAILED
    assert done.cost_nano == PRICE
    assert (await Step.get(execution_id=done.id, name="lookup")).cost_nano == PRICE


async def test_a_budget_stops_a_tool_before_it_pays(home: Home, paying: Paying) -> None:
    await limited(home, "0.015")
    assert (await home.run(USES)).status is ExecutionStatus.COMPLETED
    done = await home.run(USES)
    assert (done.status, done.error["kind"]) == (ExecutionStatus.FAILED, "budget_exceeded")
    assert "“Searches”" in done.error["message"]
    counter = await BudgetCounter.get()
    assert (counter.spent_nano, counter.reserved_nano, paying.calls) == (PRICE, 0, 1)
    assert await BudgetHold.all().count() == 0


async def test_many_at_once_never_spend_the_same_cent(home: Home, paying: Paying) -> None:
    await limited(home, "0.035")
    bot = await home.bot(USES)
    started = [await home.start(bot) for _ in range(8)]
    ended = await asyncio.gather(*(home.ended(one) for one in started))
    assert sum(one.status is ExecutionStatus.COMPLETED for one in ended) == paying.calls == 3
    assert (await BudgetCounter.get()).spent_nano == 3 * PRICE


async def test_a_budget_that_asks_lets_the_tool_wait(home: Home, paying: Paying) -> None:
    budget = await limited(home, "0.005", BudgetAction.ASK)
    started = await home.start(await home.bot(USES))
    row = await home.until(started, ExecutionStatus.WAITING)
    assert (row.waiting_reason, paying.calls) == (WaitingReason.BUDGET, 0)
    await service.update(home.owner, office(home), budget.id, BudgetChange(limit=Decimal(1)))
    done = await home.ended(started)
    assert (done.output, done.cost_nano) == ("about tea", PRICE)


async def test_what_was_not_announced_counts_even_beyond_the_limit(
    tmp_path: Path, paying: Paying
) -> None:
    paying.announced = False
    async with open_home(tmp_path, gateway=ScriptedGateway(), tools=[paying.tool]) as home:
        await limited(home, "0.005")
        assert (await home.run(USES)).status is ExecutionStatus.COMPLETED
        counter = await BudgetCounter.get()
    assert (counter.spent_nano, counter.left_nano) == (PRICE, from_decimal("-0.005"))


async def test_an_entitys_own_budget_counts_its_tools(
    home: Home, gateway: ScriptedGateway, paying: Paying
) -> None:
    gateway.answers["m"] = [asks(("lookup", {"text": "a"})), asks(("lookup", {"text": "b"})), "ok"]
    entity = '"goal": "Write", "model": "m", "tools": ["lookup"], "budget": 0.015'
    done = await home.run(f"writer {{ {entity} }}", "x")
    assert (done.output, paying.calls) == ("ok", 1)
    refused = gateway.requests[-1].messages[-1].content
    assert refused.startswith("Failed (budget_exceeded): The budget of this entity is spent")
    assert gateway.requests[-1].budget == from_decimal("0.005") - 2 * MODEL_NANO


async def test_in_demo_mode_tools_are_called_and_paid(home: Home) -> None:
    assert (await home.run(USES, mode=ExecutionMode.DEMO)).cost_nano == PRICE


async def test_what_was_paid_before_a_wait_is_still_on_the_step(home: Home, paying: Paying) -> None:
    paying.waits = True
    done = await home.run(USES)
    assert (done.output, done.attempt, paying.calls) == ("late", 2, 2)
    assert (await Step.get(execution_id=done.id, name="lookup")).cost_nano == PRICE
    assert (done.cost_nano, await Usage.all().count()) == (PRICE, 1)
