"""Other tools for an entity of a run: only what there is, and no question is lost by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.core.errors import Invalid
from server.executions import service as executions
from server.executions.modifying import Changes, entities, modify
from server.models.enums import ExecutionStatus, WaitingReason
from server.models.tables import Approval, Execution, Step
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted

SOURCE = """
a { "goal": "First", "model": "one" }
b { "goal": "Second", "model": "two", "tools": ["wait"], "can_request": ["echo"] }
chain { a b }
"""


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway(answers={"two": [asks(("echo", {"text": "pay 5"})), "Done."]})


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway) -> AsyncIterator[Home]:
    async with open_home(tmp_path, gateway=gateway, tools=[Counted().tool]) as home:
        yield home


async def at_work(home: Home, gateway: ScriptedGateway) -> Execution:
    gateway.hold("one")
    execution = await home.start(await home.bot(SOURCE), "x")
    await gateway.asked["one"].wait()
    return execution


async def test_a_tool_that_does_not_exist_is_refused_and_nothing_is_changed(
    home: Home, gateway: ScriptedGateway
) -> None:
    execution = await at_work(home, gateway)
    engine = home.rooms.engine
    for name, hint in (("ecko", "Did you mean `echo`"), ("zzzzzz", "`tools` of the API")):
        changes = Changes(goal="Else", tools=["wait", name])
        with pytest.raises(Invalid, match=f"no tool `{name}` here. {hint}") as refused:
            await modify(home.owner, engine, execution.id, "b", changes)
        assert list(refused.value.path or ()) == ["tools"]
    row = await executions.get(home.owner, execution.id)
    assert [one.changed for one in await entities(home.owner, engine, row)] == [[], []]
    assert not await Step.filter(execution_id=execution.id, key__startswith="#entity").exists()
    gateway.held["one"].set()


@pytest.mark.parametrize(
    ("goal", "said"), [("", "empty"), (" \n", "empty"), ("x" * 20_001, "20000")]
)
async def test_a_goal_says_something_and_not_too_much(
    home: Home, gateway: ScriptedGateway, goal: str, said: str
) -> None:
    execution = await at_work(home, gateway)
    with pytest.raises(Invalid, match=said) as refused:
        await modify(home.owner, home.rooms.engine, execution.id, "b", Changes(goal, notes="More"))
    assert list(refused.value.path or ()) == ["goal"]
    assert not await Step.filter(execution_id=execution.id, key__startswith="#entity").exists()


async def test_a_tool_that_needs_a_question_keeps_it_when_it_is_named_among_the_others(
    home: Home, gateway: ScriptedGateway
) -> None:
    execution = await at_work(home, gateway)
    engine = home.rooms.engine
    row = await modify(home.owner, engine, execution.id, "b", Changes(tools=["echo", "ask", "ask"]))
    now = (await entities(home.owner, engine, row))[1]
    assert (list(now.tools), now.changed) == (["ask"], ["tools"])
    kept = await Step.get(execution_id=execution.id, key="#entity/b/tools")
    assert kept.output == ["echo", "ask"]
    gateway.held["one"].set()
    waits = await home.until(execution, ExecutionStatus.WAITING, ExecutionStatus.COMPLETED)
    assert waits.waiting_reason is WaitingReason.APPROVAL
    assert (await Approval.get(execution_id=execution.id)).tool == "echo"
    assert sorted(tool.name for tool in gateway.requests[-1].tools) == ["ask", "echo"]


async def test_what_the_program_gave_freely_stays_free(
    home: Home, gateway: ScriptedGateway
) -> None:
    free = SOURCE.replace('["wait"]', '["wait", "echo"]')
    gateway.hold("one")
    execution = await home.start(await home.bot(free), "x")
    await gateway.asked["one"].wait()
    await modify(home.owner, home.rooms.engine, execution.id, "b", Changes(tools=["echo"]))
    gateway.held["one"].set()
    assert (await home.ended(execution)).output == "Done."


async def test_another_model_holds_from_the_next_call_on(
    home: Home, gateway: ScriptedGateway
) -> None:
    execution = await at_work(home, gateway)
    engine = home.rooms.engine
    with pytest.raises(Invalid, match="provider:model"):
        await modify(home.owner, engine, execution.id, "b", Changes(model=" "))
    row = await modify(home.owner, engine, execution.id, "b", Changes(model="three"))
    now = (await entities(home.owner, engine, row))[1]
    assert (now.model, now.changed) == ("three", ["model"])
    gateway.held["one"].set()
    assert (await home.ended(execution)).status is ExecutionStatus.COMPLETED
    assert gateway.calls == {"one": 1, "three": 1}
