"""A person pauses, or takes the pause back, just when the run is about to rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.engine.control import Target
from server.executions.service import ControlAction
from server.models.enums import ExecutionStatus, StepStatus
from server.models.tables import Execution, Step
from tests.support.lying_down import on_lying_down
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.waiting import until

PAUSED, DONE = ExecutionStatus.PAUSED, ExecutionStatus.COMPLETED
INNER = 'a { "goal": "First", "model": "one" } chain { a a }'
CALLER = 'chain { use spawn_baleybot with { baleybot: "Inner", input: "x" } }'
BRANCHES = """
a { "goal": "First", "model": "one" }
b { "goal": "Second", "model": "two" }
c { "goal": "Third", "model": "three" }
parallel { "long": a "short": chain { b c } }
"""


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


def as_it_lies_down(home: Home, monkeypatch: pytest.MonkeyPatch, action: ControlAction) -> None:
    async def act(target: Target) -> bool:
        await home.control(await Execution.get(id=target.execution_id), action)
        return True

    on_lying_down(home, monkeypatch, act)


async def test_a_pause_that_comes_with_a_wait_holds_the_run_and_its_child(
    home: Home, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = gateway.hold("one")
    await home.bot(INNER, "Inner")
    as_it_lies_down(home, monkeypatch, "pause")
    parent = await home.start(await home.bot(CALLER, "Outer"), "x")
    await home.until(parent, PAUSED)
    let_go.set()
    child = await Execution.get(parent_id=parent.id)
    await home.until(child, PAUSED)
    await home.control(parent, "step")
    await home.until(child, DONE)
    await home.control(parent, "resume")
    assert (await home.ended(parent)).output["output"] == "x"


async def test_a_pause_that_is_taken_back_as_it_holds_lets_the_run_go_on(
    home: Home, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = gateway.hold("one")
    as_it_lies_down(home, monkeypatch, "resume")
    execution = await home.start(await home.bot(INNER), "x")
    await gateway.asked["one"].wait()
    await home.control(execution, "pause")
    let_go.set()
    assert (await home.ended(execution)).status is DONE
    assert gateway.calls["one"] == 2
    kinds = [event["type"] for event in await home.events(execution)]
    assert kinds.count("execution.resumed") == 2  # the person's, and the one after the late pause


async def test_what_a_pause_kept_out_begins_when_it_was_taken_back_beside_a_long_call(
    home: Home, gateway: ScriptedGateway
) -> None:
    long, short = gateway.hold("one"), gateway.hold("two")
    execution = await home.start(await home.bot(BRANCHES), "x")
    for model in ("one", "two"):
        await gateway.asked[model].wait()
    await home.control(execution, "pause")
    short.set()
    await until(Step.filter(name="b", status=StepStatus.COMPLETED).exists)
    await home.control(execution, "resume")
    long.set()
    ended = await home.ended(execution)
    assert ended.output == {"long": "x", "short": "x"}
    assert gateway.calls == {"one": 1, "two": 1, "three": 1}
