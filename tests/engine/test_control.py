"""Steering an execution: hold it, let it go on, take one step, change it, end it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from server.bus.turns import Ready
from server.core.errors import Invalid, InvalidState
from server.engine.caps import Caps
from server.executions import service as executions
from server.executions.modifying import Changes, modify
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.waiting import until

CHAIN = """
a { "goal": "First", "model": "one" }
b { "goal": "Second", "model": "two" }
c { "goal": "Third", "model": "three" }
chain { a b c }
"""
MIXED = """
a { "goal": "First", "model": "one" }
b { "goal": "Second", "model": "two" }
chain { a processor ("mark") { "result + '!'" } b }
"""
PARALLEL = """
z { "goal": "Begin", "model": "zero" }
a { "goal": "First", "model": "one" }
b { "goal": "Second", "model": "two" }
chain { z parallel { "a": a "b": b } }
"""
ONE = 'a { "goal": "First", "model": "one" }'
PAUSED, DONE = ExecutionStatus.PAUSED, ExecutionStatus.COMPLETED


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


async def paused_in(home: Home, gateway: ScriptedGateway, source: str, model: str) -> Execution:
    """Paused while this model answers; it is let go, and the run holds before its next step."""
    let_go = gateway.hold(model)
    execution = await home.start(await home.bot(source), "x")
    await gateway.asked[model].wait()
    await home.control(execution, "pause")
    let_go.set()
    return await home.until(execution, PAUSED)


async def names(home: Home, execution: Execution) -> dict[str, str]:
    return {step.name: step.status for step in await executions.steps(home.owner, execution.id)}


# --- pause, resume, step --------------------------------------------------------------------


async def test_a_pause_holds_at_the_next_step_and_holds_no_worker(
    home: Home, gateway: ScriptedGateway
) -> None:
    execution = await paused_in(home, gateway, CHAIN, "one")
    assert gateway.calls == {"one": 1}
    assert (execution.owner, execution.due_at) == (None, None)
    assert await names(home, execution) == {"chain": "waiting", "a": "completed"}
    await home.control(execution, "resume")
    ended = await home.ended(execution)
    assert (ended.status, ended.output) == (DONE, "x")
    assert gateway.calls == {"one": 1, "two": 1, "three": 1}
    kinds = [event["type"] for event in await home.events(execution)]
    asked = kinds.index("execution.pause_requested")
    assert asked < kinds.index("execution.paused") < kinds.index("execution.resumed")
    assert kinds[-1] == "execution.completed"
    assert kinds.count("step.started") == 4  # the block began before the pause, and only once


async def test_a_step_is_exactly_one_action(home: Home, gateway: ScriptedGateway) -> None:
    execution = await paused_in(home, gateway, MIXED, "one")
    await home.control(execution, "step")
    seen = await until_paused_again(home, execution)
    assert (seen["mark"], seen.get("b")) == ("completed", None)
    assert gateway.calls == {"one": 1}
    await home.control(execution, "step")
    ended = await home.ended(execution)
    assert (ended.status, ended.output) == (DONE, "x!")
    assert gateway.calls == {"one": 1, "two": 1}


async def until_paused_again(home: Home, execution: Execution) -> dict[str, str]:
    """A second time: the log says so."""
    pauses = 0
    async for batch in home.rooms.engine.follow(execution.id):
        pauses += [event["type"] for event in batch.events].count("execution.paused")
        if pauses == 2:
            break
    return await names(home, execution)


async def test_a_step_in_a_parallel_block_begins_one_branch(
    home: Home, gateway: ScriptedGateway
) -> None:
    execution = await paused_in(home, gateway, PARALLEL, "zero")
    await home.control(execution, "step")
    await until_paused_again(home, execution)
    assert sum(gateway.calls.values()) == 2
    await home.control(execution, "resume")
    ended = await home.ended(execution)
    assert ended.output == {"a": "x", "b": "x"}
    assert gateway.calls == {"zero": 1, "one": 1, "two": 1}


async def test_a_pause_taken_back_in_time_is_none(home: Home, gateway: ScriptedGateway) -> None:
    let_go = gateway.hold("one")
    execution = await home.start(await home.bot(CHAIN), "x")
    await gateway.asked["one"].wait()
    await home.control(execution, "pause")
    await home.control(execution, "resume")
    let_go.set()
    assert (await home.ended(execution)).status is DONE
    assert "execution.paused" not in [event["type"] for event in await home.events(execution)]


async def test_what_is_resumed_goes_on_although_nothing_can_be_read_right_after(
    home: Home, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await paused_in(home, gateway, CHAIN, "one")
    store: Any = home.rooms.engine.store
    commit = store.commit

    async def commit_and_away(one: Any) -> Any:
        committed = await commit(one)
        monkeypatch.setattr(Execution, "get", Mock(side_effect=OSError("away")))
        return committed

    monkeypatch.setattr(store, "commit", commit_and_away)
    ready = Ready(execution.id, execution.workspace_id, execution.bot_id)
    assert await home.rooms.engine.control.resume(ready, None, None)
    assert (await home.ended(execution)).status is DONE


async def test_a_lost_notice_is_found_in_the_log(
    home: Home, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home.rooms.engine.runner, "tell", lambda *_: None)
    let_go, second = gateway.hold("one"), gateway.hold("two")
    execution = await home.start(await home.bot(CHAIN), "x")
    await gateway.asked["one"].wait()
    await home.control(execution, "pause")
    let_go.set()
    await gateway.asked["two"].wait()
    await until_held(home, execution)
    second.set()
    await home.until(execution, PAUSED)
    assert gateway.calls == {"one": 1, "two": 1}


async def until_held(home: Home, execution: Execution) -> None:
    run = home.rooms.engine.runner.runs.get(execution.id)
    assert run is not None
    await until(lambda: run.host.stepping.left is not None)


async def test_wrong_transitions_are_refused_with_the_status(
    home: Home, gateway: ScriptedGateway
) -> None:
    execution = await paused_in(home, gateway, CHAIN, "one")
    with pytest.raises(InvalidState, match="paused already"):
        await home.control(execution, "pause")
    gateway.hold("two")
    await home.control(execution, "resume")
    await gateway.asked["two"].wait()
    with pytest.raises(InvalidState, match="is running"):
        await home.control(execution, "step")
    with pytest.raises(InvalidState, match="is running"):
        await home.control(execution, "resume")
    gateway.held["two"].set()
    await home.ended(execution)
    actions: list[Any] = ["pause", "resume", "step", "cancel"]
    for action in actions:
        with pytest.raises(InvalidState, match="completed already"):
            await home.control(execution, action)


async def test_fifty_at_once_and_one_resumes(home: Home, gateway: ScriptedGateway) -> None:
    execution = await paused_in(home, gateway, CHAIN, "one")
    answers = await asyncio.gather(
        *[home.control(execution, "resume") for _ in range(50)], return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, InvalidState)]
    assert len(refused) == 49
    assert (await home.ended(execution)).status is DONE
    assert gateway.calls == {"one": 1, "two": 1, "three": 1}


async def test_a_pause_survives_a_restart(
    tmp_path: Path, gateway: ScriptedGateway, database_url: str
) -> None:
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        execution = await paused_in(home, gateway, CHAIN, "one")
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        assert await home.rooms.engine.wake_due() == 0
        assert (await executions.get(home.owner, execution.id)).status is PAUSED
        await home.control(execution, "resume")
        assert (await home.ended(execution)).status is DONE
    assert gateway.calls == {"one": 1, "two": 1, "three": 1}


# --- cancel ----------------------------------------------------------------------------------


async def test_a_paused_one_ends_at_once(home: Home, gateway: ScriptedGateway) -> None:
    execution = await paused_in(home, gateway, CHAIN, "one")
    row = await home.control(execution, "cancel")
    assert row.status is ExecutionStatus.CANCELLED
    assert gateway.calls == {"one": 1}


async def test_one_in_the_queue_ends_or_holds_at_once(
    tmp_path: Path, gateway: ScriptedGateway, database_url: str
) -> None:
    async with open_home(
        tmp_path, gateway=gateway, database_url=database_url, worker=False
    ) as home:
        home.rooms.engine.runner._inline = False
        bot = await home.bot(CHAIN)
        first, second = await home.start(bot, "x"), await home.start(bot, "x")
        assert (await home.control(first, "cancel")).status is ExecutionStatus.CANCELLED
        assert (await home.control(second, "pause")).status is PAUSED
        assert (await home.control(second, "resume")).status is ExecutionStatus.PENDING
    assert not gateway.calls


# --- modify ----------------------------------------------------------------------------------


async def test_a_changed_entity_is_called_so_from_then_on(
    home: Home, gateway: ScriptedGateway
) -> None:
    goals: list[str] = []
    gateway.answers["three"] = [lambda asked: goals.append(asked.messages[0].content) or "done"]
    execution = await paused_in(home, gateway, CHAIN, "one")
    changes = Changes(goal="Something else", notes="Keep it short.")
    await modify(home.owner, home.rooms.engine, execution.id, "c", changes)
    await home.control(execution, "resume")
    await home.ended(execution)
    assert goals == ["Something else\n\nNotes for this run:\nKeep it short."]
    (event,) = [e for e in await home.events(execution) if e["type"] == "entity.modified"]
    assert event["data"]["notes"] == "Keep it short."


async def test_a_change_while_it_runs_counts_for_the_next_call(
    home: Home, gateway: ScriptedGateway
) -> None:
    goals: list[str] = []
    gateway.answers["two"] = [lambda asked: goals.append(asked.messages[0].content) or "done"]
    let_go = gateway.hold("one")
    execution = await home.start(await home.bot(CHAIN), "x")
    await gateway.asked["one"].wait()
    await modify(home.owner, home.rooms.engine, execution.id, "b", Changes(goal="New"))
    let_go.set()
    await home.ended(execution)
    assert goals == ["New"]


async def test_what_cannot_be_changed_is_refused(home: Home) -> None:
    execution = await home.run(CHAIN, "x")
    engine = home.rooms.engine
    with pytest.raises(Invalid, match="no entity `z`"):
        await modify(home.owner, engine, execution.id, "z", Changes(goal="g"))
    with pytest.raises(Invalid, match="what to change"):
        await modify(home.owner, engine, execution.id, "a", Changes())
    with pytest.raises(InvalidState, match="completed already"):
        await modify(home.owner, engine, execution.id, "a", Changes(goal="g"))


# --- time and caps ---------------------------------------------------------------------------


async def test_an_entity_has_its_time(home: Home, gateway: ScriptedGateway) -> None:
    gateway.hold("one")
    source = 'a { "goal": "g", "model": "one", "timeout": 1 }\nchain { a }'
    execution = await home.run(source, "x")
    assert (execution.status, execution.error["kind"]) == (ExecutionStatus.FAILED, "timeout")
    assert execution.error["diagnosis"]["class"] == "timeout"
    assert gateway.hung_up == ["one"]


async def test_working_time_is_counted_over_all_takings(
    tmp_path: Path, gateway: ScriptedGateway, database_url: str
) -> None:
    caps = Caps(seconds=60)
    gateway.hold("two")
    async with open_home(tmp_path, gateway=gateway, database_url=database_url, caps=caps) as home:
        execution = await paused_in(home, gateway, CHAIN, "one")
        assert execution.worked_ms >= 0
        await Execution.filter(id=execution.id).update(worked_ms=59_900)
        await home.control(execution, "resume")
        ended = await home.ended(execution)
    assert (ended.status, ended.error["kind"]) == (ExecutionStatus.TIMED_OUT, "timeout")
    assert ended.worked_ms > 59_900


@pytest.mark.parametrize(
    ("caps", "words"),
    [
        (Caps(tokens=20), "tokens"),
        (Caps(cost_nano=2_000), "US dollars"),
        (Caps(calls=1), "more than 1 calls"),
    ],
)
async def test_a_cap_stops_the_next_call(
    tmp_path: Path, gateway: ScriptedGateway, caps: Caps, words: str
) -> None:
    async with open_home(tmp_path, gateway=gateway, caps=caps) as home:
        execution = await home.run(CHAIN.replace("chain {", "try { chain {") + "} catch { a }", "x")
    assert (execution.status, execution.error["kind"]) == (
        ExecutionStatus.FAILED,
        "budget_exceeded",
    )
    assert words in execution.error["message"]
    assert sum(gateway.calls.values()) <= 2


@pytest.mark.parametrize("caps", [Caps(tokens=30), Caps(calls=2)], ids=["tokens", "calls"])
async def test_a_cap_counts_what_was_used_before_a_pause(
    tmp_path: Path, gateway: ScriptedGateway, database_url: str, caps: Caps
) -> None:
    async with open_home(tmp_path, gateway=gateway, database_url=database_url, caps=caps) as home:
        execution = await paused_in(home, gateway, CHAIN, "two")
        await home.control(execution, "resume")
        ended = await home.ended(execution)
    assert ended.error["kind"] == "budget_exceeded"
    assert gateway.calls == {"one": 1, "two": 1}


async def test_what_waits_too_long_in_the_queue_is_timed_out(
    tmp_path: Path, gateway: ScriptedGateway, database_url: str
) -> None:
    async with open_home(
        tmp_path, gateway=gateway, database_url=database_url, worker=False
    ) as home:
        home.rooms.engine.runner._inline = False
        execution = await home.start(await home.bot(CHAIN), "x", queue_seconds=60)
        await home.rooms.tidy()
        assert (await executions.get(home.owner, execution.id)).status is ExecutionStatus.PENDING
        past = home.rooms.clock.now() - timedelta(seconds=1)
        await Execution.filter(id=execution.id).update(start_before=past)
        await home.rooms.tidy()
        row = await executions.get(home.owner, execution.id)
        assert (row.status, row.error["kind"]) == (ExecutionStatus.TIMED_OUT, "timeout")
        with pytest.raises(Invalid):
            await home.start(await home.bot(CHAIN, "Other"), "x", queue_seconds=0)


@pytest.mark.parametrize("family", [False, True], ids=["alone", "with a child"])
async def test_a_cancel_ends_the_stream_within_two_seconds_and_all_within_five(
    home: Home, gateway: ScriptedGateway, family: bool
) -> None:
    gateway.hold("one")
    await home.bot(ONE, "Inner")
    source = 'use spawn_baleybot with { baleybot: "Inner", input: "x" }' if family else ONE
    execution = await home.start(await home.bot(source), "x")
    async with asyncio.timeout(10):
        await gateway.asked["one"].wait()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await home.control(execution, "cancel")
    async with asyncio.timeout(2):
        while gateway.hung_up != ["one"]:
            await asyncio.sleep(0)
    row = await home.ended(execution)
    assert loop.time() - began < 5
    assert row.status is ExecutionStatus.CANCELLED
    for child in await Execution.filter(parent_id=execution.id):
        assert (await home.ended(child)).status is ExecutionStatus.CANCELLED
    last = row.last_seq
    await home.rooms.engine.wake_due()
    assert (await Execution.get(id=row.id)).last_seq == last
