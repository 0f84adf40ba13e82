"""What a person has decided about failed tools of an entity holds when the execution is done again:
only the one that they let the entity fail with gets another chance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.executions.foreseeing import foresee
from server.executions.rerun import RerunRequest, rerun
from server.llm.messages import ChatRequest
from server.models.enums import ExecutionStatus
from server.models.tables import Approval, Execution, Step
from server.tools.base import ToolFailed
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import Asks, ScriptedGateway, asks
from tests.support.tools import Counted
from tests.support.waiting import until

pytestmark = pytest.mark.slow

WRITER = 'writer { "goal": "Write", "model": "m", "tools": ["echo"], "on_tool_error": "pause" }'
FIRST, SECOND, LATER = "writer/turn[1]/echo", "writer/turn[1]/echo~2", "writer/turn[2]/echo"
CLOSED = "Failed (tool_failed): Closed."
SKIP, FAIL = Answer("choose", action="skip"), Answer("choose", action="fail")
MINE = Answer("choose", action="continue", value="mine")


def told(asked: ChatRequest) -> list[str]:
    return [message.content for message in asked.messages if message.role == "tool"]


def two_and_one(asked: ChatRequest) -> str | Asks:
    """Asks for two calls at once, then for another one, then says what it was told."""
    match told(asked):
        case []:
            return asks(("echo", {"text": "a"}), ("echo", {"text": "b"}))
        case [_, _]:
            return asks(("echo", {"text": "c"}))
        case heard:
            return " | ".join(heard)


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway({"m": [two_and_one]})


@pytest.fixture
def echo() -> Counted:
    """Its server is down: whatever it is asked, it fails with the same words."""
    return Counted(failures=[ToolFailed("Closed.") for _ in range(3)])


@pytest.fixture
async def home(
    tmp_path: Path, gateway: ScriptedGateway, echo: Counted, database_url: str
) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(
        tmp_path, gateway=gateway, database_url=database_url, tools=[echo.tool]
    ) as home:
        yield home


async def asked(home: Home, execution: Execution, *keys: str) -> None:
    """All of these, and nobody is at work."""

    async def there() -> bool:
        waits = await Execution.filter(id=execution.id, status="waiting", owner=None).exists()
        open_ = await Approval.filter(execution_id=execution.id, status="pending")
        return waits and {one.step_key for one in open_} == set(keys)

    await until(there)


async def decided(home: Home, execution: Execution, answers: dict[str, Answer]) -> None:
    for key, answer in answers.items():
        question = await Approval.get(execution_id=execution.id, step_key=key)
        await approvals.decide(home.owner, home.rooms.engine, question.id, answer)


async def failed(home: Home, gateway: ScriptedGateway, echo: Counted) -> Execution:
    """A person went on without the first call and gave the result of the second; the third one of
    the same server was too much."""
    started = await home.start(await home.bot(WRITER), "x")
    await asked(home, started, FIRST, SECOND)
    await decided(home, started, {SECOND: MINE, FIRST: SKIP})
    await asked(home, started, LATER)
    await decided(home, started, {LATER: FAIL})
    ended = await home.ended(started)
    assert ended.status is ExecutionStatus.FAILED
    gateway.calls.clear()
    echo.arguments.clear()
    return ended


async def again(home: Home, execution: Execution, **given: Any) -> Execution:
    request = RerunRequest(execution.id, **given)
    return await home.ended(await rerun(home.owner, home.rooms.engine, request))


async def _are(counted: Awaitable[int], wanted: int) -> bool:
    return await counted == wanted


def texts(echo: Counted) -> list[str]:
    return [given["text"] for given in echo.arguments]


@pytest.mark.parametrize("only_failed", [False, True], ids=["retry", "only failed"])
async def test_what_was_decided_stays_and_no_answer_is_paid_again(
    home: Home, gateway: ScriptedGateway, echo: Counted, only_failed: bool
) -> None:
    first = await failed(home, gateway, echo)
    request = RerunRequest(first.id, only_failed=only_failed)
    foreseen = await foresee(home.owner, home.rooms.engine, request)
    assert (foreseen.reused, foreseen.redone) == ([FIRST, SECOND], ["writer", LATER])
    second = await again(home, first, only_failed=only_failed)
    assert (second.status, second.output) == (
        ExecutionStatus.COMPLETED,
        f"{CLOSED} | mine | c",
    )
    assert (texts(echo), gateway.calls) == (["c"], {"m": 1})
    ends = [one for one in await home.events(second) if one["type"] == "step.failed"]
    handled = {one["stepKey"]: one["data"]["handled"] for one in ends}
    assert handled == {FIRST: "skip", SECOND: "continue"}
    assert await Approval.filter(execution_id=second.id).count() == 0


async def test_it_stays_however_often_it_is_done_again(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    first = await failed(home, gateway, echo)
    echo.failures.append(ToolFailed("Closed."))
    second = await rerun(home.owner, home.rooms.engine, RerunRequest(first.id))
    await asked(home, second, LATER)
    await decided(home, second, {LATER: FAIL})
    assert (await home.ended(second)).status is ExecutionStatus.FAILED
    third = await again(home, second)
    assert third.output == f"{CLOSED} | mine | c"
    assert (texts(echo), gateway.calls) == (["c", "c"], {"m": 1})


async def test_of_the_calls_of_one_turn_only_the_one_that_failed_it(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    calls = [("echo", {"text": text}) for text in "abc"]
    gateway.answers["m"] = [lambda asked: " | ".join(told(asked)) or asks(*calls)]
    started = await home.start(await home.bot(WRITER), "x")
    third = "writer/turn[1]/echo~3"
    await asked(home, started, third, SECOND, FIRST)
    await decided(home, started, {FIRST: MINE, SECOND: SKIP})
    heard = Step.filter(execution_id=started.id, key__in=[FIRST, SECOND], status="failed")
    await until(lambda: _are(heard.count(), 2))
    await decided(home, started, {third: FAIL})
    first = await home.ended(started)
    made = texts(echo)[2]
    gateway.calls.clear()
    echo.arguments.clear()
    second = await again(home, first)
    assert second.output == f"mine | {CLOSED} | c"
    assert (texts(echo), gateway.calls, made) == (["c"], {"m": 1}, "c")


async def test_from_a_tool_call_the_others_of_its_turn_stay_decided(
    home: Home, gateway: ScriptedGateway, echo: Counted
) -> None:
    first = await failed(home, gateway, echo)
    foreseen = await foresee(home.owner, home.rooms.engine, RerunRequest(first.id, from_step=FIRST))
    assert foreseen.reused == [SECOND]
    second = await again(home, first, from_step=FIRST)
    assert second.output == "a | mine | c"
    assert (texts(echo), gateway.calls) == (["a", "c"], {"m": 2})
