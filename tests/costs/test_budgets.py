"""Budgets hold: under a race, at the limit, over a crash; they warn, ask and stop as set."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
import pytest_asyncio

from server.core.clock import SystemClock
from server.core.errors import Invalid, NotFound
from server.core.ids import new_uuid
from server.core.money import from_decimal
from server.costs import service
from server.costs import spent as rows_before
from server.costs.budgets import Budgets, Held, Spender
from server.costs.periods import Window
from server.costs.service import BudgetChange, BudgetSpent, NewBudget, Office
from server.models.enums import (
    BudgetAction,
    BudgetPeriod,
    BudgetScope,
    ExecutionStatus,
    Role,
    WaitingReason,
)
from server.models.tables import (
    AuditEntry,
    Budget,
    BudgetCounter,
    BudgetHold,
    BudgetNotice,
    Execution,
    Member,
    Notification,
    Step,
    Usage,
    User,
    Workspace,
)
from server.workspaces import notifications
from server.workspaces.access import Viewer
from server.workspaces.permissions import SCOPES
from tests.costs.spender import spend, till_of
from tests.support.database import World, opened
from tests.support.model_server import ModelServer, Reply
from tests.support.own_models import GOOD, connect, home_beside
from tests.support.rooms import Home

ROOT = Path(__file__).parents[2]
LIMIT = from_decimal("0.002")
ONE = 20 * 150 + 400 * 600
WRITER = 'writer { "goal": "Say it", "model": "openai:gpt-4o-mini", "maxTokens": 100 }'


@pytest_asyncio.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with opened(database_url, tmp_path) as world:
        yield world


@pytest_asyncio.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with (
        ModelServer(Reply("fine words")) as models,
        home_beside(tmp_path, models) as home,
    ):
        await connect(home, models, GOOD)
        yield home


async def budget_of(world: World, limit: int = LIMIT, **more: object) -> Budget:
    given = {
        "name": "All",
        "scope": BudgetScope.WORKSPACE,
        "period": BudgetPeriod.DAY,
        "action": BudgetAction.STOP,
        **more,
    }
    return await Budget.create(workspace_id=world.workspace.id, limit_nano=limit, **given)


def office(home: Home) -> Office:
    rooms = home.rooms
    return Office(rooms.till.budgets, rooms.clock, rooms.engine.kin.wake)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("most", [400, 0], ids=["workspace", "person and bot"])
async def test_two_processes_with_fifty_calls_each_never_pass_the_limit(
    world: World, database_url: str, tmp_path: Path, most: int
) -> None:
    """In the second case no call says how much it may write, and two budgets count each."""
    person = new_uuid()
    if most:
        await budget_of(world)
    else:
        await Workspace.filter(id=world.workspace.id).update(timezone="Pacific/Auckland")
        year, total = {"period": BudgetPeriod.YEAR}, {"period": BudgetPeriod.TOTAL}
        await budget_of(world, scope=BudgetScope.USER, user_id=person, **year)
        await budget_of(world, 2 * LIMIT, scope=BudgetScope.BOT, bot_id=world.bot.id, **total)
    arguments = [database_url, str(tmp_path), str(world.workspace.id), str(world.bot.id)]
    arguments += ["50", str(most), str(person)]
    processes = [
        await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "tests.costs.spender",
                *arguments,
                "50",
                str(most),
                str(person),
            ),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]
    outputs = await asyncio.gather(*(each.communicate(b"go\n") for each in processes))
    found = [json.loads(output) for output, _ in outputs]
    costs = [cost for one in found for cost in one["costs"]]
    counters = await BudgetCounter.all().prefetch_related("budget").order_by("budget__limit_nano")
    assert len(counters) == (1 if most else 2)
    for counter in counters:
        assert counter.spent_nano == sum(costs) <= LIMIT
        assert counter.left_nano == counter.budget.limit_nano - counter.spent_nano
        assert counter.reserved_nano == 0
    assert counters[0].spent_nano > LIMIT - 3 * ONE  # less than one more answer is left
    assert await BudgetHold.all().count() == 0
    assert sum(one["refused"] for one in found) == 100 - len(costs)
    assert await BudgetNotice.filter(percent=50, budget_id=counters[0].budget_id).count() == 1


async def test_parallel_calls_use_what_there_is_and_no_more(world: World, tmp_path: Path) -> None:
    await budget_of(world)
    spent = await spend(till_of(tmp_path), world.workspace.id, world.bot.id, 50, 400)
    assert len(spent.costs) == LIMIT // ONE
    assert (spent.refused, spent.failed) == (50 - len(spent.costs), 0)


async def test_every_budget_that_concerns_a_call_must_have_room(
    world: World, tmp_path: Path
) -> None:
    wide = await budget_of(world, 100 * LIMIT)
    narrow = await budget_of(world, scope=BudgetScope.BOT, bot_id=world.bot.id)
    other = await budget_of(world, 1, scope=BudgetScope.BOT, bot_id=new_uuid())
    spent = await spend(till_of(tmp_path), world.workspace.id, world.bot.id, 20, 400)
    counters = {row.budget_id: row for row in await BudgetCounter.all()}
    assert other.id not in counters
    assert counters[wide.id].spent_nano == counters[narrow.id].spent_nano == sum(spent.costs)
    assert counters[wide.id].reserved_nano == 0


async def test_a_persons_budget_counts_only_what_that_person_started(world: World) -> None:
    person, other = new_uuid(), new_uuid()
    await budget_of(world, scope=BudgetScope.USER, user_id=person)
    budgets = Budgets(SystemClock())
    mine = Spender(world.workspace.id, world.bot.id, new_uuid(), 1, user_id=person)
    theirs = Spender(world.workspace.id, world.bot.id, new_uuid(), 1, user_id=other)
    assert await budgets.limits(theirs) == []
    assert isinstance(await budgets.hold(mine, await budgets.limits(mine), LIMIT), Held)
    again = Spender(world.workspace.id, world.bot.id, new_uuid(), 1, user_id=person)
    assert not isinstance(await budgets.hold(again, await budgets.limits(again), ONE), Held)


async def test_each_execution_has_its_own_room_and_shares_it_with_what_it_starts(
    world: World,
) -> None:
    await budget_of(world, scope=BudgetScope.EXECUTION, period=BudgetPeriod.TOTAL)
    budgets = Budgets(SystemClock())
    first, second = new_uuid(), new_uuid()
    for execution in (first, second):
        spender = Spender(world.workspace.id, world.bot.id, execution, 1, root=execution)
        limits = await budgets.limits(spender)
        assert isinstance(await budgets.hold(spender, limits, LIMIT - ONE), Held)
    child = Spender(world.workspace.id, world.bot.id, new_uuid(), 1, root=first)
    limits = await budgets.limits(child)
    assert isinstance(await budgets.hold(child, limits, ONE), Held)
    assert not isinstance(await budgets.hold(child, limits, 1), Held)


async def test_a_budget_that_warns_stops_nothing_and_tells_each_threshold_once(
    world: World, tmp_path: Path
) -> None:
    await budget_of(world, action=BudgetAction.WARN)
    spent = await spend(till_of(tmp_path), world.workspace.id, world.bot.id, 30, 400)
    assert len(spent.costs) == 30
    notices = await BudgetNotice.all().order_by("percent")
    assert [one.percent for one in notices] == [50, 75, 90, 100]


async def test_what_a_lost_worker_held_is_spent(world: World) -> None:
    await budget_of(world)
    budgets = Budgets(SystemClock())
    spender = Spender(world.workspace.id, world.bot.id, new_uuid(), 1)
    held = await budgets.hold(spender, await budgets.limits(spender), ONE)
    assert isinstance(held, Held)
    assert await budgets.settle_lost() == 0
    await BudgetHold.all().update(created_at=datetime.now(UTC) - timedelta(minutes=5))
    assert await budgets.settle_lost() == 1
    await budgets.settle(held.call_id, 5)
    counter = await BudgetCounter.get()
    assert (counter.spent_nano, counter.reserved_nano) == (ONE, 0)
    assert counter.left_nano == LIMIT - ONE


async def test_a_new_budget_knows_what_was_spent_before(world: World) -> None:
    now = datetime.now(UTC)
    for at, cost in ((now, 700), (now - timedelta(days=400), 5_000)):
        await Usage.create(
            workspace_id=world.workspace.id,
            provider="openai",
            requested_model="m",
            model="m",
            cost_nano=cost,
            created_at=at,
        )
    await budget_of(world, period=BudgetPeriod.DAY)
    await budget_of(world, period=BudgetPeriod.TOTAL)
    budgets = Budgets(SystemClock())
    await budgets.limits(Spender(world.workspace.id, world.bot.id, new_uuid(), 1))
    spent = {row.window: row.spent_nano for row in await BudgetCounter.all()}
    assert spent == {"total": 5_700, f"day {now.date().isoformat()}": 700}


async def test_looking_at_budgets_writes_nothing_and_sums_the_rows_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    summed: list[str] = []
    real = rows_before.spent_before

    async def noted(budget: Budget, window: Window) -> int:
        summed.append(budget.name)
        return await real(budget, window)

    monkeypatch.setattr(rows_before, "spent_before", noted)
    person = new_uuid()
    rows = [
        await budget_of(world, name="All"),
        await budget_of(world, name="Bot", scope=BudgetScope.BOT, bot_id=world.bot.id),
        await budget_of(world, name="Ada", scope=BudgetScope.USER, user_id=person),
    ]
    viewer = Viewer(person, world.workspace.id, Role.OWNER, "Ada", "", scopes=frozenset(SCOPES))
    beside = Office(Budgets(SystemClock()), SystemClock(), AsyncMock())
    for _ in range(3):
        await service.refuse_if_spent(viewer, beside, world.bot.id)
        await service.standings(viewer, beside, rows)
    assert await BudgetCounter.all().count() == 0
    assert sorted(summed) == ["Ada", "All", "Bot"]


async def test_a_budget_that_another_process_has_just_made_begins_where_the_workspace_is(
    world: World,
) -> None:
    await Workspace.filter(id=world.workspace.id).update(timezone="Pacific/Kiritimati")
    who = new_uuid(), world.workspace.id, Role.OWNER, "Ada", ""
    here = Office(Budgets(SystemClock()), SystemClock(), AsyncMock())
    assert not await here.budgets.has_any(world.workspace.id)
    row = await budget_of(world, period=BudgetPeriod.DAY)
    found = await service.standing(Viewer(*who, scopes=frozenset(SCOPES)), here, row)
    assert found.starts_at.hour == 10  # midnight, 14 hours before Greenwich


async def test_a_workspace_without_budgets_writes_nothing(world: World, tmp_path: Path) -> None:
    spent = await spend(till_of(tmp_path), world.workspace.id, world.bot.id, 5, 400)
    assert len(spent.costs) == 5
    assert await BudgetCounter.all().count() == await BudgetHold.all().count() == 0


async def test_stop_fails_the_step_and_says_limit_and_spent(home: Home) -> None:
    given = NewBudget(Decimal("0.00001"), name="Tiny")
    await service.create(home.owner, office(home), given)
    done = await home.run(WRITER)
    assert done.status is ExecutionStatus.FAILED
    assert done.error["kind"] == "budget_exceeded"
    assert "“Tiny” is spent: 0.0000 of 0.0000" in done.error["message"] or "Tiny" in str(done.error)
    assert await Usage.all().count() == 0


async def test_ask_waits_until_the_budget_is_raised(home: Home) -> None:
    given = NewBudget(Decimal("0.00001"), action=BudgetAction.ASK)
    budget = await service.create(home.owner, office(home), given)
    started = await home.start(await home.bot(WRITER), "x")
    async with asyncio.timeout(10):
        async for batch in home.rooms.engine.follow(started.id, 0):
            if any(event["type"] == "execution.waiting" for event in batch.events):
                break
    row = await Execution.get(id=started.id)
    assert (row.status, row.waiting_reason) == (ExecutionStatus.WAITING, WaitingReason.BUDGET)
    assert row.due_at is not None
    change = BudgetChange(limit=Decimal("1"))
    await service.update(home.owner, office(home), budget.id, change)
    done = await home.ended(started)
    assert (done.status, done.output) == (ExecutionStatus.COMPLETED, "fine words")
    assert (await Step.get(execution_id=started.id, key="writer")).cost_nano


async def test_a_cancelled_answer_costs_its_budget_what_it_costs_the_execution(
    tmp_path: Path,
) -> None:
    half = Reply("one two three four five six", gate=asyncio.Event())
    async with ModelServer(half) as models, home_beside(tmp_path, models) as home:
        await connect(home, models, GOOD)
        await service.create(home.owner, office(home), NewBudget(Decimal(1)))
        execution = await home.start(await home.bot(WRITER), "x")
        async for batch in home.rooms.engine.follow(execution.id):
            if any(event["type"] == "step.delta" for event in batch.events):
                break
        await home.control(execution, "cancel")
        ended = await home.ended(execution)
        counter = await BudgetCounter.get()
    assert counter.spent_nano == ended.cost_nano > 0
    assert counter.reserved_nano == 0


async def test_an_entitys_own_budget_holds_for_each_call(home: Home) -> None:
    source = WRITER.replace('"maxTokens": 100', '"budget": 0.000001')
    done = await home.run(source)
    assert done.error["kind"] == "budget_exceeded"
    assert (await home.run(WRITER.replace('"maxTokens": 100', '"budget": 0.01'))).output


async def test_adjusting_needs_a_reason_and_leaves_a_trace(home: Home) -> None:
    budget = await service.create(home.owner, office(home), NewBudget(Decimal(1)))
    with pytest.raises(Invalid):
        await service.adjust(home.owner, office(home), budget.id, Decimal("0.5"), " ")
    await service.adjust(home.owner, office(home), budget.id, Decimal(1), "Spent elsewhere")
    standing = await service.standing(home.owner, office(home), budget)
    assert standing.spent_nano == from_decimal(1)
    entry = await AuditEntry.get(action="budget.adjusted")
    assert (entry.reason, entry.before["spent"]) == ("Spent elsewhere", 0)
    bot = await home.bot(WRITER)
    with pytest.raises(BudgetSpent):
        await service.refuse_if_spent(home.owner, office(home), bot.id)


async def test_a_budget_for_what_is_not_here(home: Home) -> None:
    for given in (
        NewBudget(Decimal(1), BudgetScope.BOT, bot_id=new_uuid()),
        NewBudget(Decimal(1), BudgetScope.USER, user_id=new_uuid()),
    ):
        with pytest.raises(NotFound):
            await service.create(home.owner, office(home), given)
    for given in (NewBudget(Decimal(0)), NewBudget(Decimal(1), BudgetScope.BOT)):
        with pytest.raises(Invalid):
            await service.create(home.owner, office(home), given)


async def test_each_threshold_is_told_once_to_those_who_can_raise_it(home: Home) -> None:
    viewer = await Member.create(
        workspace_id=home.owner.workspace_id,
        user=await User.create(email="v@example.org", name="V"),
        role=Role.VIEWER,
    )
    given = NewBudget(Decimal(1), name="July", action=BudgetAction.STOP)
    budget = await service.create(home.owner, office(home), given)
    topic = notifications.topic(home.owner.workspace_id)
    with home.rooms.bus.notices.subscribe(topic) as told:
        for amount in ("0.5", "0.01", "0.24", "0.25"):
            await service.adjust(home.owner, office(home), budget.id, Decimal(amount), "elsewhere")
        assert await told.next(1)
    await home.rooms.till.budgets.tell_recent()
    rows = await Notification.filter(user_id=home.owner.user_id).order_by("id")
    assert [row.title for row in rows] == [
        f"The budget “July” has reached {percent} %" for percent in (50, 75, 100)
    ]
    last = rows[-1]
    assert last.message.startswith("1.0000 of 1.0000 US dollars are spent. Steps that would cost")
    assert (last.source["kind"], last.source["path"], last.priority) == ("budget", "/costs", "high")
    assert not await Notification.filter(user_id=viewer.user_id).exists()


async def test_a_call_that_passes_a_threshold_tells_of_it(home: Home) -> None:
    given = NewBudget(Decimal("0.0001"), name="Tiny", action=BudgetAction.WARN)
    await service.create(home.owner, office(home), given)
    await home.run(WRITER.replace("Say it", "Say it " * 400))
    row = await Notification.get(user_id=home.owner.user_id)
    assert row.title == "The budget “Tiny” has reached 100 %"
    assert await BudgetNotice.all().count() == 4
