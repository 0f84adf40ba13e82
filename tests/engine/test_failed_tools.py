"""`on_tool_error: pause`: a tool that a model called has failed, and the execution waits for a
person with the diagnosis before the model hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.core.errors import Invalid
from server.executions import service as executions
from server.llm.errors import ModelError, ModelErrorKind
from server.models.enums import ApprovalKind, ExecutionStatus, StepStatus, WaitingReason
from server.models.tables import Approval, Execution, Step
from server.tools.base import ToolContext, ToolFailed
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted
from tests.support.waiting import until

WRITER = 'writer { "goal": "Write", "model": "m", "tools": ["echo"], "on_tool_error": "pause" }'
NOT_AGAIN = ModelError(ModelErrorKind.BAD_REQUEST, "No.")
KEY = "writer/turn[1]/echo"


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway(answers={"m": [asks(("echo", {"text": "pay 5"})), "Done."]})


@pytest.fixture
def echo() -> Counted:
    return Counted(failures=[ToolFailed("The bank is closed.")])


@pytest.fixture
async def home(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted, database_url: str
) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(
        tmp_path, gateway=gateway, database_url=database_url, tools=[echo.tool]
    ) as home:
        yield home


async def asked(home: Home, execution: Execution, number: int = 1) -> Approval:
    """The question, once the execution waits and no worker has it."""

    async def there() -> bool:
        waits = await Execution.filter(id=execution.id, status="waiting", owner=None).exists()
        return waits and await Approval.filter(execution_id=execution.id).count() == number

    await until(there)
    return (await Approval.filter(execution_id=execution.id).order_by("-created_at"))[0]


async def decide(home: Home, question: Approval, answer: Answer) -> None:
    await approvals.decide(home.owner, home.rooms.engine, question.id, answer)


def told(gateway: ScriptedGateway) -> list[str]:
    """What the tools answered, as the model saw it in the end."""
    return [one.content for one in gateway.requests[-1].messages if one.role == "tool"]


async def test_it_waits_with_the_diagnosis_and_what_the_tool_was_given(
    home: Home, gateway: ScriptedGateway
) -> None:
    started = await home.start(await home.bot(WRITER), "x")
    question = await asked(home, started)
    row = await executions.get(home.owner, started.id)
    assert row.waiting_reason is WaitingReason.APPROVAL
    assert (question.kind, question.step_key, question.tool) == (ApprovalKind.REMEDY, KEY, "echo")
    assert question.arguments == {
        "kind": "tool_failed",
        "message": "The bank is closed.",
        "given": {"text": "pay 5"},
    }
    assert question.diagnosis["cause"] == "The tool reported a failure."
    assert gateway.calls["m"] == 1
    step = await Step.get(execution_id=started.id, key=KEY)
    assert (step.status, step.error["diagnosis"]) == (StepStatus.WAITING, question.diagnosis)


@pytest.mark.parametrize(
    ("answer", "heard", "calls"),
    [
        (Answer("choose", action="retry"), "pay 5", 2),
        (Answer("choose", action="skip"), "Failed (tool_failed): The bank is closed.", 1),
        (Answer("choose", action="continue", value={"paid": 5}), '{"paid":5}', 1),
        (Answer("modify", arguments={"text": "pay 4"}), "pay 4", 2),
    ],
    ids=["retry", "skip", "continue", "edit"],
)
async def test_what_the_person_says_is_what_the_model_hears(
    home: Home, gateway: ScriptedGateway, echo: Counted, answer: Answer, heard: str, calls: int
) -> None:
    started = await home.start(await home.bot(WRITER), "x")
    await decide(home, await asked(home, started), answer)
    ended = await home.ended(started)
    assert (ended.status, ended.output) == (ExecutionStatus.COMPLETED, "Done.")
    assert told(gateway) == [heard]
    assert (len(echo.calls), gateway.calls["m"]) == (calls, 2)
    events = await home.events(started)
    repairs = [one["data"]["action"] for one in events if one["type"] == "repair.tried"]
    assert repairs == ["edit_and_retry" if answer.verdict == "modify" else answer.action]


async def test_let_it_fail_is_the_failure_of_the_entity(
    home: Home, gateway: ScriptedGateway
) -> None:
    started = await home.start(await home.bot(WRITER), "x")
    await decide(home, await asked(home, started), Answer("choose", action="fail"))
    ended = await home.ended(started)
    assert (ended.status, ended.error["kind"]) == (ExecutionStatus.FAILED, "tool_failed")
    assert gateway.calls["m"] == 1


async def test_edited_arguments_are_another_call_and_are_shown(home: Home, echo: Counted) -> None:
    started = await home.start(await home.bot(WRITER), "x")
    question = await asked(home, started)
    with pytest.raises(Invalid, match="text"):  # and the question stays open
        await decide(home, question, Answer("modify", arguments={"words": 1}))
    await decide(home, question, Answer("modify", arguments={"text": "pay 4"}))
    await home.ended(started)
    assert echo.arguments == [{"text": "pay 5"}, {"text": "pay 4"}]
    assert len(set(echo.calls)) == 2
    assert (await Step.get(execution_id=started.id, key=KEY)).input == {"text": "pay 4"}


async def test_each_failure_is_asked_about_and_the_earlier_answers_stay(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    echo.failures.append(ToolFailed("Still closed."))
    started = await home.start(await home.bot(WRITER), "x")
    await decide(home, await asked(home, started), Answer("modify", arguments={"text": "pay 4"}))
    second = await asked(home, started, 2)
    assert second.arguments["given"] == {"text": "pay 4"}
    await decide(home, second, Answer("approve"))
    assert (await home.ended(started)).output == "Done."
    assert told(gateway) == ["pay 4"]


async def test_what_a_person_refused_is_told_to_the_model_and_not_asked_again(
    home: Home, gateway: ScriptedGateway
) -> None:
    started = await home.start(await home.bot(WRITER.replace("tools", "can_request")), "x")
    await decide(home, await asked(home, started), Answer("reject", note="too much"))
    assert (await home.ended(started)).output == "Done."
    assert "approval_denied" in told(gateway)[0]


async def test_other_calls_of_the_turn_go_on_meanwhile(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = [asks(("echo", {"text": "a"}), ("echo", {"text": "b"})), "Done."]
    started = await home.start(await home.bot(WRITER), "x")
    await decide(home, await asked(home, started), Answer("choose", action="retry"))
    assert (await home.ended(started)).output == "Done."
    assert told(gateway) == ["a", "b"]
    assert sorted(one["text"] for one in echo.arguments) in (["a", "a", "b"], ["a", "b", "b"])


async def test_a_pause_and_single_steps_hold_there_too(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    started = await home.start(await home.bot(WRITER), "x")
    question = await asked(home, started)
    await home.control(started, "pause")
    await decide(home, question, Answer("choose", action="retry"))
    assert (await executions.get(home.owner, started.id)).status is ExecutionStatus.PAUSED
    await home.control(started, "step")
    await until(lambda: _called(echo, 2))
    await home.until(started, ExecutionStatus.PAUSED)
    assert gateway.calls["m"] == 1
    await home.control(started, "resume")
    assert (await home.ended(started)).output == "Done."


async def _called(tool: Counted, times: int) -> bool:
    return len(tool.calls) == times


async def test_cancelled_while_it_waits_nothing_is_left_open(home: Home) -> None:
    started = await home.start(await home.bot(WRITER), "x")
    await asked(home, started)
    await home.control(started, "cancel")
    ended = await home.ended(started)
    assert ended.status is ExecutionStatus.CANCELLED
    rows = await Step.filter(execution_id=started.id).exclude(type="remembered")
    assert {row.status for row in rows} == {StepStatus.CANCELLED}


# --- an input that is edited ------------------------------------------------------------------


async def test_an_entity_is_asked_anew_with_another_input(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    """What it did for the earlier input is not taken for an answer to this one."""
    echo.failures.clear()
    call = asks(("echo", {"text": "same"}))
    gateway.answers["m"] = [call, NOT_AGAIN, call, "Done."]
    source = WRITER + " chain { writer on_error pause }"
    started = await home.start(await home.bot(source), "one")
    question = await asked(home, started)
    assert (question.arguments["given"], question.tool) == ("one", None)
    await decide(home, question, Answer("modify", arguments="two"))
    assert (await home.ended(started)).output == "Done."
    assert gateway.requests[-1].messages[1].content == "two"
    assert len(set(echo.calls)) == 2
    step = await Step.get(execution_id=started.id, key=question.step_key)
    assert (step.input, step.status) == ("two", StepStatus.COMPLETED)


async def test_a_use_step_takes_other_arguments(home: Home, echo: Counted) -> None:
    source = "use echo with { text: '{{result.t}}' } on_error pause"
    started = await home.start(await home.bot(source), {"t": "pay 5"})
    question = await asked(home, started)
    assert question.arguments["given"] == {"text": "pay 5"}
    await decide(home, question, Answer("modify", arguments={"text": "pay 4"}))
    assert (await home.ended(started)).output == "pay 4"
    assert len(set(echo.calls)) == 2


async def test_what_a_block_was_given_cannot_be_changed(home: Home) -> None:
    source = "chain { chain { use echo with { text: 'a' } } on_error pause }"
    started = await home.start(await home.bot(source), "x")
    question = await asked(home, started)
    assert question.arguments == {"kind": "tool_failed", "message": "The bank is closed."}
    with pytest.raises(Invalid, match="cannot be changed"):
        await decide(home, question, Answer("modify", arguments={"text": "b"}))


async def test_tried_again_around_it_a_new_failure_is_asked_about_again(
    home: Home, echo: Counted
) -> None:
    """Not answered by what was said about the failure of then."""
    echo.failures.append(ToolFailed("Still closed."))
    source = "chain { chain { use echo with { text: 'a' } on_error pause } on_error pause }"
    started = await home.start(await home.bot(source), "x")
    await decide(home, await asked(home, started), Answer("choose", action="fail"))
    await decide(home, await asked(home, started, 2), Answer("choose", action="retry"))
    inner = await asked(home, started, 3)
    assert inner.reason == "Still closed."
    await decide(home, inner, Answer("choose", action="retry"))
    assert (await home.ended(started)).output == "a"


# --- told once --------------------------------------------------------------------------------


async def test_a_refusal_is_told_once_however_often_the_turn_is_gone_through(
    home: Home, gateway: ScriptedGateway
) -> None:
    both = asks(("echo", {"text": "a"}), ("nothing_there", {}))
    gateway.answers["m"] = [both, "Done."]
    started = await home.start(await home.bot(WRITER), "x")
    await decide(home, await asked(home, started), Answer("choose", action="skip"))
    await home.ended(started)
    events = await home.events(started)
    refused = [one["data"]["tool"] for one in events if one["type"] == "tool.refused"]
    assert refused == ["nothing_there"]


async def test_a_repair_is_told_once_too(home: Home, echo: Counted) -> None:
    """Gone through again after the next wait."""
    echo.failures.append(ToolFailed("Still closed."))
    use = "use echo with { text: 'a' } on_error pause"
    started = await home.start(await home.bot(f"chain {{ {use} {use} }}"), "x")
    await decide(home, await asked(home, started), Answer("choose", action="skip"))
    await decide(home, await asked(home, started, 2), Answer("choose", action="retry"))
    assert (await home.ended(started)).status is ExecutionStatus.COMPLETED
    events = await home.events(started)
    repairs = [one["data"]["action"] for one in events if one["type"] == "repair.tried"]
    assert repairs == ["skip", "retry"]


async def test_what_a_try_cost_is_shown_once(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted
) -> None:
    """Tried again while something else of the run keeps its worker."""

    async def pays(arguments: dict[str, Any], context: ToolContext) -> Any:
        context.bill.charge(1_000, "shop", "a look")
        return await echo.tool.run(arguments, context)

    gateway.answers["m"] = [asks(("echo", {"text": "a"})), "Done."]
    slow = gateway.hold("slow")
    source = WRITER + 'slow { "goal": "x", "model": "slow" } parallel { writer slow }'
    tools = [replace(echo.tool, run=pays)]
    async with open_home(tmp_path, gateway=gateway, tools=tools) as home:
        started = await home.start(await home.bot(source), "x")
        question = await until(lambda: Approval.get_or_none(execution_id=started.id))
        assert question is not None
        await decide(home, question, Answer("approve"))
        await until(lambda: _called(echo, 2))
        slow.set()
        assert (await home.ended(started)).status is ExecutionStatus.COMPLETED
        step = await Step.get(execution_id=started.id, key=question.step_key)
    assert step.cost_nano == 2_000
