"""Steps that must not be done twice: whatever happens to their process, nobody does them again
until a person has said what became of them."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from tests.faults.approvals import decide, waiting_for
from tests.faults.checks import Found, check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.oracle import program, said
from tests.faults.rig import Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply

KINDS = ["embedded", "postgres", "mysql"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

SOURCE = program(4, ', "idempotent": false')
WAYS = ("retry", "skip", "done")


@pytest.mark.fault("F03", "killed during a call that must not be made twice", short=("postgres",))
async def test_killed_during_an_unsafe_call(world: Rig, record: Record) -> None:
    load, runs = await _three(world)
    for run in runs:
        world.oracle.at(run, 2, Reply(hang=True))
    await load.start(*range(3))
    for run in runs:
        await world.oracle.asked(run, 2)
    await _lose(world)
    await _asked_and_answered(world, load, {1: 1, 2: 1})
    record(await _over(world, load), "each waited for a person: tried again, skipped, marked done")


@pytest.mark.fault("F03", "killed before an unsafe call leaves", short=())
async def test_killed_before_an_unsafe_call_leaves(world: Rig, record: Record) -> None:
    """Nobody can know that it did not leave, so this waits too."""
    load, runs = await _three(world)
    for run in runs:
        world.oracle.at(run, 1, Reply(said(run, 1), delay=4))
    await load.start(*range(3))
    for run in runs:
        await world.oracle.asked(run, 1)
    for member in world.working:
        member.models.up.open.clear()
    held = lambda: sum(member.models.up.held for member in world.working) >= 3  # noqa: E731
    await until("three calls are to leave", held, 30)
    await _lose(world)
    await _asked_and_answered(world, load, {1: 1})
    record(await _over(world, load), "each waited for a person")


@pytest.mark.fault("F03", "killed between an unsafe call's answer and its commit", short=())
async def test_killed_before_the_answer_is_stored(world: Rig, record: Record) -> None:
    load, runs = await _three(world)
    for run in runs:
        world.oracle.at(run, 2, Reply(said(run, 2), delay=1))
    await load.start(*range(3))
    calls = [await world.oracle.asked(run, 2) for run in runs]
    for member in world.working:
        member.signal(signal.SIGSTOP)
    await until("the answers were given", lambda: all(c.received.answered for c in calls), 10)
    await _lose(world)
    await _asked_and_answered(world, load, {1: 1, 2: 1})
    record(await _over(world, load), "each waited for a person")


@pytest.mark.fault("F03", "killed when an unsafe call's result is stored", short=())
async def test_killed_after_the_commit(world: Rig, record: Record) -> None:
    """Nothing to ask about the step that is done; the one that was under way waits."""
    load, runs = await _three(world)
    for run in runs:
        world.oracle.at(run, 3, Reply(hang=True))
    await load.start(*range(3))
    for run in runs:
        await world.oracle.asked(run, 3)
    await _lose(world)
    await _asked_and_answered(world, load, {1: 1, 2: 1, 3: 1})
    record(await _over(world, load))


async def _three(world: Rig) -> tuple[Load, list[str]]:
    load = await Load.make(world, source=SOURCE)
    return load, [load.run(number) for number in range(3)]


async def _lose(world: Rig) -> None:
    """Every process that works is killed, and others come in their place."""
    await asyncio.gather(*(world.kill(member) for member in world.working))
    for member in world.working:
        await member.models.cut()
        member.models.resume()
    await world.heal()


async def _asked_and_answered(world: Rig, load: Load, calls: dict[int, int]) -> None:
    """Each waits with three ways out, nothing was called again, and each way works."""
    async with world.client() as client:
        for number, way in enumerate(WAYS):
            run = load.run(number)
            approval = await waiting_for(client, load.accepted[run], 60)
            assert approval["kind"] == "OUTCOME"
            assert set(approval["choices"]) == set(WAYS)
            assert approval["execution"]["waitingReason"] == "OUTCOME_UNKNOWN"
            assert world.oracle.counts(run) == calls, "it was called again without being asked"
            chosen: dict[str, Any] = {"action": way}
            if way == "done":
                chosen["value"] = said(run, max(calls))
            answer = await decide(client, approval["id"], choose=chosen)
            assert not answer["errors"], answer


async def _over(world: Rig, load: Load) -> Found:
    """Only what a person asked to be tried again may have been called twice."""
    found = await check(world, load)
    assert found.repeated <= 1, found
    for number in (1, 2):
        counts = world.oracle.counts(load.run(number))
        assert all(count == 1 for count in counts.values()), counts
    return found
