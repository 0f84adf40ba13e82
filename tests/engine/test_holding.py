"""A pause reaches the executions that an execution has started; so do going on and a step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.executions import service as executions
from server.models.enums import ExecutionStatus
from server.models.tables import Execution, Workspace
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.waiting import until

INNER = """
a { "goal": "First", "model": "one" }
b { "goal": "Second", "model": "two" }
chain { a b }
"""
CALLER = 'use spawn_baleybot with { baleybot: "Inner", input: "x" }'
PAUSED, DONE = ExecutionStatus.PAUSED, ExecutionStatus.COMPLETED
WAITING = ExecutionStatus.WAITING


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


async def child_of(execution: Execution) -> Execution:
    return await Execution.get(parent_id=execution.id)


async def parent_and_child(
    home: Home, gateway: ScriptedGateway, source: str = CALLER
) -> tuple[Execution, Execution]:
    """The child asks its first model and has no answer yet; the parent waits for it."""
    gateway.hold("one")
    await home.bot(INNER, "Inner")
    parent = await home.start(await home.bot(source, "Outer"), "x")
    await gateway.asked["one"].wait()
    await home.until(parent, WAITING)
    return parent, await child_of(parent)


async def stepped(home: Home, execution: Execution, *others: Execution) -> None:
    """One step, up to where all of them hold or have ended."""
    await home.control(execution, "step")
    for one in (execution, *others):
        await home.until(one, PAUSED, DONE)


async def test_a_pause_reaches_the_children_and_they_go_on_with_their_parent(
    home: Home, gateway: ScriptedGateway
) -> None:
    middle = 'use spawn_baleybot with { baleybot: "Middle", input: "x" }'
    await home.bot(CALLER, "Middle")
    parent, child = await parent_and_child(home, gateway, middle)
    await home.until(child, WAITING)
    grandchild = await child_of(child)
    assert (await home.control(parent, "pause")).status is PAUSED
    gateway.held["one"].set()
    await home.until(grandchild, PAUSED)
    assert (await executions.get(home.owner, child.id)).status is PAUSED
    assert gateway.calls == {"one": 1}
    await home.control(parent, "resume")
    assert (await home.ended(parent)).status is DONE
    assert gateway.calls == {"one": 1, "two": 1}
    told = await home.events(grandchild)
    assert [one["type"] for one in told].count("execution.resumed") == 1


async def test_a_pause_taken_back_in_time_is_none_for_the_child_either(
    home: Home, gateway: ScriptedGateway
) -> None:
    parent, child = await parent_and_child(home, gateway)
    await home.control(parent, "pause")
    await home.control(parent, "resume")
    gateway.held["one"].set()
    assert (await home.ended(parent)).status is DONE
    assert "execution.paused" not in [one["type"] for one in await home.events(child)]


async def test_a_child_that_was_paused_by_itself_stays_paused(
    home: Home, gateway: ScriptedGateway
) -> None:
    parent, child = await parent_and_child(home, gateway)
    await home.control(child, "pause")
    await home.control(parent, "pause")
    gateway.held["one"].set()
    await home.until(child, PAUSED)
    await home.control(parent, "resume")
    await home.until(parent, WAITING)
    assert (await executions.get(home.owner, child.id)).status is PAUSED
    await home.control(child, "resume")
    assert (await home.ended(parent)).status is DONE


async def test_who_is_paused_again_by_itself_is_not_let_go_by_its_parent(
    home: Home, gateway: ScriptedGateway
) -> None:
    parent, child = await parent_and_child(home, gateway)
    await home.control(parent, "pause")
    gateway.held["one"].set()
    await home.until(child, PAUSED)
    second = gateway.hold("two")
    await home.control(child, "resume")
    await gateway.asked["two"].wait()
    await home.control(child, "pause")
    await home.control(parent, "resume")
    row = await executions.get(home.owner, child.id)
    assert (row.status, row.control) == (ExecutionStatus.RUNNING, "pause")
    second.set()
    assert (await home.ended(parent)).status is DONE


async def test_a_step_of_the_parent_is_one_action_of_the_child(
    home: Home, gateway: ScriptedGateway
) -> None:
    parent, child = await parent_and_child(home, gateway)
    await home.control(parent, "pause")
    gateway.held["one"].set()
    await home.until(child, PAUSED)
    await stepped(home, parent, child)
    assert gateway.calls == {"one": 1, "two": 1}
    assert (await executions.get(home.owner, child.id)).status is DONE
    assert (await executions.get(home.owner, parent.id)).status is PAUSED
    await stepped(home, parent)
    ended = await home.ended(parent)
    assert (ended.status, ended.output["output"]) == (DONE, "x")


async def test_what_a_step_starts_is_held_from_its_beginning(
    home: Home, gateway: ScriptedGateway
) -> None:
    first = 'z { "goal": "Begin", "model": "zero" }'
    let_go = gateway.hold("zero")
    await home.bot(INNER, "Inner")
    parent = await home.start(await home.bot(f"{first} chain {{ z {CALLER} }}", "Outer"), "x")
    await gateway.asked["zero"].wait()
    await home.control(parent, "pause")
    let_go.set()
    await home.until(parent, PAUSED)
    seen: list[dict[str, int]] = []
    for _ in range(3):
        await stepped(home, parent)
        await home.until(await child_of(parent), PAUSED, DONE)
        seen.append(dict(gateway.calls))
    assert seen == [{"zero": 1}, {"zero": 1, "one": 1}, {"zero": 1, "one": 1, "two": 1}]
    await home.control(parent, "resume")
    assert (await home.ended(parent)).status is DONE


async def test_a_child_born_in_the_moment_of_the_pause_is_held_too(
    home: Home, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    making: Any = home.rooms.engine.runner._making
    accept = making._accept_child
    let_go = gateway.hold("one")

    async def accept_late(new: Any, *others: Any) -> Any:
        await home.control(await Execution.get(id=new.parent_id), "pause")
        return await accept(new, *others)

    monkeypatch.setattr(making, "_accept_child", accept_late)
    await home.bot(INNER, "Inner")
    parent = await home.start(await home.bot(CALLER, "Outer"), "x")
    await home.until(parent, PAUSED)

    async def asked_to_hold() -> bool:
        child = await child_of(parent)
        return child.control is not None or child.status is PAUSED

    await until(asked_to_hold)
    let_go.set()
    await home.until(await child_of(parent), PAUSED)
    await home.control(parent, "resume")
    assert (await home.ended(parent)).status is DONE


async def test_another_workspace_is_never_touched(home: Home, gateway: ScriptedGateway) -> None:
    parent, child = await parent_and_child(home, gateway)
    elsewhere = await Workspace.create(name="Elsewhere")
    await Execution.filter(id=child.id).update(workspace_id=elsewhere.id)
    await home.control(parent, "pause")
    assert (await Execution.get(id=child.id)).control is None
    await home.control(parent, "resume")
    await Execution.filter(id=child.id).update(workspace_id=parent.workspace_id)
    await home.control(parent, "pause")
    await Execution.filter(id=child.id).update(workspace_id=elsewhere.id)
    await home.control(parent, "resume")
    assert (await Execution.get(id=child.id)).control == "pause"
