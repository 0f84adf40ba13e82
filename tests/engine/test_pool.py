"""What an execution may use is held for it and all that it starts, over waits and side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.engine import pool
from server.engine.caps import Caps, Spent
from server.executions.rerun import RerunRequest, rerun
from server.models.enums import ExecutionStatus
from server.models.tables import Approval, Execution
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted

# Each question takes 15 tokens and costs 2,000 nano-dollars.
FIVE = "".join(f'{name} {{ "goal": "Spend", "model": "m" }}\n' for name in "abcde")
SPENDER = f"{FIVE} chain {{ a b c d e }}"
SPAWN = 'use spawn_baleybot with { baleybot: "Spender", input: "x" }'
MIDDLE = SPAWN.replace("Spender", "Middle")
PAIR = f'parallel {{ "left": {SPAWN} "right": {SPAWN} }}'
COUSINS = f'parallel {{ "left": {MIDDLE} "right": {MIDDLE} }}'
BESIDE = f'{FIVE} parallel {{ "left": {SPAWN} "right": chain {{ a b c d e }} }}'
MAP = f"map (input, concurrency: 2) {{ {SPAWN} }}"
FAILED, WAITING = ExecutionStatus.FAILED, ExecutionStatus.WAITING


class Opened(Protocol):
    def __call__(self, caps: Caps) -> AbstractAsyncContextManager[Home]: ...


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
def guarded() -> Counted:
    return Counted(name="guarded", needs_approval=True)


@pytest.fixture
def opened(tmp_path: Path, gateway: ScriptedGateway, guarded: Counted, database_url: str) -> Opened:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    tools = [Counted().tool, guarded.tool]

    def home(caps: Caps) -> AbstractAsyncContextManager[Home]:
        return open_home(
            tmp_path, gateway=gateway, database_url=database_url, tools=tools, caps=caps
        )

    return home


def kind_of(execution: Execution) -> str:
    assert execution.status is FAILED
    return execution.error["kind"]


async def test_calls_of_tools_before_a_wait_count_after_it(
    opened: Opened, guarded: Counted
) -> None:
    steps = [f'use {name} with {{ text: "a" }}' for name in ("echo", "guarded", "echo")]
    async with opened(Caps(calls=2)) as home:
        execution = await home.start(await home.bot(f"chain {{ {' '.join(steps)} }}"), "x")
        await home.until(execution, WAITING)
        question = await Approval.get(execution_id=execution.id)
        await approvals.decide(home.owner, home.rooms.engine, question.id, Answer("approve"))
        assert kind_of(await home.ended(execution)) == "budget_exceeded"
    assert len(guarded.calls) == 1


async def test_a_child_may_make_the_calls_that_its_parent_has_left(
    opened: Opened, gateway: ScriptedGateway
) -> None:
    async with opened(Caps(calls=4)) as home:
        await home.bot(SPENDER, "Spender")
        assert kind_of(await home.run(SPAWN, "x")) == "budget_exceeded"
    assert gateway.calls["m"] == 3


@pytest.mark.parametrize(
    ("source", "caps"),
    [
        (PAIR, Caps(cost_nano=10_000)),
        (PAIR, Caps(tokens=75)),
        (PAIR, Caps(calls=7)),
        (MAP, Caps(cost_nano=10_000)),
        (COUSINS, Caps(cost_nano=10_000)),
        (BESIDE, Caps(cost_nano=10_000)),
    ],
    ids=["two, money", "two, tokens", "two, calls", "map", "cousins", "beside its parent"],
)
async def test_what_is_at_work_side_by_side_has_one_budget_together(
    opened: Opened, gateway: ScriptedGateway, source: str, caps: Caps
) -> None:
    """Enough for five questions; one more may be under way beside the fifth."""
    async with opened(caps) as home:
        await home.bot(SPENDER, "Spender")
        await home.bot(SPAWN, "Middle")
        execution = await home.run(source, ["x"] * 4)
        assert kind_of(execution) == "budget_exceeded"
    assert 5 <= gateway.calls["m"] <= 6


def boss(budget: str) -> str:
    entity = f'"goal": "Ask", "model": "boss", "budget": {budget}, "tools": ["spawn_baleybot"]'
    return f"boss {{ {entity} }}"


def spawns(name: str) -> tuple[str, dict[str, Any]]:
    return "spawn_baleybot", {"baleybot": name, "input": "x"}


@pytest.mark.parametrize("name", ["Spender", "Middle"])
async def test_what_was_started_counts_for_the_budget_of_the_entity_that_asked_for_it(
    opened: Opened, gateway: ScriptedGateway, name: str
) -> None:
    """Over the waits for it, and however deep: the second one may ask three questions of five."""
    gateway.answers["boss"] = [asks(spawns(name)), asks(spawns(name)), "Done."]
    async with opened(Caps()) as home:
        await home.bot(SPENDER, "Spender")
        await home.bot(SPAWN, "Middle")
        execution = await home.run(boss("0.00002"), "x")
        assert (execution.status, execution.output) == (ExecutionStatus.COMPLETED, "Done.")
    asked = [request for request in gateway.requests if request.model == "boss"]
    assert [request.budget for request in asked] == [20_000, 8_000, 0]
    assert gateway.calls["m"] == 8


async def test_what_an_entity_starts_at_once_has_its_budget_together(
    opened: Opened, gateway: ScriptedGateway
) -> None:
    """Enough for five questions after its own; one more may be under way beside the fifth."""
    gateway.answers["boss"] = [asks(spawns("Spender"), spawns("Middle")), "Done."]
    async with opened(Caps()) as home:
        await home.bot(SPENDER, "Spender")
        await home.bot(SPAWN, "Middle")
        assert (await home.run(boss("0.000012"), "x")).output == "Done."
        failed = await Execution.filter(status=FAILED)
    assert 5 <= gateway.calls["m"] <= 6
    assert {one.error["kind"] for one in failed} == {"budget_exceeded"}
    assert any("`boss`" in one.error["message"] for one in failed)


async def test_an_entity_that_has_started_nothing_asks_nobody_what_is_left(
    opened: Opened, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("It has looked.")

    monkeypatch.setattr(pool.Pool, "cost_below", never)
    gateway.answers["boss"] = [asks(("echo", {"text": "x"})), "Done."]
    source = boss("0.00002").replace('["', '["echo", "')
    async with opened(Caps()) as home:
        await home.bot(SPENDER, "Spender")
        assert (await home.run(f"{source} chain {{ {SPAWN} boss }}", "x")).output == "Done."


async def test_what_is_enough_for_all_side_by_side_is_not_divided(
    opened: Opened, gateway: ScriptedGateway
) -> None:
    async with opened(Caps(cost_nano=42_000)) as home:
        await home.bot(SPENDER, "Spender")
        execution = await home.run(MAP, ["x"] * 4)
        assert execution.status is ExecutionStatus.COMPLETED
    assert gateway.calls["m"] == 20


async def test_a_child_that_is_done_again_does_not_count_for_its_parent_of_then(
    opened: Opened, gateway: ScriptedGateway
) -> None:
    async with opened(Caps(cost_nano=10_000)) as home:
        await home.bot(SPENDER, "Spender")
        parent = await home.run(PAIR, "x")
        child = await Execution.filter(parent_id=parent.id, status=FAILED).first()
        assert child is not None
        again = await rerun(home.owner, home.rooms.engine, RerunRequest(child.id))
        assert (await home.ended(again)).status is ExecutionStatus.COMPLETED


async def test_branches_that_go_on_at_once_look_once(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    calls_by = pool.calls_by

    async def counted(ids: Sequence[UUID], *more: Any) -> dict[UUID, int]:
        looks.append(len(ids))
        return await calls_by(ids, *more)

    caps = Caps(cost_nano=1_000_000)
    async with opened(caps) as home:
        await home.bot(SPENDER, "Spender")
        parent = await home.run(PAIR, "x")
        monkeypatch.setattr(pool, "calls_by", counted)
        spent = Spent(caps)
        family = pool.Pool(parent.id, None, caps, spent)
        await asyncio.gather(*[family.look() for _ in range(20)])
    assert looks == [3]
    assert (spent.children.cost_nano, spent.children.tokens) == (20_000, 150)
