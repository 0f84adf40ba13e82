"""Beginning inside an entity: the turns that were answered stay, with what their tools gave, and no
result is given to a question that it does not belong to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.bots import drafts
from server.core.errors import Invalid
from server.core.ids import public_id
from server.executions import recordings
from server.executions.foreseeing import foresee
from server.executions.rerun import RerunRequest, rerun
from server.executions.service import StartRequest
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import ChatRequest
from server.models.enums import ExecutionMode, ExecutionStatus, WaitingReason
from server.models.tables import Approval, Execution, Step, Usage
from server.tools.base import ToolFailed
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import Asks, ScriptedGateway, asks
from tests.support.tools import Counted

WRITER = 'writer { "goal": "Write", "model": "m", "tools": ["echo"] }\n'
LAST = 'last { "goal": "End", "model": "ml" }\n'
TWO = WRITER + LAST + "chain { writer last }"
DONE, FAILED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED
KEY = "chain/writer/turn[{}]/echo"
WHOLE = "arg1 arg2 arg3"


def answers_of(asked: ChatRequest) -> list[str]:
    return [message.content for message in asked.messages if message.role == "tool"]


def three_calls(asked: ChatRequest) -> str | Asks:
    """Asks for one after the other, then says what it was told."""
    told = answers_of(asked)
    return " ".join(told) if len(told) == 3 else asks(("echo", {"text": f"arg{len(told) + 1}"}))


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway({"m": [three_calls]})


@pytest.fixture
def echo() -> Counted:
    return Counted()


@pytest.fixture
def pay() -> Counted:
    return Counted("pay", idempotent=False, gate=asyncio.Event())


@pytest.fixture
async def home(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted, pay: Counted
) -> AsyncIterator[Home]:
    tools = [echo.tool, pay.tool]
    async with open_home(tmp_path, gateway=gateway, tools=tools) as home:
        yield home


@pytest.fixture
async def first(home: Home, gateway: ScriptedGateway, echo: Counted) -> Execution:
    execution = await home.run(TWO, "x")
    assert execution.output == WHOLE
    forget(gateway, echo)
    return execution


def forget(gateway: ScriptedGateway, echo: Counted) -> None:
    gateway.calls.clear()
    gateway.requests.clear()
    echo.arguments.clear()
    echo.calls.clear()


def texts(echo: Counted) -> list[str]:
    return [given["text"] for given in echo.arguments]


async def again(home: Home, execution: Execution, **given: Any) -> Execution:
    request = RerunRequest(execution.id, **given)
    return await home.ended(await rerun(home.owner, home.rooms.engine, request))


async def seq_of(home: Home, execution: Execution, kind: str, key: str, number: int = 0) -> int:
    found = [
        one["seq"]
        for one in await home.events(execution)
        if (one["type"], one["stepKey"]) == (kind, key)
    ]
    return found[number]


async def test_from_a_tool_call_the_turns_before_it_stay(
    home: Home, gateway: ScriptedGateway, echo: Counted, first: Execution
) -> None:
    request = RerunRequest(first.id, from_step=KEY.format(2))
    foreseen = await foresee(home.owner, home.rooms.engine, request)
    assert foreseen.reused == [KEY.format(1)]
    second = await again(home, first, from_step=KEY.format(2))
    assert (second.status, second.output) == (DONE, WHOLE)
    assert texts(echo) == ["arg2", "arg3"]
    assert gateway.calls == {"m": 2, "ml": 1}
    assert second.forked_from_step == KEY.format(2)
    steps = {row.key: row for row in await Step.filter(execution_id=second.id)}
    assert [steps[KEY.format(n)].reused for n in (1, 2, 3)] == [True, False, False]
    assert not steps["chain/writer"].reused
    # Two questions and the last one's are paid here; the first question was paid there.
    assert (steps["chain/writer"].cost_nano, second.cost_nano) == (4_000, 6_000)
    assert await Usage.filter(execution_id=second.id).count() == 3
    third = await again(home, second, from_step=KEY.format(3))
    assert (third.output, third.cost_nano) == (WHOLE, 4_000)


async def test_the_result_or_the_arguments_of_a_tool_call_can_be_others(
    home: Home, gateway: ScriptedGateway, echo: Counted, first: Execution
) -> None:
    key = KEY.format(2)
    second = await again(home, first, from_step=key, outputs={key: "edited"})
    assert (second.output, texts(echo)) == ("arg1 edited arg3", ["arg3"])
    assert gateway.calls == {"m": 2, "ml": 1}
    forget(gateway, echo)
    third = await again(home, first, from_step=key, arguments={"text": "other"})
    assert (third.output, texts(echo)) == ("arg1 other arg3", ["other", "arg3"])
    assert (await Step.get(execution_id=third.id, key=key)).input == {"text": "other"}
    said = gateway.requests[0].messages
    assert any('"other"' in call.arguments for one in said for call in one.tool_calls)
    forget(gateway, echo)
    fourth = await again(home, first, from_step=key, outputs={KEY.format(1): "earlier"})
    assert (fourth.output, texts(echo)) == ("earlier arg2 arg3", ["arg2", "arg3"])
    assert gateway.calls == {"m": 3, "ml": 1}


async def test_a_question_can_be_asked_again(
    home: Home, gateway: ScriptedGateway, echo: Counted, first: Execution
) -> None:
    second = await again(home, first, from_step="chain/writer/turn[2]")
    assert (second.output, texts(echo), gateway.calls["m"]) == (WHOLE, ["arg2", "arg3"], 3)
    forget(gateway, echo)
    third = await again(home, second, from_step="chain/writer/turn[4]")  # answered without a tool
    assert (third.output, texts(echo), gateway.calls) == (WHOLE, [], {"m": 1, "ml": 1})
    with pytest.raises(Invalid, match="was asked 4 questions") as refused:
        await again(home, first, from_step="chain/writer/turn[5]")
    assert list(refused.value.path or ()) == ["fromStep"]


async def test_what_makes_no_sense_inside_an_entity_is_refused(
    home: Home, gateway: ScriptedGateway, first: Execution
) -> None:
    key = KEY.format(2)
    for given, path in (
        ({"from_step": KEY.format(9)}, "fromStep"),
        ({"from_step": "chain/last", "outputs": {key: 1}}, "outputs"),
        ({"from_step": "chain/writer", "outputs": {key: 1}}, "outputs"),
        ({"from_step": key, "input": "y"}, "fromStep"),
        ({"from_step": key, "arguments": "text"}, "arguments"),
        ({"from_step": "chain/last", "arguments": {}}, "arguments"),
    ):
        with pytest.raises(Invalid) as refused:
            await again(home, first, **given)
        assert (refused.value.path or [""])[0] == path
    await drafts.save(home.owner, first.bot_id, TWO.replace("Write", "Paint"), 1)
    with pytest.raises(Invalid, match="not asked as it was"):
        await again(home, first, from_step=key, version="draft")


async def test_from_a_moment_inside_the_loop_it_goes_on_just_there(
    home: Home, gateway: ScriptedGateway, echo: Counted, first: Execution
) -> None:
    seq = await seq_of(home, first, "step.completed", KEY.format(2))
    second = await again(home, first, from_seq=seq)
    assert (second.output, texts(echo)) == (WHOLE, ["arg3"])
    assert gateway.calls == {"m": 2, "ml": 1}
    forget(gateway, echo)
    seq = await seq_of(home, first, "model.answered", "chain/writer", 1)
    third = await again(home, first, from_seq=seq)
    assert (third.output, texts(echo), gateway.calls["m"]) == (WHOLE, ["arg2", "arg3"], 2)
    forget(gateway, echo)
    fourth = await again(home, third, from_seq=third.last_seq)
    assert (fourth.output, texts(echo), gateway.calls) == (WHOLE, [], {})


async def test_another_question_is_not_given_an_old_result(
    home: Home, gateway: ScriptedGateway, echo: Counted, first: Execution
) -> None:
    """The draft asks otherwise, so the model is asked from the beginning, and all it asks for is
    called."""
    seq = await seq_of(home, first, "step.completed", KEY.format(2))
    await drafts.save(home.owner, first.bot_id, TWO.replace("Write", "Paint"), 1)
    gateway.answers["m"] = [
        lambda asked: (
            " ".join(told) if (told := answers_of(asked)) else asks(("echo", {"text": "arg4"}))
        )
    ]
    second = await again(home, first, from_seq=seq, version="draft")
    assert (second.output, texts(echo), gateway.calls["m"]) == ("arg4", ["arg4"], 2)


async def test_an_entity_that_failed_goes_on_with_its_last_question(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    broken = ModelError(ModelErrorKind.BAD_REQUEST, "No.")
    gateway.answers["m"] = [
        lambda asked: broken if len(answers_of(asked)) == 2 else three_calls(asked)
    ]
    first = await home.run(TWO, "x")
    assert (first.status, texts(echo)) == (FAILED, ["arg1", "arg2"])
    gateway.answers["m"] = [three_calls]
    forget(gateway, echo)
    second = await again(home, first)
    assert (second.output, texts(echo), gateway.calls["m"]) == (WHOLE, ["arg3"], 2)
    forget(gateway, echo)
    third = await again(home, first, from_step="chain/writer")
    assert (third.output, gateway.calls["m"]) == (WHOLE, 4)


async def test_one_that_was_refused_too_often_is_asked_its_last_question_again(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    gateway.answers["m"] = [asks(("nothing", {}))]
    first = await home.run(TWO, "x")
    assert (first.status, first.error["kind"]) == (FAILED, "entity_failed")
    gateway.answers["m"] = ["well"]
    forget(gateway, echo)
    second = await again(home, first)
    assert (second.output, gateway.calls["m"]) == ("well", 1)


async def test_a_tool_whose_failure_was_told_stays_told(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    echo.failures.append(ToolFailed("No.", "bad_request"))
    first = await home.run(TWO, "x")
    assert first.status is DONE
    told = (first.output, await again(home, first, from_step=KEY.format(2)))
    assert told[1].output == told[0]
    assert texts(echo) == ["arg1", "arg2", "arg3", "arg2", "arg3"]


async def test_what_must_not_be_made_twice_and_was_broken_off_is_asked_about(
    home: Home, gateway: ScriptedGateway, pay: Counted
) -> None:
    """A sibling failed while it was under way: nobody knows whether it was done."""
    source = LAST + 'parallel { use pay with { text: "p" } last }'
    gateway.hold("ml")
    first = await home.start(await home.bot(source), "x")
    await gateway.asked["ml"].wait()
    await pay.entered.wait()
    gateway.answers["ml"] = [ModelError(ModelErrorKind.BAD_REQUEST, "No.")]
    gateway.held.pop("ml").set()
    assert (await home.ended(first)).status is FAILED
    gateway.answers["ml"] = ["well"]
    second = await rerun(home.owner, home.rooms.engine, RerunRequest(first.id))
    waiting = await home.until(second, ExecutionStatus.WAITING)
    assert (waiting.waiting_reason, len(pay.calls)) == (WaitingReason.OUTCOME_UNKNOWN, 1)
    question = await Approval.get(execution_id=second.id)
    answer = Answer("choose", action="done", value="paid")
    await approvals.decide(home.owner, home.rooms.engine, question.id, answer)
    ended = await home.ended(second)
    assert ended.output == {"branch_0": "paid", "branch_1": "well"}
    assert len(pay.calls) == 1


async def test_what_began_inside_an_entity_can_be_replayed(
    home: Home, gateway: ScriptedGateway, echo: Counted, first: Execution
) -> None:
    """Its first turns are among the answers of the execution that they were taken from."""
    second = await again(home, first, from_step=KEY.format(3))
    kept = await recordings.keep(home.owner, home.rooms.clock, second.id)
    forget(gateway, echo)
    named = public_id("recording", kept.id)
    request = StartRequest(first.bot_id, mode=ExecutionMode.RECORDED, recording=named)
    engine = home.rooms.engine
    replayed = await home.ended(await recordings.start(home.owner, engine, request))
    assert (replayed.status, replayed.output) == (DONE, second.output)
    assert (gateway.calls, echo.calls) == ({}, [])
