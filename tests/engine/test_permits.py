"""Tools that need a person: the step waits, and goes on as it was decided."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.core.errors import Invalid
from server.executions import service as executions
from server.models.enums import ApprovalKind, ExecutionStatus, WaitingReason
from server.models.tables import Approval, Execution
from server.tools.base import ToolFailed
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted
from tests.support.waiting import until

WRITER = 'writer { "goal": "Write", "model": "m", "can_request": ["echo"] }'


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway(answers={"m": [asks(("echo", {"text": "pay 5"})), "Done."]})


@pytest.fixture
def echo() -> Counted:
    return Counted()


@pytest.fixture
async def home(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted, database_url: str
) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    guarded = Counted(name="guarded", needs_approval=True)
    async with open_home(
        tmp_path, gateway=gateway, database_url=database_url, tools=[echo.tool, guarded.tool]
    ) as home:
        yield home


async def asked(home: Home, execution: Execution) -> Approval:
    """The question, once the execution waits and no worker has it."""
    await home.until(execution, ExecutionStatus.WAITING)
    return await Approval.get(execution_id=execution.id)


async def decided(home: Home, execution: Execution, answer: Answer) -> Execution:
    question = await asked(home, execution)
    await approvals.decide(home.owner, home.rooms.engine, question.id, answer)
    return await home.ended(execution)


async def test_a_tool_on_request_waits_for_a_person_who_sees_what_is_asked(
    home: Home, echo: Counted
) -> None:
    started = await home.start(await home.bot(WRITER), "x")
    question = await asked(home, started)
    row = await executions.get(home.owner, started.id)
    assert row.waiting_reason is WaitingReason.APPROVAL
    assert row.owner is None
    assert (question.kind, question.tool, question.entity) == (
        ApprovalKind.TOOL,
        "echo",
        "writer",
    )
    assert question.arguments == {"text": "pay 5"}
    assert question.step_key == "writer/turn[1]/echo"
    assert echo.calls == []


async def test_approved_it_is_called_once_and_the_model_is_not_asked_again(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    started = await home.start(await home.bot(WRITER), "x")
    ended = await decided(home, started, Answer("approve"))
    assert ended.output == "Done."
    assert echo.arguments == [{"text": "pay 5"}]
    assert gateway.calls["m"] == 2


async def test_rejected_it_is_told_to_the_model(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    started = await home.start(await home.bot(WRITER), "x")
    ended = await decided(home, started, Answer("reject", note="too much"))
    assert ended.output == "Done."
    assert echo.calls == []
    told = gateway.requests[-1].messages[-1].content
    assert told.startswith("Failed (approval_denied):")
    assert "too much" in told


async def test_modified_it_is_called_with_what_the_person_wrote(home: Home, echo: Counted) -> None:
    started = await home.start(await home.bot(WRITER), "x")
    ended = await decided(home, started, Answer("modify", arguments={"text": "pay 1"}))
    assert ended.status is ExecutionStatus.COMPLETED
    assert echo.arguments == [{"text": "pay 1"}]


async def test_what_a_person_wrote_must_fit_the_tool_too(home: Home, echo: Counted) -> None:
    started = await home.start(await home.bot(WRITER), "x")
    with pytest.raises(Invalid, match="text"):  # and the question stays open
        await decided(home, started, Answer("modify", arguments={"words": 1}))
    ended = await decided(home, started, Answer("modify", arguments={"text": "pay 1"}))
    assert ended.output == "Done."
    assert echo.arguments == [{"text": "pay 1"}]


@pytest.mark.parametrize(("answer", "output"), [("approve", "hey"), ("reject", None)])
async def test_a_guarded_tool_asks_also_when_used_without_a_model(
    tmp_path: Path, answer: Any, output: Any
) -> None:
    guarded = Counted(name="guarded", needs_approval=True)
    async with open_home(tmp_path, gateway=ScriptedGateway(), tools=[guarded.tool]) as home:
        started = await home.start(await home.bot("use guarded"), {"text": "hey"})
        ended = await decided(home, started, Answer(answer))
    assert ended.output == output
    assert len(guarded.calls) == (1 if answer == "approve" else 0)
    if answer == "reject":
        assert ended.error["kind"] == "approval_denied"


async def two_asked(execution: Execution) -> bool:
    return await Approval.filter(execution_id=execution.id).count() == 2


async def test_two_calls_of_one_turn_are_two_questions(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    both = asks(("echo", {"text": "a"}), ("echo", {"text": "b"}))
    gateway.answers["m"] = [both, "Done."]
    started = await home.start(await home.bot(WRITER), "x")
    await until(lambda: two_asked(started))
    for question in await Approval.filter(execution_id=started.id):
        await approvals.decide(home.owner, home.rooms.engine, question.id, Answer("approve"))
    ended = await home.ended(started)
    assert ended.output == "Done."
    assert sorted(one["text"] for one in echo.arguments) == ["a", "b"]


async def test_an_unsafe_tool_that_failed_is_tried_again_when_a_person_says_so(
    tmp_path: Path,
) -> None:
    """Its outcome is known, so nobody is asked what became of it."""
    unsafe = Counted(name="unsafe", idempotent=False, failures=[ToolFailed("No.")])
    async with open_home(tmp_path, gateway=ScriptedGateway(), tools=[unsafe.tool]) as home:
        started = await home.start(await home.bot("use unsafe on_error pause"), {"text": "hey"})
        ended = await decided(home, started, Answer("choose", action="retry"))
    assert ended.output == "hey"
    assert len(unsafe.calls) == 2
