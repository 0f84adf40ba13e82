"""What an entity's loop counts is not forgotten while a person decides in the middle of it: the run
ends there, and another taking goes through its turns again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.executions import service as executions
from server.executions.modifying import Changes, modify
from server.models.enums import ApprovalStatus, ExecutionStatus
from server.models.tables import Approval, Execution
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted
from tests.support.waiting import until

ENTITY = '"goal": "Write", "model": "m", "tools": ["echo", "guarded"]'
A, WRONG, WAITS = ("echo", {"text": "a"}), ("echo", {"txt": "a"}), ("guarded", {"text": "a"})
COMPLETED, FAILED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
def echo() -> Counted:
    return Counted()


@pytest.fixture
async def home(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted, database_url: str
) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    tools = [echo.tool, Counted(name="guarded", needs_approval=True).tool]
    async with open_home(tmp_path, gateway=gateway, database_url=database_url, tools=tools) as home:
        yield home


async def ran(home: Home, more: str = "") -> Execution:
    """To its end; whatever it asks is agreed to."""
    execution = await home.start(await home.bot(f"writer {{ {ENTITY} {more} }}"), "x")

    async def next_question() -> Approval | Execution | None:
        row = await executions.get(home.owner, execution.id)
        if row.status in (COMPLETED, FAILED):
            return row
        return await Approval.get_or_none(execution_id=row.id, status=ApprovalStatus.PENDING)

    while isinstance(found := await until(next_question), Approval):
        await approvals.decide(home.owner, home.rooms.engine, found.id, Answer("approve"))
    assert found is not None
    assert found.attempt > 1
    return found


def turns(*calls: tuple[str, Any]) -> list[Any]:
    return [*[asks(call) for call in calls], "Done."]


async def test_equal_calls_are_counted_over_a_wait(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = turns(A, WAITS, A, A, ("guarded", {"text": "b"}))
    execution = await ran(home)
    assert (execution.output, len(echo.calls)) == ("Done.", 2)
    events = await home.events(execution)
    assert [event["type"] for event in events].count("tool.refused") == 1


async def test_refused_turns_are_counted_over_a_wait(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["m"] = turns(WRONG, WRONG, WAITS, WRONG, WRONG, A)
    execution = await ran(home)
    assert (execution.status, execution.error["kind"]) == (FAILED, "entity_failed")
    assert gateway.calls["m"] == 5


async def test_the_limit_of_turns_holds_over_a_wait(home: Home, gateway: ScriptedGateway) -> None:
    calls = [("echo", {"text": str(number)}) for number in range(30)]
    gateway.answers["m"] = turns(*calls[:20], WAITS, *calls[20:])
    execution = await ran(home)
    assert (execution.status, execution.error["kind"]) == (FAILED, "budget_exceeded")
    assert gateway.calls["m"] == 25


@pytest.mark.parametrize(("stop", "asked"), [("stepCount:3", 3), ("hasToolResult:guarded", 2)])
async def test_stop_when_holds_over_a_wait(
    home: Home, gateway: ScriptedGateway, stop: str, asked: int
) -> None:
    gateway.answers["m"] = turns(A, WAITS, ("echo", {"text": "b"}), ("echo", {"text": "c"}))
    execution = await ran(home, f'"stopWhen": "{stop}"')
    assert (execution.status, gateway.calls["m"]) == (COMPLETED, asked)


@pytest.mark.parametrize("left", [["guarded"], []], ids=["the tool stays", "it is taken away"])
async def test_what_was_done_and_refused_stays_so_when_the_tools_change_in_a_wait(
    home: Home, gateway: ScriptedGateway, echo: Counted, left: list[str]
) -> None:
    """And what a person was asked for is theirs to decide."""
    gateway.answers["m"] = [asks(A, ("store_memory", {"action": "list"})), asks(WAITS), "Done."]
    execution = await home.start(await home.bot(f"writer {{ {ENTITY} }}"), "x")
    asked = await until(Approval.first)
    assert asked is not None
    changes = Changes(tools=[*left, "store_memory"])
    await modify(home.owner, home.rooms.engine, execution.id, "writer", changes)
    await approvals.decide(home.owner, home.rooms.engine, asked.id, Answer("approve"))
    assert (await home.ended(execution)).output == "Done."
    before, after = (
        [one.content for one in request.messages if one.role == "tool"]
        for request in gateway.requests[-2:]
    )
    assert after == [*before, "a"]
    assert len(echo.calls) == 1
