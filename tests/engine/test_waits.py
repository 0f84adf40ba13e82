"""Waits: a short one sleeps, a long one is a row that holds no worker and survives a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.engine import resting
from server.executions import service as executions
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import ChatRequest
from server.models.enums import ExecutionStatus, WaitingReason
from server.models.tables import Execution
from tests.support.lying_down import on_lying_down
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def a_short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits become rows already after a moment, so that no test has to sit one out."""
    monkeypatch.setattr(resting, "IN_PLACE_SECONDS", 0.1)


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


async def parked(home: Home, execution: Execution) -> Execution:
    """The row once the execution waits and no worker has it."""

    async def waits() -> bool:
        row = await executions.get(home.owner, execution.id)
        return row.status is ExecutionStatus.WAITING and home.rooms.engine.runner.running == 0

    await until(waits)
    return await executions.get(home.owner, execution.id)


async def test_a_short_wait_is_over_in_one_taking(home: Home) -> None:
    execution = await home.run("use wait with { seconds: 0.05 }", {})
    assert 0.05 <= execution.output["waited"] < 5
    assert execution.attempt == 1


async def test_a_long_wait_holds_no_worker_and_goes_on_when_it_is_due(
    home: Home, gateway: ScriptedGateway
) -> None:
    source = """
    a { "goal": "First", "model": "one" }
    b { "goal": "Second", "model": "two" }
    chain { a use wait with { seconds: 1 } b }
    """
    started = await home.start(await home.bot(source), "x")
    row = await parked(home, started)
    assert row.waiting_reason is WaitingReason.WAIT
    assert row.owner is None
    assert row.due_at is not None
    ended = await home.ended(started)
    assert ended.status is ExecutionStatus.COMPLETED
    assert (gateway.calls["one"], gateway.calls["two"]) == (1, 1)
    steps = {step.name: step for step in await executions.steps(home.owner, started.id)}
    assert 1 <= steps["wait"].output["waited"] < 5


async def test_a_waiting_step_says_so(home: Home) -> None:
    started = await home.start(await home.bot("use wait with { seconds: 600 }"), {})
    await parked(home, started)
    steps = await executions.steps(home.owner, started.id)
    assert [step.status for step in steps] == ["waiting"]
    events = await executions.events(home.owner, home.rooms.engine, started.id)
    waiting = next(event for event in events if event["type"] == "execution.waiting")
    assert waiting["data"]["reason"] == "wait"
    assert 595 < waiting["data"]["seconds"] <= 600


async def test_a_wait_survives_a_restart_and_is_not_begun_anew(
    tmp_path: Path, gateway: ScriptedGateway
) -> None:
    async with open_home(tmp_path, gateway=gateway) as home:
        started = await home.start(await home.bot("use wait with { seconds: 1 }"), {})
        await parked(home, started)
    async with open_home(tmp_path, gateway=gateway, worker=False) as home:
        row = await executions.get(home.owner, started.id)
        assert row.status is ExecutionStatus.WAITING
    async with open_home(tmp_path, gateway=gateway) as home:
        ended = await home.ended(started)
    assert ended.status is ExecutionStatus.COMPLETED
    assert 1 <= ended.output["waited"] < 5


async def test_a_step_that_waited_began_once(home: Home, gateway: ScriptedGateway) -> None:
    source = """
    a { "goal": "First", "model": "one" }
    chain { use wait with { seconds: 1 } a }
    """
    started = await home.start(await home.bot(source), "x")
    await parked(home, started)
    events = await home.events(started)
    begun = [event["stepKey"] for event in events if event["type"] == "step.started"]
    assert len(begun) == len(set(begun)) == 3
    for step in await executions.steps(home.owner, started.id):
        if step.name != "a":
            assert step.duration_ms is not None
            assert step.duration_ms >= 990


async def test_a_wait_until_a_moment(home: Home) -> None:
    moment = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    started = await home.start(await home.bot("use wait"), {"until": moment})
    row = await parked(home, started)
    assert row.due_at == pytest.approx(datetime.fromisoformat(moment), abs=timedelta(seconds=1))
    await home.rooms.engine.control.cancel(row.workspace_id, row.id, None, None)
    assert (await home.ended(started)).status is ExecutionStatus.CANCELLED


@pytest.mark.parametrize(
    "arguments", [{}, {"seconds": 1, "until": "2027-01-01"}, {"until": "soon"}]
)
async def test_a_wait_that_says_nothing_fails_in_words(
    tmp_path: Path, arguments: dict[str, object]
) -> None:
    async with open_home(tmp_path, gateway=ScriptedGateway()) as home:
        execution = await home.run("use wait", arguments)
    assert execution.error["kind"] == "invalid_arguments"


async def test_beside_a_wait_the_other_branch_goes_on(home: Home, gateway: ScriptedGateway) -> None:
    source = """
    a { "goal": "First", "model": "one" }
    parallel { "left": use wait with { seconds: 600 } "right": a }
    """
    started = await home.start(await home.bot(source), "x")
    await parked(home, started)
    steps = {step.name: step.status for step in await executions.steps(home.owner, started.id)}
    assert (steps["a"], steps["wait"]) == ("completed", "waiting")
    assert gateway.calls["one"] == 1


async def test_a_branch_whose_wait_is_over_goes_on_beside_a_long_call(
    home: Home, gateway: ScriptedGateway
) -> None:
    source = """
    slow { "goal": "Slow", "model": "slow" }
    next { "goal": "Next", "model": "next" }
    parallel { "left": chain { use wait with { seconds: 0.3 } next } "right": slow }
    """
    let_go = gateway.hold("slow")
    started = await home.start(await home.bot(source), "x")
    await gateway.asked["slow"].wait()

    async def next_was_asked() -> bool:
        return gateway.calls["next"] == 1

    await until(next_was_asked)
    let_go.set()
    ended = await home.ended(started)
    assert ended.status is ExecutionStatus.COMPLETED
    assert ended.attempt == 1


async def test_a_wait_inside_a_map_is_waited_once_for_all_items(home: Home) -> None:
    source = "map input { use wait with { seconds: 600 } }"
    started = await home.start(await home.bot(source), [1, 2, 3])
    row = await parked(home, started)
    steps = await executions.steps(home.owner, started.id)
    assert [step.status for step in steps if step.name == "wait"] == ["waiting"] * 3
    assert row.attempt == 1


async def test_a_tool_that_waits_for_a_model_parks_the_whole_entity(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["m"] = [asks(("wait", {"seconds": 1})), "Rested."]
    source = 'a { "goal": "Rest", "model": "m", "tools": ["wait"] }'
    started = await home.start(await home.bot(source), "x")
    await parked(home, started)
    ended = await home.ended(started)
    assert ended.output == "Rested."
    assert gateway.calls["m"] == 2
    assert ended.input_tokens == 20
    steps = {step.key: step for step in await executions.steps(home.owner, started.id)}
    assert steps["a"].input_tokens == 20
    assert steps["a/turn[1]/wait"].status == "completed"


async def test_waiting_beside_others_is_no_working_time_of_the_step(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["m"] = [asks(("wait", {"seconds": 1.3})), "Rested."]
    source = """
    slow { "goal": "Slow", "model": "slow" }
    rest { "goal": "Rest", "model": "m", "tools": ["wait"], "timeout": 1 }
    parallel { "left": rest "right": slow }
    """
    let_go = gateway.hold("slow")
    started = await home.start(await home.bot(source), "x")

    async def rested() -> bool:
        return gateway.calls["m"] == 2

    await until(rested)
    let_go.set()
    assert (await home.ended(started)).output["left"] == "Rested."


async def test_what_waits_can_be_cancelled(home: Home) -> None:
    started = await home.start(await home.bot("use wait with { seconds: 600 }"), {})
    row = await parked(home, started)
    assert await home.rooms.engine.control.cancel(row.workspace_id, row.id, "enough", None)
    ended = await home.ended(started)
    assert ended.status is ExecutionStatus.CANCELLED


def refused_for_long() -> ModelError:
    return ModelError(ModelErrorKind.RATE_LIMITED, "Slow down.", retry_after=30)


@pytest.mark.parametrize(
    ("source", "step"),
    [
        ('a { "goal": "First", "model": "m" }', "a"),
        ("use wait with { seconds: 600 }", "wait"),
    ],
    ids=["to try again", "until it is time"],
)
async def test_a_run_that_is_cancelled_while_it_lies_down_ends_at_once(
    home: Home,
    gateway: ScriptedGateway,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    step: str,
) -> None:
    gateway.answers["m"] = [refused_for_long()]
    control = home.rooms.engine.control
    on_lying_down(
        home, monkeypatch, lambda it: control.cancel(it.workspace_id, it.execution_id, "no", None)
    )
    started = await home.start(await home.bot(source), {})
    ended = await home.until(started, ExecutionStatus.CANCELLED)
    assert (ended.attempt, ended.owner, ended.due_at) == (1, None, None)
    assert ended.cancel_reason == "no"
    steps = await executions.steps(home.owner, started.id)
    assert [(one.name, one.status) for one in steps] == [(step, "cancelled")]
    kinds = [event["type"] for event in await home.events(started)]
    assert kinds.index("execution.cancel_requested") < kinds.index("execution.waiting")
    assert kinds[-1] == "execution.cancelled"
    assert kinds.count("execution.cancelled") == 1


async def test_a_run_that_is_cancelled_while_it_comes_to_a_pause_ends_at_once(
    home: Home, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing would ever wake it."""
    control = home.rooms.engine.control
    on_lying_down(
        home, monkeypatch, lambda it: control.cancel(it.workspace_id, it.execution_id, None, None)
    )
    let_go = gateway.hold("one")
    source = """
    a { "goal": "First", "model": "one" }
    b { "goal": "Second", "model": "two" }
    chain { a b }
    """
    started = await home.start(await home.bot(source), "x")
    await gateway.asked["one"].wait()
    await home.control(started, "pause")
    let_go.set()
    ended = await home.until(started, ExecutionStatus.CANCELLED)
    assert (ended.attempt, gateway.calls["two"]) == (1, 0)
    steps = await executions.steps(home.owner, started.id)
    assert {one.name: one.status for one in steps} == {"chain": "cancelled", "a": "completed"}


async def test_a_cancel_that_meets_the_last_word_of_a_call_is_not_lost(
    home: Home, gateway: ScriptedGateway
) -> None:
    """The call is over and cannot be broken off, the wait has not begun."""
    let_go = gateway.hold("m")
    started = await home.start(await home.bot('a { "goal": "First", "model": "m" }'), {})
    await gateway.asked["m"].wait()
    run = home.rooms.engine.runner.runs.get(started.id)
    assert run is not None

    def cancelled_meanwhile(_: ChatRequest) -> ModelError:
        run.cancel()
        return refused_for_long()

    gateway.answers["m"] = [cancelled_meanwhile]
    let_go.set()
    await home.until(started, ExecutionStatus.CANCELLED)
    kinds = [event["type"] for event in await home.events(started)]
    assert "execution.waiting" not in kinds
