"""While an execution rests, its state after the last event is what its rows say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.executions import service as executions
from server.models.enums import ExecutionStatus, StepStatus
from server.models.tables import Approval, Execution, Step
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.tools import Counted
from tests.support.waiting import until

PAUSED, WAITING, DONE = ExecutionStatus.PAUSED, ExecutionStatus.WAITING, ExecutionStatus.COMPLETED
QUESTIONS = 'chain { parallel { "a": use pay with { text: "1" } "b": use pay with { text: "2" } } }'
LATER = "chain { use wait with { seconds: 4000 } }"
INNER = "chain { use wait with { seconds: 4000 } }"
OUTER = 'chain { use spawn_baleybot with { baleybot: "Inner" } }'
CHAIN = 'a { "goal": "A", "model": "m" } chain { map (input) { a } a }'


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    pay = Counted("pay", needs_approval=True)
    async with open_home(
        tmp_path, gateway=gateway, database_url=database_url, tools=[pay.tool]
    ) as home:
        yield home


async def both(home: Home, execution: Execution) -> tuple[dict[str, str], dict[str, str]]:
    """The status of the execution and of its steps, by its rows and by its events."""
    await until(lambda: not home.rooms.engine.runner.running)
    row = await Execution.get(id=execution.id)
    steps = await executions.steps(home.owner, execution.id)
    engine = home.rooms.engine
    state = await executions.state_at(home.owner, engine, execution.id, row.last_seq)
    rows = {"": str(row.status.value), **{step.key: str(step.status.value) for step in steps}}
    return rows, {"": state.status, **{key: step.status for key, step in state.steps.items()}}


async def test_what_waits_for_two_people_for_one_and_in_a_pause(home: Home) -> None:
    execution = await home.start(await home.bot(QUESTIONS), "x")
    await home.until(execution, WAITING)
    rows, folded = await both(home, execution)
    assert folded == rows
    assert set(rows.values()) == {"waiting"}
    question = await Approval.filter(execution_id=execution.id).first()
    assert question is not None
    await approvals.decide(home.owner, home.rooms.engine, question.id, Answer("approve"))

    done = Step.filter(execution_id=execution.id, type="use", status=StepStatus.COMPLETED)
    await until(done.exists)
    rows, folded = await both(home, execution)
    assert folded == rows
    assert rows[""] == "waiting"
    await home.control(execution, "pause")
    rows, folded = await both(home, execution)
    assert folded == rows
    assert rows[""] == "paused"


@pytest.mark.parametrize("source", [LATER, OUTER])
async def test_what_waits_for_a_time_or_a_child(home: Home, source: str) -> None:
    await home.bot(INNER, "Inner")
    execution = await home.start(await home.bot(source, "Outer"), "x")
    await home.until(execution, WAITING)
    rows, folded = await both(home, execution)
    assert folded == rows
    assert set(rows.values()) == {"waiting"}


async def test_what_a_person_paused_and_let_go_on(home: Home, gateway: ScriptedGateway) -> None:
    let_go = gateway.hold("m")
    execution = await home.start(await home.bot(CHAIN), ["1"])
    await gateway.asked["m"].wait()
    await home.control(execution, "pause")
    let_go.set()
    await home.until(execution, PAUSED)
    rows, folded = await both(home, execution)
    assert folded == rows
    assert "running" not in rows.values()
    await home.control(execution, "resume")
    await home.ended(execution)
    rows, folded = await both(home, execution)
    assert folded == rows
    assert set(rows.values()) == {"completed"}


async def test_a_pause_that_is_taken_back_leaves_it_running(
    home: Home, gateway: ScriptedGateway
) -> None:
    let_go = gateway.hold("m")
    execution = await home.start(await home.bot(CHAIN), ["1"])
    await gateway.asked["m"].wait()
    await home.control(execution, "pause")
    await home.control(execution, "resume")
    row = await Execution.get(id=execution.id)
    engine = home.rooms.engine
    state = await executions.state_at(home.owner, engine, execution.id, row.last_seq)
    assert (row.status.value, state.status) == ("running", "running")
    let_go.set()
    assert (await home.ended(execution)).status is DONE
