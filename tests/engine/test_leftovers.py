"""An execution that has ended has no step that looks as if it still ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.bots.startable import startable, versions
from server.core.ids import new_uuid
from server.engine.store import Commit, ExecutionChange, Fence, NewExecution, StepRow
from server.executions import service as executions
from server.models.enums import ExecutionStatus, StepStatus
from server.models.tables import Execution, Step
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

CHAIN = 'a { goal: "Go", model: "one" }\nb { goal: "On", model: "one" }\nchain { a b }'


async def _left_behind(home: Home, losses: int) -> Execution:
    """A worker has begun its first step and was never heard of again."""
    bot = await home.bot(CHAIN)
    version_id = await versions.of(home.owner, await startable(home.owner, bot.id), None)
    store = home.rooms.engine.store
    new = NewExecution(
        new_uuid(), home.owner.workspace_id, bot.id, version_id, home.rooms.clock.now(), "x"
    )
    await store.commit(Commit(new.id, new=new))
    (claimed,) = await store.claim([new.id], "gone", 15)
    running = StepRow("chain/a", "entity", "a", StepStatus.RUNNING, "chain", 1, input={"q": "x"})
    whole = StepRow("chain", "chain", "chain", StepStatus.RUNNING, input="x")
    await store.commit(Commit(new.id, fence=Fence(claimed.attempt, "gone"), steps=(whole, running)))
    handed_back = ExecutionChange(status=ExecutionStatus.PENDING, due_in=0.0)
    await store.commit(Commit(new.id, change=handed_back))
    await Execution.filter(id=new.id).update(losses=losses)
    return await Execution.get(id=new.id)


async def _shown(home: Home, execution: Execution) -> tuple[list[str], dict[str, str]]:
    events = [event["type"] for event in await home.events(execution)]
    steps = await executions.steps(home.owner, execution.id)
    return events, {step.key: step.status.value for step in steps}


@pytest.mark.parametrize("started", [True, False])
async def test_cancelling_what_nobody_holds_ends_its_open_steps(
    tmp_path: Path, started: bool
) -> None:
    async with open_home(tmp_path, gateway=ScriptedGateway(), worker=False) as home:
        execution = await _left_behind(home, losses=0)
        if not started:
            await Step.filter(execution_id=execution.id).delete()
        await home.control(execution, "cancel")
        events, steps = await _shown(home, execution)
        kept = await Step.filter(execution_id=execution.id, key="chain/a").first()
    assert events == ["step.cancelled"] * 2 * started + ["execution.cancelled"]
    assert steps == ({"chain": "cancelled", "chain/a": "cancelled"} if started else {})
    assert kept is None or kept.input == {"q": "x"}


async def test_a_run_given_up_after_three_losses_ends_its_open_steps(tmp_path: Path) -> None:
    async with open_home(tmp_path, gateway=ScriptedGateway(), worker=False) as home:
        execution = await _left_behind(home, losses=3)
        await home.rooms.engine.runner.advance(execution.id)
        row = await home.ended(execution)
        events, steps = await _shown(home, execution)
    assert row.status is ExecutionStatus.FAILED
    assert row.error["kind"] == "worker_lost"
    assert steps == {"chain": "cancelled", "chain/a": "cancelled"}
    assert events[-3:] == ["step.cancelled", "step.cancelled", "execution.failed"]
