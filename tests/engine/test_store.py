"""The same promises over all three databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from server.core.errors import Unavailable
from server.core.ids import new_uuid
from server.engine.store import (
    AlreadyAccepted,
    Commit,
    ExecutionChange,
    Fence,
    Fenced,
    Refused,
    StepRow,
    UsageRow,
)
from server.models.enums import ExecutionStatus, StepStatus, WaitingReason
from server.models.tables import Event, Execution, Step, Usage
from tests.support.database import World, event, opened

LEASE = 15.0
DONE = ExecutionChange(status=ExecutionStatus.COMPLETED, output={"answer": 42})


@pytest_asyncio.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with opened(database_url, tmp_path) as world:
        yield world


def step(key: str, status: StepStatus = StepStatus.COMPLETED, **given: object) -> StepRow:
    return StepRow(key=key, type="entity", name=key, status=status, **given)  # type: ignore[arg-type]


async def due(world: World) -> list[UUID]:
    return [one.ready.id for one in await world.store.due()]


async def test_a_whole_execution_in_one_commit_reads_back_as_written(world: World) -> None:
    now = datetime.now(UTC)
    new = world.new(
        status=ExecutionStatus.RUNNING,
        owner="w1",
        attempt=1,
        due_in=LEASE,
        input={"z": 1, "a": "Grüße \x00 \ud800", "list": [None, 1.5, True]},
        trigger={"by": "test"},
    )
    committed = await world.store.commit(
        Commit(
            new.id,
            new=new,
            change=ExecutionChange(
                status=ExecutionStatus.COMPLETED,
                output=None,
                started_at=now,
                finished_at=now,
                duration_ms=7,
            ),
            events=[event("execution.started", attempt=1), event("execution.completed")],
            steps=[step("writer", output="text", started_at=now, model="demo:x")],
            usage=[_usage(world, cost_nano=1_500, input_tokens=10, output_tokens=5)],
        )
    )
    assert committed.last_seq == 2
    row = await Execution.get(id=new.id)
    assert (row.status, row.output, row.duration_ms) == (ExecutionStatus.COMPLETED, None, 7)
    assert list(row.input) == ["z", "a", "list"]
    assert row.input["a"] == "Grüße \x00 ?"
    assert (row.owner, row.due_at, row.last_seq, row.attempt) == (None, None, 2, 1)
    assert (row.total_tokens, row.cost_nano, row.trigger) == (15, 1_500, {"by": "test"})
    assert row.started_at == row.finished_at == now
    stored = await Step.get(execution_id=new.id, key="writer")
    assert (stored.output, stored.model, stored.started_at) == ("text", "demo:x", now)
    assert [each.type for each in await world.store.events(new.id)] == [
        "execution.started",
        "execution.completed",
    ]
    assert (await Usage.get(execution_id=new.id)).workspace_id == world.workspace.id


async def test_of_twenty_racers_one_wins(world: World) -> None:
    new = await world.queued(input={"n": 1})
    rivals = [world.store, await world.another_store()]
    claims = await asyncio.gather(
        *[rivals[n % 2].claim([new.id], f"w{n}", LEASE) for n in range(20)]
    )
    await rivals[1].close()
    won = [claimed for claim in claims for claimed in claim]
    assert len(won) == 1
    assert (won[0].attempt, won[0].input, won[0].losses) == (1, {"n": 1}, 0)
    assert won[0].started_at is not None


async def test_many_are_claimed_at_once_and_each_once(world: World) -> None:
    queued = [(await world.queued()).id for _ in range(12)]
    claimed = await world.store.claim([*queued, new_uuid()], "w1", LEASE)
    assert sorted(each.id for each in claimed) == queued
    assert await world.store.claim(queued, "w2", LEASE) == []


async def test_a_stale_run_cannot_write_a_row(world: World) -> None:
    new = await world.queued()
    await world.store.claim([new.id], "slow", -1)
    (again,) = await world.store.claim([new.id], "fresh", LEASE)
    assert (again.attempt, again.losses) == (2, 1)
    with pytest.raises(Fenced):
        await world.store.commit(
            Commit(
                new.id,
                change=DONE,
                fence=Fence(1, "slow"),
                events=[event("execution.completed")],
                steps=[step("writer")],
                usage=[_usage(world)],
            )
        )
    assert await Event.filter(execution_id=new.id).count() == 1
    assert await Step.all().count() == 0
    assert await Usage.all().count() == 0
    assert (await Execution.get(id=new.id)).status == ExecutionStatus.RUNNING


async def test_what_is_finished_stays_finished(world: World) -> None:
    new = await world.queued()
    (claimed,) = await world.store.claim([new.id], "w1", LEASE)
    fence = Fence(claimed.attempt, "w1")
    await world.store.commit(Commit(new.id, change=DONE, fence=fence))
    cancel = ExecutionChange(status=ExecutionStatus.CANCELLED)
    with pytest.raises(Fenced):
        await world.store.commit(Commit(new.id, change=cancel))
    with pytest.raises(Fenced):
        await world.store.commit(Commit(new.id, fence=fence, events=[event("late")]))
    assert await world.store.claim([new.id], "w2", LEASE) == []
    assert (await Execution.get(id=new.id)).output == {"answer": 42}


async def test_one_bad_commit_does_not_spoil_its_neighbours(world: World) -> None:
    good = [world.new() for _ in range(8)]
    bad = world.new()
    stranger = Commit(
        bad.id, new=bad, steps=[step("a")], usage=[_usage(world, workspace_id=new_uuid())]
    )
    commits = [Commit(new.id, new=new, events=[event("execution.queued")]) for new in good]
    commits.insert(4, stranger)
    huge = world.new()
    commits.insert(2, Commit(huge.id, new=huge, change=ExecutionChange(duration_ms=2**70)))
    answers = await asyncio.gather(
        *[world.store.commit(commit) for commit in commits], return_exceptions=True
    )
    assert isinstance(answers.pop(5), Refused)
    assert isinstance(answers.pop(2), Refused)
    assert [answer.last_seq for answer in answers] == [1] * 8  # type: ignore[union-attr]
    assert await Execution.all().count() == 8
    assert await Step.all().count() == 0


async def test_numbers_have_no_gap_whoever_writes(world: World) -> None:
    new = await world.queued()
    (claimed,) = await world.store.claim([new.id], "w1", LEASE)
    other = await world.another_store()
    fence = Fence(claimed.attempt, "w1")
    runs = [
        world.store.commit(Commit(new.id, fence=fence, events=[event("step.delta", data=n)] * 3))
        for n in range(10)
    ]
    controls = [
        other.commit(Commit(new.id, events=[event("execution.noted", data=n)])) for n in range(10)
    ]
    answers = await asyncio.gather(*runs, *controls)
    await other.close()
    events = await world.store.events(new.id)
    assert [each.seq for each in events] == list(range(1, 42))
    by_seq = {each.seq: each for each in events}
    for n, answer in enumerate(answers[:10]):
        mine = [by_seq[answer.last_seq - back] for back in range(3)]
        assert [(each.type, each.data) for each in mine] == [("step.delta", n)] * 3
    assert [each.seq for each in await world.store.events(new.id, after=39, limit=1)] == [40]


async def test_a_cancel_is_told_to_the_run_by_its_next_commit(world: World) -> None:
    new = await world.queued()
    (claimed,) = await world.store.claim([new.id], "w1", LEASE)
    fence = Fence(claimed.attempt, "w1")
    assert not (await world.store.commit(Commit(new.id, fence=fence))).cancel_requested
    asked = ExecutionChange(cancel_requested_at=datetime.now(UTC), cancel_reason="wrong input")
    await world.store.commit(Commit(new.id, change=asked, events=[event("cancel.requested")]))
    answer = await world.store.commit(Commit(new.id, fence=fence, events=[event("step.delta")]))
    assert answer.cancel_requested
    assert answer.last_seq == 3
    (held,) = await world.store.renew({new.id: claimed.attempt}, "w1", LEASE)
    assert held.cancel_requested
    assert (await Execution.get(id=new.id)).cancel_reason == "wrong input"


@pytest.mark.parametrize("rest", [ExecutionStatus.WAITING, ExecutionStatus.PAUSED])
async def test_what_is_to_be_cancelled_does_not_lie_down(
    world: World, rest: ExecutionStatus
) -> None:
    new = await world.queued()
    (claimed,) = await world.store.claim([new.id], "w1", LEASE)
    asked = ExecutionChange(cancel_requested_at=datetime.now(UTC))
    await world.store.commit(Commit(new.id, change=asked))
    before = await Execution.get(id=new.id)
    rests = ExecutionChange(status=rest, waiting_reason=WaitingReason.RETRY, due_in=30.0)
    fence = Fence(claimed.attempt, "w1")
    answer = await world.store.commit(Commit(new.id, change=rests, fence=fence))
    assert answer.cancel_requested
    row = await Execution.get(id=new.id)
    assert (row.status, row.waiting_reason, row.owner) == (ExecutionStatus.RUNNING, None, "w1")
    assert row.due_at == before.due_at
    ended = ExecutionChange(status=ExecutionStatus.CANCELLED)
    await world.store.commit(Commit(new.id, change=ended, fence=fence))
    row = await Execution.get(id=new.id)
    assert (row.status, row.owner, row.due_at) == (ExecutionStatus.CANCELLED, None, None)


async def test_a_control_may_insist_on_the_status_it_saw(world: World) -> None:
    new = await world.queued()
    await world.store.claim([new.id], "w1", LEASE)
    cancel = Commit(
        new.id,
        change=ExecutionChange(status=ExecutionStatus.CANCELLED),
        while_in=frozenset({ExecutionStatus.PENDING, ExecutionStatus.WAITING}),
    )
    with pytest.raises(Fenced):
        await world.store.commit(cancel)


async def test_the_same_key_is_accepted_once(world: World) -> None:
    first = world.new(idempotency_key="order-7", request_hash="aa")
    rivals = [world.new(idempotency_key="order-7", request_hash="bb") for _ in range(10)]
    await world.store.commit(Commit(first.id, new=first, events=[event("execution.queued")]))
    answers = await asyncio.gather(
        *[
            world.store.commit(Commit(new.id, new=new, events=[event("execution.queued")]))
            for new in rivals
        ],
        return_exceptions=True,
    )
    for answer in answers:
        assert isinstance(answer, AlreadyAccepted)
        assert (answer.execution_id, answer.request_hash) == (first.id, "aa")
    assert await Execution.all().count() == await Event.all().count() == 1


async def test_an_acceptance_that_is_repeated_is_recognised(world: World) -> None:
    """The commit was stored, but its answer was lost."""
    new = await world.queued(request_hash="aa")
    others = [world.new() for _ in range(3)]
    answers = await asyncio.gather(
        *[
            world.store.commit(Commit(each.id, new=each, events=[event("execution.queued")]))
            for each in [others[0], new, *others[1:]]
        ],
        return_exceptions=True,
    )
    again = answers.pop(1)
    assert isinstance(again, AlreadyAccepted)
    assert (again.execution_id, again.request_hash) == (new.id, "aa")
    assert await Event.all().count() == await Execution.all().count() == 4


async def test_a_raced_key_is_accepted_once(world: World) -> None:
    rivals = [world.new(idempotency_key="order-8", request_hash="aa") for _ in range(10)]
    answers = await asyncio.gather(
        *[world.store.commit(Commit(new.id, new=new)) for new in rivals], return_exceptions=True
    )
    (row,) = await Execution.all()
    lost = [answer for answer in answers if isinstance(answer, AlreadyAccepted)]
    assert [answer.execution_id for answer in lost] == [row.id] * 9


async def test_step_rows_are_replaced_and_recalled(world: World) -> None:
    new = await world.queued()
    (claimed,) = await world.store.claim([new.id], "w1", LEASE)
    fence = Fence(claimed.attempt, "w1")
    started = [step("a", StepStatus.RUNNING), step("b", StepStatus.RUNNING), step("A")]
    await world.store.commit(Commit(new.id, fence=fence, steps=started))
    done = [step("a", StepStatus.RUNNING), step("a", output={"x": [1]}, attempt=1)]
    await world.store.commit(Commit(new.id, fence=fence, steps=done))
    recorded = await world.store.steps(new.id)
    assert set(recorded) == {"a", "A"}
    assert recorded["a"].output == {"x": [1]}
    assert await Step.filter(execution_id=new.id).count() == 3


async def test_totals_are_the_sum_of_the_usage(world: World) -> None:
    new = await world.queued()
    (claimed,) = await world.store.claim([new.id], "w1", LEASE)
    fence = Fence(claimed.attempt, "w1")
    await world.store.commit(
        Commit(new.id, fence=fence, usage=[_usage(world, input_tokens=3, cost_nano=5)] * 2)
    )
    await world.store.commit(
        Commit(new.id, fence=fence, usage=[_usage(world, cost_nano=None, unpriced=True)])
    )
    row = await Execution.get(id=new.id)
    assert (row.input_tokens, row.cost_nano, row.estimated, row.unpriced) == (6, 10, False, True)
    assert await Usage.filter(execution_id=new.id).count() == 3


async def test_a_lease_is_held_by_heartbeats_and_lost_without(world: World) -> None:
    new = await world.queued()
    (claimed,) = await world.store.claim([new.id], "w1", -1)
    held = {new.id: claimed.attempt}
    assert [each.id for each in await world.store.renew(held, "w1", LEASE)] == [new.id]
    assert await world.store.claim([new.id], "w2", LEASE) == []
    await world.store.renew(held, "w1", -1)
    (again,) = await world.store.claim([new.id], "w2", LEASE)
    assert await world.store.renew(held, "w1", LEASE) == []
    assert await world.store.renew({new.id: again.attempt}, "w1", LEASE) == []


async def test_losses_count_until_a_step_is_finished(world: World) -> None:
    new = await world.queued()
    for expected in (0, 1):
        (claimed,) = await world.store.claim([new.id], "w", -1)
        assert claimed.losses == expected
    assert await world.store.claim([new.id], "w", -1) == []
    (claimed,) = await world.store.claim([new.id], "w", -1, suspects=True)
    assert claimed.losses == 2
    fence = Fence(claimed.attempt, "w")
    await world.store.commit(Commit(new.id, fence=fence, steps=[step("a", StepStatus.RUNNING)]))
    assert (await Execution.get(id=new.id)).losses == 2
    await world.store.commit(Commit(new.id, fence=fence, steps=[step("a")]))
    assert (await Execution.get(id=new.id)).losses == 0


async def test_a_released_execution_can_be_taken_at_once(world: World) -> None:
    new = await world.queued()
    (claimed,) = await world.store.claim([new.id], "w1", LEASE)
    held = {new.id: claimed.attempt}
    assert await world.store.release(held, "other") == []
    assert await world.store.release(held, "w1") == [new.id]
    assert await due(world) == [new.id]
    (again,) = await world.store.claim([new.id], "w2", LEASE)
    assert (again.attempt, again.losses) == (2, 0)


async def test_after_a_restart_the_single_process_takes_back_everything(world: World) -> None:
    lost, mine, finished = [await world.queued() for _ in range(3)]
    await world.store.claim([lost.id, finished.id], "before", LEASE)
    await world.store.commit(Commit(finished.id, fence=Fence(1, "before"), change=DONE))
    await world.store.claim([mine.id], "now", LEASE)
    assert await world.store.release_others("now") == [lost.id]
    (claimed,) = await world.store.claim([lost.id], "now", LEASE)
    assert claimed.losses == 1


async def test_the_sweep_finds_what_is_due_and_does_not_repeat_itself(world: World) -> None:
    fresh = await world.queued()
    undue = await world.queued(due_in=60.0)
    forgotten = await world.queued(due_in=-5.0)
    expired = await world.queued()
    await world.store.claim([expired.id], "dead", 0.0)
    running = await world.queued()
    await world.store.claim([running.id], "alive", LEASE)
    found = await due(world)
    assert found[0] == forgotten.id
    assert set(found) == {forgotten.id, expired.id}
    assert await due(world) == []
    assert {fresh.id, undue.id}.isdisjoint(found)


async def test_a_wait_gives_up_the_lease_and_comes_due(world: World) -> None:
    new = await world.queued()
    (claimed,) = await world.store.claim([new.id], "w1", LEASE)
    waits = ExecutionChange(
        status=ExecutionStatus.WAITING, waiting_reason=WaitingReason.RETRY, due_in=-0.001
    )
    fence = Fence(claimed.attempt, "w1")
    await world.store.commit(Commit(new.id, fence=fence, change=waits))
    row = await Execution.get(id=new.id)
    assert (row.status, row.waiting_reason, row.owner) == (
        ExecutionStatus.WAITING,
        WaitingReason.RETRY,
        None,
    )
    (again,) = await world.store.claim([new.id], "w2", LEASE)
    assert (again.attempt, again.losses) == (2, 0)
    assert (await Execution.get(id=new.id)).waiting_reason is None


async def test_a_wait_for_a_person_is_never_due(world: World) -> None:
    new = await world.queued()
    (claimed,) = await world.store.claim([new.id], "w1", LEASE)
    waits = ExecutionChange(
        status=ExecutionStatus.WAITING, waiting_reason=WaitingReason.APPROVAL, due_in=None
    )
    await world.store.commit(Commit(new.id, fence=Fence(claimed.attempt, "w1"), change=waits))
    assert await due(world) == []
    assert await world.store.claim([new.id], "w2", LEASE) == []


async def test_what_was_handed_in_is_written_before_the_store_closes(world: World) -> None:
    store = await world.another_store()
    news = [world.new() for _ in range(50)]
    tasks = [asyncio.create_task(store.commit(Commit(new.id, new=new))) for new in news]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*tasks)
    assert await Execution.all().count() == 50
    with pytest.raises(Unavailable):
        await store.commit(Commit(news[0].id))


async def test_a_caller_who_leaves_does_not_disturb_the_others(world: World) -> None:
    news = [world.new() for _ in range(10)]
    tasks = [asyncio.create_task(world.store.commit(Commit(new.id, new=new))) for new in news]
    await asyncio.sleep(0)
    tasks[3].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[3], asyncio.CancelledError)
    assert await world.store.commit(Commit(news[9].id, events=[event("noted")]))
    assert await Execution.all().count() == 10


def _usage(world: World, **given: object) -> UsageRow:
    facts = {
        "workspace_id": world.workspace.id,
        "bot_id": world.bot.id,
        "provider": "demo",
        "requested_model": "demo:x",
        "model": "demo:x",
        "created_at": datetime.now(UTC),
    }
    return UsageRow(**{**facts, **given})  # type: ignore[arg-type]
