"""What the engine does with an execution: commits, resumes, fences, cancels, gives up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.core.errors import Unavailable
from server.engine import lease
from server.engine.lease import LEASE_SECONDS
from server.engine.store import Commit, Committed
from server.executions import service as executions
from server.llm.collector import OnDelta
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import ChatRequest, ModelAnswer
from server.llm.window import OnSent
from server.models.enums import ExecutionStatus
from server.models.tables import Execution, Usage
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.waiting import until

CHAIN = """
a { "goal": "First", "model": "one" }
b { "goal": "Second", "model": "two" }
c { "goal": "Third", "model": "three" }
chain { a b c }
"""
PURE = 'processor ("double") { "{ double: result.n * 2 }" }'
SLOW = 'a { "goal": "Wait", "model": "slow" }\nb { "goal": "Next", "model": "two" }\nchain { a b }'


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


@asynccontextmanager
async def counted_commits(home: Home) -> AsyncIterator[list[Commit]]:
    """Every commit that the runs hand to the store."""
    store: Any = home.rooms.engine.store
    commits: list[Commit] = []
    real = store.commit

    async def commit(one: Commit) -> Committed:
        commits.append(one)
        return await real(one)

    store.commit = commit
    yield commits
    store.commit = real


# --- commits -------------------------------------------------------------------------------


async def test_a_pure_program_is_one_transaction_and_its_caller_gets_the_output(home: Home) -> None:
    bot = await home.bot(PURE, "Doubler")
    async with counted_commits(home) as commits:
        execution = await home.start(bot, {"n": 21})
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output == {"double": 42}
    assert len(commits) == 1
    stored = await executions.get(home.owner, execution.id)
    assert (stored.status, stored.output) == (execution.status, execution.output)
    assert stored.last_seq == execution.last_seq


async def test_a_chain_of_three_calls_is_four_transactions(home: Home) -> None:
    bot = await home.bot(CHAIN)
    async with counted_commits(home) as commits:
        execution = await home.ended(await home.start(bot, "x"))
    assert execution.status is ExecutionStatus.COMPLETED
    assert len(commits) == 4


async def test_calls_that_leave_together_share_one_commit(home: Home) -> None:
    branches = "\n".join(f'b{n} {{ "goal": "Do", "model": "m" }}' for n in range(10))
    source = branches + "\nparallel { " + " ".join(f"b{n}" for n in range(10)) + " }"
    bot = await home.bot(source)
    async with counted_commits(home) as commits:
        execution = await home.ended(await home.start(bot, "x"))
    assert len(execution.output) == 10
    assert len(commits) <= 3


async def test_the_intent_is_stored_before_a_call_leaves(
    home: Home, gateway: ScriptedGateway
) -> None:
    let_go = gateway.hold("slow")
    execution = await home.start(await home.bot(SLOW), "x")
    await gateway.asked["slow"].wait()
    steps = {step.key: step for step in await executions.steps(home.owner, execution.id)}
    assert steps["chain/a"].status == "running"
    assert steps["chain/a"].input == "x"
    let_go.set()
    await home.ended(execution)


async def test_a_beat_between_the_last_commit_and_its_answer_takes_nothing_away(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease has ended with the execution: that is no reason to stop short of what is due after
    it."""
    engine = home.rooms.engine
    after: list[Any] = []
    real_commit, real_ended = engine.store.commit, engine.kin.ended

    async def commit(one: Commit) -> Committed:
        committed = await real_commit(one)
        if one.change is not None and one.change.status is not None:
            await engine.runner.runs._leases.beat()  # pyright: ignore[reportPrivateUsage]
        return committed

    async def ended(execution_id: Any, *given: Any, **named: Any) -> None:
        await real_ended(execution_id, *given, **named)
        after.append(execution_id)

    monkeypatch.setattr(engine.store, "commit", commit)
    monkeypatch.setattr(engine.kin, "ended", ended)
    execution = await home.run(CHAIN, "x")
    assert execution.status is ExecutionStatus.COMPLETED
    await until(lambda: after == [execution.id])


async def test_a_beat_before_the_first_commit_takes_nothing_away(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not inserted yet cannot be renewed: that is no loss, and nobody takes it again."""
    engine = home.rooms.engine
    real_commit = engine.store.commit

    async def commit(one: Commit) -> Committed:
        if one.new is not None:
            await engine.runner.runs._leases.beat()  # pyright: ignore[reportPrivateUsage]
        return await real_commit(one)

    monkeypatch.setattr(engine.store, "commit", commit)
    bot = await home.bot(CHAIN, "Watched")
    ended = await home.ended(await home.start(bot, "x"))
    assert (ended.status, ended.attempt) == (ExecutionStatus.COMPLETED, 1)


async def test_a_start_that_is_broken_off_before_it_is_stored_is_told_so(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = home.rooms.engine.runner.runs
    real_launch = runs.launch

    def launch(run: Any) -> None:
        real_launch(run)
        run.abandon()

    monkeypatch.setattr(runs, "launch", launch)
    bot = await home.bot(CHAIN, "Stopped")
    with pytest.raises(Unavailable):
        await asyncio.wait_for(home.start(bot, "x"), 5)


# --- what is recorded -----------------------------------------------------------------------


async def test_result_tokens_cost_and_durations_are_stored(home: Home) -> None:
    execution = await home.run(CHAIN, "x")
    assert execution.output == "x"
    assert (execution.input_tokens, execution.output_tokens) == (30, 15)
    assert execution.cost_nano == 6_000
    assert execution.duration_ms is not None
    steps = await executions.steps(home.owner, execution.id)
    assert [step.name for step in steps] == ["chain", "a", "b", "c"]
    assert steps[1].model == "one-1"
    assert steps[1].cost_nano == 2_000
    assert await Usage.filter(execution_id=execution.id).count() == 3


async def test_events_are_numbered_without_a_hole_and_say_the_whole_story(home: Home) -> None:
    bot = await home.bot(CHAIN)
    events = await home.events(await home.start(bot, "x"))
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["type"] for event in events if event["type"] != "step.delta"]
    assert kinds[:4] == ["execution.queued", "execution.started", "step.started", "step.started"]
    assert kinds[-2:] == ["step.completed", "execution.completed"]
    assert kinds.count("model.answered") == 3


async def test_the_text_of_a_model_is_followed_while_it_is_written(
    home: Home, gateway: ScriptedGateway
) -> None:
    let_go = gateway.hold("slow")
    execution = await home.start(await home.bot(SLOW), "x")
    async for batch in home.rooms.engine.follow(execution.id):
        if any(event["type"] == "step.delta" for event in batch.events):
            let_go.set()
    assert (await home.ended(execution)).status is ExecutionStatus.COMPLETED


async def test_following_from_any_number_gives_each_later_event_once(home: Home) -> None:
    execution = await home.ended(await home.start(await home.bot(CHAIN), "x"))
    everything = await home.events(execution)
    for after in (1, 5, len(everything) - 1):
        assert await home.events(execution, after) == everything[after:]
    assert await home.events(execution, len(everything)) == []


async def test_answers_that_do_not_fit_the_output_block_are_noted(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["one"] = ['{"score": "many"}']
    source = 'a { "goal": "Score", "model": "one", "output": { "score": "number" } }'
    execution = await home.run(source, "x")
    assert execution.status is ExecutionStatus.COMPLETED
    [step] = await executions.steps(home.owner, execution.id)
    assert step.issues[0]["path"] == ["score"]


# --- failures -------------------------------------------------------------------------------


async def test_a_passing_failure_is_tried_again_and_told(
    home: Home, gateway: ScriptedGateway
) -> None:
    busy = ModelError(ModelErrorKind.RATE_LIMITED, "Busy.", retry_after=0.01)
    gateway.answers["one"] = [busy, busy, "third time"]
    bot = await home.bot('a { "goal": "Try", "model": "one" }')
    events = await home.events(await home.start(bot, "x"))
    assert [event["type"] for event in events].count("model.failed") == 2
    assert events[-1]["data"]["output"] == "third time"


async def test_the_next_model_answers_when_the_first_cannot(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.answers["one"] = [ModelError(ModelErrorKind.PROVIDER_AUTH, "Wrong key.")]
    source = 'a { "goal": "Try", "model": "one", "fallbacks": ["two"] }'
    execution = await home.run(source, "x")
    assert execution.status is ExecutionStatus.COMPLETED
    assert gateway.calls == {"one": 1, "two": 1}


async def test_a_failure_says_what_happened_where_and_what_to_do(
    home: Home, gateway: ScriptedGateway
) -> None:
    refusal = ModelError(ModelErrorKind.MODEL_UNKNOWN, "No such model.", "Choose another one.")
    gateway.answers["two"] = [refusal]
    execution = await home.run(CHAIN, "x")
    assert execution.status is ExecutionStatus.FAILED
    diagnosis = execution.error.pop("diagnosis")
    assert (diagnosis["class"], diagnosis["actions"][0]["action"]) == ("ai", "other_model")
    assert execution.error == {
        "kind": "model_unknown",
        "message": "No such model.",
        "entity": "b",
        "hint": "Choose another one.",
        "stepKey": "chain/b",
    }
    steps = {step.name: step.status for step in await executions.steps(home.owner, execution.id)}
    assert steps == {"chain": "failed", "a": "completed", "b": "failed", "c": "skipped"}


async def test_a_model_that_cannot_be_reached_fails_before_the_first_step(
    home: Home, gateway: ScriptedGateway
) -> None:
    no_key = ModelError(ModelErrorKind.PROVIDER_AUTH, "No key for two.", "Add one.")
    gateway.unreachable["two"] = no_key
    execution = await home.run(CHAIN, "x")
    assert execution.error["kind"] == "provider_auth"
    assert execution.error["hint"] == "Add one."
    assert gateway.calls == {}
    assert await executions.steps(home.owner, execution.id) == []


async def test_what_is_only_away_for_a_moment_is_found_out_by_the_call(
    home: Home, gateway: ScriptedGateway
) -> None:
    """Such as the database with the connections of the workspace, while it is started again."""
    away = ModelError(ModelErrorKind.PROVIDER_UNAVAILABLE, "The connections could not be read.")
    gateway.unreachable["two"] = away
    execution = await home.run(CHAIN, "x")
    assert execution.status is ExecutionStatus.COMPLETED
    assert gateway.calls["two"] == 1


# --- cancel ---------------------------------------------------------------------------------


async def test_cancel_breaks_off_the_call_and_no_further_step_begins(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.hold("slow")
    execution = await home.start(await home.bot(SLOW), "x")
    await gateway.asked["slow"].wait()
    await executions.control(home.owner, home.rooms.engine, execution.id, "cancel", "enough")
    row = await home.ended(execution)
    assert row.status is ExecutionStatus.CANCELLED
    assert row.cancel_reason == "enough"
    assert gateway.hung_up == ["slow"]
    assert "two" not in gateway.calls
    steps = {step.name: step.status for step in await executions.steps(home.owner, row.id)}
    assert steps["a"] == "cancelled"


async def test_cancel_of_a_queued_one_ends_it_at_once(
    tmp_path: Path, gateway: ScriptedGateway
) -> None:
    async with open_home(tmp_path, gateway=gateway, worker=False) as home:
        home.rooms.engine.runner.runs.max_running = 0
        execution = await home.start(await home.bot(CHAIN), "x")
        assert execution.status is ExecutionStatus.PENDING
        row = await executions.control(home.owner, home.rooms.engine, execution.id, "cancel")
        assert row.status is ExecutionStatus.CANCELLED
        assert [event["type"] for event in await home.events(row)][-1] == "execution.cancelled"


# --- going on after a loss ------------------------------------------------------------------


async def test_after_a_restart_finished_calls_are_not_made_again(
    tmp_path: Path, gateway: ScriptedGateway
) -> None:
    gateway.hold("three")
    async with open_home(tmp_path, gateway=gateway) as home:
        execution = await home.start(await home.bot(CHAIN), "x")
        await gateway.asked["three"].wait()
    gateway.held.clear()
    async with open_home(tmp_path, gateway=gateway) as home:
        row = await home.ended(execution)
        events = await home.events(execution)
    assert (row.status, row.output) == (ExecutionStatus.COMPLETED, "x")
    assert gateway.calls == {"one": 1, "two": 1, "three": 2}
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert row.input_tokens == 30


async def test_an_attempt_that_lost_its_lease_writes_nothing_more(
    home: Home, gateway: ScriptedGateway
) -> None:
    let_go = gateway.hold("slow")
    execution = await home.start(await home.bot(SLOW), "x")
    await gateway.asked["slow"].wait()
    before = (await executions.get(home.owner, execution.id)).last_seq
    other = {"owner": "somebody else", "attempt": 2}
    await Execution.filter(id=execution.id).update(**other)
    let_go.set()
    runner = home.rooms.engine.runner

    async def left() -> bool:
        return runner.running == 0

    await until(left)
    row = await executions.get(home.owner, execution.id)
    assert row.status is ExecutionStatus.RUNNING
    assert row.owner == "somebody else"
    assert row.last_seq - before <= 1  # the text that was under way


async def test_the_third_lost_worker_at_one_step_ends_it(
    tmp_path: Path, gateway: ScriptedGateway
) -> None:
    gateway.hold("one")
    async with open_home(tmp_path, gateway=gateway) as home:
        execution = await home.start(await home.bot(CHAIN), "x")
        await gateway.asked["one"].wait()
    gateway.held.clear()
    lost = {"status": ExecutionStatus.RUNNING, "owner": "gone", "losses": 2}
    async with open_home(tmp_path, gateway=gateway, worker=False) as home:
        await Execution.filter(id=execution.id).update(**lost)
        await home.rooms.engine.store.release_others(home.rooms.engine.owner)
        await home.rooms.engine.runner.advance(execution.id)
        row = await executions.get(home.owner, execution.id)
    assert row.status is ExecutionStatus.FAILED
    assert row.error["kind"] == "worker_lost"


async def test_stopping_hands_the_execution_back_at_once(
    tmp_path: Path, gateway: ScriptedGateway
) -> None:
    gateway.hold("one")
    async with open_home(tmp_path, gateway=gateway) as home:
        execution = await home.start(await home.bot(CHAIN), "x")
        await gateway.asked["one"].wait()
        await home.rooms.engine.runner.drain(0)
        row = await executions.get(home.owner, execution.id)
        assert row.status is ExecutionStatus.PENDING
        assert row.losses == 0
        assert row.owner is None


async def test_draining_lets_the_running_step_end(tmp_path: Path, gateway: ScriptedGateway) -> None:
    let_go = gateway.hold("one")
    async with open_home(tmp_path, gateway=gateway) as home:
        execution = await home.start(await home.bot('a { "goal": "Go", "model": "one" }'), "x")
        await gateway.asked["one"].wait()
        draining = asyncio.create_task(home.rooms.engine.runner.drain(5))
        let_go.set()
        await draining
        row = await executions.get(home.owner, execution.id)
    assert row.status is ExecutionStatus.COMPLETED


async def test_more_than_may_run_at_once_waits_in_the_queue_and_then_runs(
    home: Home, gateway: ScriptedGateway
) -> None:
    home.rooms.engine.runner.runs.max_running = 2
    let_go = gateway.hold("one")
    bot = await home.bot('a { "goal": "Go", "model": "one" }')
    started = [await home.start(bot, str(number)) for number in range(5)]
    assert [row.status.value for row in started] == ["running"] * 2 + ["pending"] * 3
    let_go.set()
    ended = [await home.ended(row) for row in started]
    assert [row.output for row in ended] == ["0", "1", "2", "3", "4"]


async def test_five_takings_of_one_execution_run_it_once(
    home: Home, gateway: ScriptedGateway
) -> None:
    runner = home.rooms.engine.runner
    runner.runs.max_running = 0
    execution = await home.start(await home.bot(CHAIN), "x")
    runner.runs.max_running = 8
    await asyncio.gather(*(runner.advance(execution.id) for _ in range(5)))
    row = await home.ended(execution)
    assert row.status is ExecutionStatus.COMPLETED
    assert gateway.calls == {"one": 1, "two": 1, "three": 1}


def test_the_lease_outlives_two_missed_heartbeats() -> None:
    from server.engine.lease import BEAT_SECONDS

    assert LEASE_SECONDS >= 3 * BEAT_SECONDS


class StoodStill(ScriptedGateway):
    """The process stands still after everything is stored and before the question leaves."""

    async def chat(
        self, request: ChatRequest, on_delta: OnDelta | None = None, on_sent: OnSent | None = None
    ) -> ModelAnswer:
        self.asked["here"].set()
        await self.held["here"].wait()
        nothing: Any = None
        assert on_sent is not None
        on_sent(nothing)
        return await super().chat(request, on_delta, on_sent)


def stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """For longer than a lease."""
    later = lease.monotonic() + lease.LEASE_SECONDS + 1
    monkeypatch.setattr(lease, "monotonic", lambda: later)


async def test_a_question_does_not_leave_a_process_that_stood_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = StoodStill()
    gateway.hold("here")
    async with open_home(tmp_path, gateway=gateway) as home:
        started = await home.start(await home.bot(CHAIN), "x")
        await gateway.asked["here"].wait()
        stand_still(monkeypatch)
        gateway.held["here"].set()
        runs = home.rooms.engine.runner.runs
        await until(lambda: started.id not in runs)
        assert gateway.calls.total() == 0


@pytest.mark.parametrize("taken", [False, True], ids=["still its own", "taken by another"])
async def test_after_standing_still_a_run_asks_whether_it_is_its_own(
    home: Home, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    release = gateway.hold("one")
    started = await home.start(await home.bot(CHAIN), "x")
    await gateway.asked["one"].wait()
    stand_still(monkeypatch)
    asked = home.rooms.engine.store.renew
    held: Any = home.rooms.engine.store

    async def others(*_: Any) -> list[Any]:
        return []

    monkeypatch.setattr(held, "renew", others if taken else asked)
    release.set()
    if taken:
        runs = home.rooms.engine.runner.runs
        await until(lambda: started.id not in runs)
        assert gateway.calls["two"] == 0
    else:
        assert (await home.ended(started)).status is ExecutionStatus.COMPLETED
        assert gateway.calls["two"] == 1
