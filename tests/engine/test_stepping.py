"""Pause and step inside the tool loop of an entity: each question after the first and each call of
a tool is an action of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.executions import service as executions
from server.models.enums import ExecutionStatus
from server.models.tables import Approval, Execution, Step
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted

WRITER = 'writer { "goal": "Write", "model": "m", "tools": ["echo"] }'
GUARDED = 'writer { "goal": "Write", "model": "m", "can_request": ["echo"] }'
PAUSED, DONE = ExecutionStatus.PAUSED, ExecutionStatus.COMPLETED


@pytest.fixture
def gateway() -> ScriptedGateway:
    turns = [asks(("echo", {"text": "a"})), asks(("echo", {"text": "b"})), "done"]
    return ScriptedGateway(answers={"m": list(turns)})


@pytest.fixture
def echo() -> Counted:
    return Counted()


@pytest.fixture
async def home(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted, database_url: str
) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(
        tmp_path, gateway=gateway, database_url=database_url, tools=[echo.tool]
    ) as home:
        yield home


async def paused_in_the_first_turn(
    home: Home, gateway: ScriptedGateway, source: str = WRITER
) -> Execution:
    let_go = gateway.hold("m")
    execution = await home.start(await home.bot(source), "x")
    await gateway.asked["m"].wait()
    await home.control(execution, "pause")
    let_go.set()
    return await home.until(execution, PAUSED)


async def stepped(home: Home, execution: Execution) -> None:
    """One step, up to where it holds or ends."""
    await home.control(execution, "step")
    await home.until(execution, PAUSED, DONE)


async def test_a_pause_in_the_first_turn_leaves_the_second_unasked(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    execution = await paused_in_the_first_turn(home, gateway)
    assert (gateway.calls["m"], echo.arguments) == (1, [])
    assert (execution.owner, execution.due_at) == (None, None)
    await home.control(execution, "resume")
    ended = await home.ended(execution)
    assert (ended.status, ended.output) == (DONE, "done")
    assert (gateway.calls["m"], echo.arguments) == (3, [{"text": "a"}, {"text": "b"}])
    assert ended.cost_nano == 6_000


async def test_a_pause_while_a_tool_is_at_work_leaves_the_next_turn_unasked(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    echo.gate, echo.together = asyncio.Event(), 1
    execution = await home.start(await home.bot(WRITER), "x")
    await echo.entered.wait()
    await home.control(execution, "pause")
    echo.gate.set()
    await home.until(execution, PAUSED)
    assert (gateway.calls["m"], len(echo.calls)) == (1, 1)
    await home.control(execution, "resume")
    assert (await home.ended(execution)).output == "done"
    assert (gateway.calls["m"], len(echo.calls)) == (3, 2)


async def test_three_steps_through_a_tool_loop_are_three_actions(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    execution = await paused_in_the_first_turn(home, gateway)
    seen = [(gateway.calls["m"], len(echo.calls))]
    for _ in range(3):
        await stepped(home, execution)
        seen.append((gateway.calls["m"], len(echo.calls)))
    assert seen == [(1, 0), (1, 1), (2, 1), (2, 2)]
    await stepped(home, execution)
    ended = await home.ended(execution)
    assert (ended.status, ended.output, gateway.calls["m"]) == (DONE, "done", 3)
    step = await Step.get(execution_id=execution.id, key="writer")
    assert (step.input_tokens, step.cost_nano) == (30, 6_000)


async def test_of_calls_side_by_side_a_step_makes_one(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    both = asks(("echo", {"text": "a"}), ("echo", {"text": "b"}))
    gateway.answers["m"] = [both, "done"]
    execution = await paused_in_the_first_turn(home, gateway)
    await stepped(home, execution)
    assert (len(echo.calls), gateway.calls["m"]) == (1, 1)
    await stepped(home, execution)
    assert (len(echo.calls), gateway.calls["m"]) == (2, 1)
    await home.control(execution, "resume")
    assert (await home.ended(execution)).output == "done"


async def asked(home: Home, execution: Execution) -> Approval:
    await home.until(execution, ExecutionStatus.WAITING)
    return await Approval.get(execution_id=execution.id)


async def test_a_step_takes_a_tool_through_its_approval_and_holds_after_it(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = [asks(("echo", {"text": "a"})), "done"]
    execution = await paused_in_the_first_turn(home, gateway, GUARDED)
    await home.control(execution, "step")
    question = await asked(home, execution)
    assert echo.calls == []
    await approvals.decide(home.owner, home.rooms.engine, question.id, Answer("approve"))
    await home.until(execution, PAUSED)
    assert (len(echo.calls), gateway.calls["m"]) == (1, 1)
    await stepped(home, execution)
    assert (await home.ended(execution)).output == "done"
    assert (len(echo.calls), gateway.calls["m"]) == (1, 2)


async def test_what_waits_after_a_step_can_be_let_go(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = [asks(("echo", {"text": "a"})), "done"]
    execution = await paused_in_the_first_turn(home, gateway, GUARDED)
    await home.control(execution, "step")
    question = await asked(home, execution)
    await home.control(execution, "resume")
    await approvals.decide(home.owner, home.rooms.engine, question.id, Answer("approve"))
    assert (await home.ended(execution)).output == "done"


async def test_a_pause_during_an_approval_holds_the_tool_until_a_step(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = [asks(("echo", {"text": "a"})), "done"]
    execution = await home.start(await home.bot(GUARDED), "x")
    question = await asked(home, execution)
    assert (await home.control(execution, "pause")).status is PAUSED
    await approvals.decide(home.owner, home.rooms.engine, question.id, Answer("approve"))
    assert (await executions.get(home.owner, execution.id)).status is PAUSED
    await stepped(home, execution)
    assert (len(echo.calls), gateway.calls["m"]) == (1, 1)
    await stepped(home, execution)
    assert (await home.ended(execution)).output == "done"
