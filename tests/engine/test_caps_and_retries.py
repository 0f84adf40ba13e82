"""What an execution may use is not given back by trying again, however that comes about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.engine import resting
from server.engine.caps import Caps
from server.executions.rerun import RerunRequest, rerun
from server.llm import verdict
from server.models.enums import ApprovalStatus, ExecutionStatus
from server.models.tables import Approval, Execution
from server.tools.base import Later, Tool, ToolContext, ToolFailed
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.tools import INPUT, Counted
from tests.support.waiting import until

USE = 'use echo with { text: "a" }'
COMPLETED, FAILED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED
FOR_NOW, FOR_GOOD = ToolFailed("Not now.", retryable=True), ToolFailed("No.")
Opened = Callable[[Caps], AbstractAsyncContextManager[Home]]


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
def echo() -> Counted:
    return Counted()


@pytest.fixture
def opened(tmp_path: Path, gateway: ScriptedGateway, echo: Counted, database_url: str) -> Opened:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""

    def home(caps: Caps) -> AbstractAsyncContextManager[Home]:
        return open_home(
            tmp_path, gateway=gateway, database_url=database_url, tools=[echo.tool], caps=caps
        )

    return home


async def tried_again(home: Home, source: str, inputs: object = "x") -> Execution:
    """To its end; whenever it asks what to do about a failure, it is to try again."""
    execution = await home.start(await home.bot(source), inputs)

    async def next_question() -> Approval | Execution | None:
        row = await Execution.get(id=execution.id)
        if row.status in (COMPLETED, FAILED):
            return row
        return await Approval.get_or_none(execution_id=row.id, status=ApprovalStatus.PENDING)

    while isinstance(found := await until(next_question), Approval):
        again = Answer("choose", action="retry")
        await approvals.decide(home.owner, home.rooms.engine, found.id, again)
    assert found is not None
    return found


def over(execution: Execution) -> bool:
    return execution.status is FAILED and execution.error["kind"] == "budget_exceeded"


@pytest.mark.parametrize(("calls", "enough"), [(3, False), (4, True)])
async def test_tries_before_a_wait_count_after_it(
    opened: Opened, echo: Counted, monkeypatch: pytest.MonkeyPatch, calls: int, enough: bool
) -> None:
    monkeypatch.setattr(verdict, "BASE_SECONDS", 0.01)
    monkeypatch.setattr(resting, "IN_PLACE_SECONDS", 0.0)
    echo.failures = [FOR_NOW, FOR_NOW]
    async with opened(Caps(calls=calls)) as home:
        execution = await home.run(f"chain {{ {USE} {USE} }}", "x")
        assert (execution.attempt, over(execution)) == (3, not enough)
    assert len(echo.calls) == calls


@pytest.mark.parametrize("source", [f"{USE} on_error pause", f"chain {{ {USE} }} on_error pause"])
async def test_calls_of_a_step_that_a_person_tries_again_count(
    opened: Opened, echo: Counted, source: str
) -> None:
    echo.failures = [FOR_GOOD, FOR_GOOD, FOR_GOOD]
    async with opened(Caps(calls=2)) as home:
        assert over(await tried_again(home, source))
    assert len(echo.calls) == 2


async def test_steps_of_a_block_that_is_tried_again_count(opened: Opened, echo: Counted) -> None:
    """Each try of the block and of the call in it is a step; the calculation is done once."""
    pure = 'processor("n") { "1" }'
    echo.failures = [FOR_GOOD, FOR_GOOD, FOR_GOOD]
    async with opened(Caps(steps=6)) as home:
        source = f"chain {{ {pure} {USE} }} on_error pause"
        assert over(await tried_again(home, source))
    assert len(echo.calls) == 2


async def test_a_rerun_has_limits_of_its_own(
    opened: Opened, echo: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it takes over counts no more than it costs."""
    monkeypatch.setattr(verdict, "BASE_SECONDS", 0.001)
    echo.failures = [FOR_NOW, FOR_NOW]
    async with opened(Caps(calls=3)) as home:
        first = await home.run(f"chain {{ {USE} {USE} {USE} }}", "x")
        assert over(first)
        again = await rerun(home.owner, home.rooms.engine, RerunRequest(first.id))
        assert (await home.ended(again)).status is COMPLETED
    assert len(echo.calls) == 5


async def test_looking_for_what_a_call_waits_for_is_no_call(
    tmp_path: Path, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside work that keeps the run, it is looked at again and again."""
    monkeypatch.setattr(resting, "LOOK_AGAIN_SECONDS", 0.001)
    looks = 0
    enough = asyncio.Event()

    async def patient(arguments: object, context: ToolContext) -> object:
        nonlocal looks
        looks += 1
        if looks < 10:
            return Later("wait", state={}, listens=True)
        enough.set()
        return "It came."

    tool = Tool(name="patient", description="Waits.", run=patient, input=INPUT)
    gateway.held["m"] = enough
    gateway.asked["m"] = asyncio.Event()
    use = 'use patient with { text: "a" }'
    source = f'a {{ "goal": "g", "model": "m" }} parallel {{ "one": a "two": {use} }}'
    async with open_home(tmp_path, gateway=gateway, tools=[tool], caps=Caps(calls=2)) as home:
        assert (await home.run(source, "x")).status is COMPLETED
    assert looks == 10
