"""A tool that is taken away while an execution waits: what is said of it helps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.bots import drafts
from server.executions.modifying import Changes, modify
from server.executions.rerun import RerunRequest, rerun
from server.models.enums import ApprovalKind, ApprovalStatus, ExecutionStatus
from server.models.tables import Approval, Execution
from server.tools.base import Tool
from server.tools.catalogue import Catalogue
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted
from tests.support.waiting import until

pytestmark = pytest.mark.slow
WRITER = 'writer { "goal": "Write", "model": "m", "tools": ["echo", "guarded"] }'
ECHO, GUARDED = asks(("echo", {"text": "a"})), asks(("guarded", {"text": "a"}))
MAY_USE = "`writer` may use `echo`, but this workspace has no such tool. Bring it back, or give "
HAS_CALLED = "`writer` has called `echo`, and this workspace has no such tool any more. Bring it "


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
def echo() -> Counted:
    return Counted()


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, echo: Counted) -> AsyncIterator[Home]:
    tools = [echo.tool, Counted(name="guarded", needs_approval=True).tool]
    async with open_home(tmp_path, gateway=gateway, tools=tools) as home:
        yield home


@contextmanager
def echo_away() -> Iterator[None]:
    def get(catalogue: Catalogue, name: str) -> Tool | None:
        return next((one for one in catalogue.tools if one.name == name != "echo"), None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Catalogue, "get", get)
        yield


async def question(execution: Execution) -> Approval:
    of_it = {"execution_id": execution.id, "status": ApprovalStatus.PENDING}
    asked = await until(lambda: Approval.get_or_none(**of_it))
    assert asked is not None
    return asked


async def agreed(home: Home, execution: Execution) -> Execution:
    asked = await question(execution)
    await approvals.decide(home.owner, home.rooms.engine, asked.id, Answer("approve"))
    return await home.ended(execution)


async def other_tools(home: Home, execution: Execution) -> None:
    changes = Changes(tools=["guarded"])
    await modify(home.owner, home.rooms.engine, execution.id, "writer", changes)


@pytest.mark.parametrize("message", [MAY_USE, HAS_CALLED])
async def test_it_is_brought_back_and_what_was_finished_is_kept(
    home: Home, gateway: ScriptedGateway, echo: Counted, message: str
) -> None:
    """Other tools help nobody who has called this one."""
    gateway.answers["m"] = [ECHO, GUARDED, "Done."]
    first = await home.start(await home.bot(WRITER), "x")
    await question(first)
    with echo_away():
        if message == HAS_CALLED:
            await other_tools(home, first)
        failed = await agreed(home, first)
    error = failed.error
    assert (failed.status, error["kind"]) == (ExecutionStatus.FAILED, "tool_not_found")
    assert error["message"].startswith(message)
    assert error["stepKey"] == "writer"
    assert "Once it is back try again: what is finished is kept." in error["hint"]
    again = await rerun(home.owner, home.rooms.engine, RerunRequest(first.id))
    assert (await agreed(home, again)).output == "Done."
    assert len(echo.calls) == 1


async def test_an_execution_that_waits_goes_on_with_other_tools(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["m"] = [GUARDED, "Done."]
    source = WRITER + " chain { writer on_error pause }"
    execution = await home.start(await home.bot(source), "x")
    asked = await question(execution)
    with echo_away():
        await approvals.decide(home.owner, home.rooms.engine, asked.id, Answer("approve"))
        asked = await until(lambda: Approval.get_or_none(kind=ApprovalKind.REMEDY))
        assert asked is not None
        assert (asked.reason or "").endswith("Bring it back, or give `writer` other tools.")
        await other_tools(home, execution)
        retry = Answer("choose", action="retry")
        await approvals.decide(home.owner, home.rooms.engine, asked.id, retry)
        assert (await home.ended(execution)).output == "Done."


async def test_without_it_the_entity_begins_anew_with_the_draft(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["m"] = [ECHO, GUARDED, "Done."]
    bot = await home.bot(WRITER)
    first = await home.start(bot, "x")
    await question(first)
    with echo_away():
        await other_tools(home, first)
        failed = await agreed(home, first)
        assert failed.error["message"].endswith("or begin with `writer` anew without it.")
        assert "rerun `writer` with the draft" in failed.error["hint"]
        await drafts.save(home.owner, bot.id, WRITER.replace('"echo", ', ""), 1)
        anew = RerunRequest(first.id, from_step="writer", version="draft")
        again = await rerun(home.owner, home.rooms.engine, anew)
        assert (await home.ended(again)).output == "Done."
