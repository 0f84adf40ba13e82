"""An execution that has ended has no step that looks as if it still ran."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.bots.startable import startable, versions
from server.core.ids import new_uuid
from server.engine.events import StepStarted
from server.engine.lost_workers import failure, in_flight, with_around
from server.engine.store import Commit, ExecutionChange, Fence, NewExecution, StepRow
from server.executions import service as executions
from server.models.enums import ExecutionStatus, StepStatus
from server.models.tables import Execution, Incident, Step
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
    began = tuple(
        StepStarted(name=row.name, type=row.type, parent_key=row.parent_key).row(
            new.created_at, row.key
        )
        for row in (whole, running)
    )
    fence = Fence(claimed.attempt, "gone")
    await store.commit(Commit(new.id, fence=fence, steps=(whole, running), events=began))
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
    assert events[2:] == ["step.cancelled"] * 2 * started + ["execution.cancelled"]
    assert steps == ({"chain": "cancelled", "chain/a": "cancelled"} if started else {})
    assert kept is None or kept.input == {"q": "x"}


async def test_a_run_given_up_after_three_losses_names_the_step_that_was_under_way(
    tmp_path: Path,
) -> None:
    """Rows, events and the state that is read off them say the same, also of what is around it."""
    async with open_home(tmp_path, gateway=ScriptedGateway(), worker=False) as home:
        execution = await _left_behind(home, losses=3)
        await home.rooms.engine.runner.advance(execution.id)
        row = await home.ended(execution)
        events, steps = await _shown(home, execution)
        kept = {one.key: one for one in await Step.filter(execution_id=execution.id)}
        state = await home.rooms.engine.snapshots.at(execution.id, row.last_seq)
        await home.rooms.engine.runner.drain(20)
        incidents = await Incident.filter(execution_id=execution.id)
    assert row.status is ExecutionStatus.FAILED
    assert (row.error["kind"], row.error["stepKey"]) == ("worker_lost", "chain/a")
    assert "the same step, `a`" in row.error["message"]
    assert steps == {"chain": "failed", "chain/a": "failed"}
    assert events[-3:] == ["step.failed", "step.failed", "execution.failed"]
    error = kept["chain/a"].error
    assert error == state.steps["chain/a"].error
    assert error["diagnosis"]["class"] == "worker"
    offered = [one["action"] for one in error["diagnosis"]["actions"]]
    assert offered == ["retry", "edit_and_retry", "skip"]
    assert state.steps["chain"].status == kept["chain"].status.value == "failed"
    assert [(one.name, one.kind, one.action) for one in incidents] == [("a", "worker_lost", "none")]


def _row(key: str, parent: str | None = None, attempt: int = 3, **more: Any) -> StepRow:
    name = key.rpartition("/")[2]
    row = StepRow(key, "use", name, StepStatus.RUNNING, parent, attempt=attempt)
    return replace(row, **more)


def test_what_was_under_way_when_the_workers_were_lost() -> None:
    """The innermost of the last worker's, not what waits for a person or for something outside."""
    around = _row("chain", type="chain")
    two = [around, _row("chain/b", "chain", position=2), _row("chain/a", "chain", position=1)]
    assert [one.key for one in in_flight(two, set())] == ["chain/a", "chain/b"]
    assert [one.key for one in in_flight(two, {"chain/a"})] == ["chain/b"]
    assert [one.key for one in in_flight(two[:2], {"chain/b"})] == ["chain/b"]
    others = [_row("chain/c", "chain", attempt=2), _row("d", "chain", status=StepStatus.WAITING)]
    assert [one.key for one in in_flight([*two, *others], set())] == ["chain/a", "chain/b"]
    assert with_around([*two, *others], two[2:]) == {"chain", "chain/a"}
    assert "side by side: `b` and `a`;" in failure(3, two[1:]).message
    many = [_row(f"m[{number}]/a", "m") for number in range(3)]
    assert "`a` (3 times)" in failure(3, many).message
    assert in_flight([], set()) == []
    assert "before a step had begun" in failure(3, []).message
