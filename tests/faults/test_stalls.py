"""Processes that stand still and come back: frozen from outside, or busy with something endless."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.oracle import said
from tests.faults.rig import Member, Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply

KINDS = ["embedded", "postgres", "mysql"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


@pytest.mark.fault("F08", "a worker is frozen and comes back", short=("postgres",))
async def test_a_frozen_worker_changes_nothing(world: Rig, record: Record) -> None:
    """It wakes up with answers in its hands for runs that others have finished."""
    if world.embedded:
        await _a_pause_of_the_only_process(world, record)
        return
    load = await Load.make(world)
    runs = [load.run(number) for number in range(12)]
    for run in runs:
        world.oracle.at(run, 2, Reply(said(run, 2), delay=2))
    await load.start(*range(12))
    victim = world.by_key((await world.oracle.asked(runs[0], 2)).process)
    victim.signal(signal.SIGSTOP)
    world.killed_at.append(time.time())
    held = {call.run for call in world.oracle.calls if call.process == victim.key}
    try:
        found = await check(world, load)
        assert found.recovery is not None
        assert found.recovery <= 20
    finally:
        victim.signal(signal.SIGCONT)
    await _has_left(victim)
    found = await check(world, load)
    record(found, f"{len(held & set(runs))} runs were in the hands of the frozen worker")


async def _a_pause_of_the_only_process(world: Rig, record: Record) -> None:
    """Frozen for longer than its own lease, then thawed: it goes on with what it holds."""
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply(said(run, 2), delay=1))
    await load.start(1)
    await world.oracle.asked(run, 2)
    world.door.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(17)  # time itself is the fault: the lease must have ended
    finally:
        world.door.signal(signal.SIGCONT)
    record(await check(world, load))


@pytest.mark.fault("F09", "a worker's event loop is blocked for 20 s", short=())
async def test_a_blocked_loop(world: Rig, record: Record) -> None:
    """It cannot renew its leases, so others take over; when it can think again it stops itself."""
    load = await Load.make(world)
    runs = [load.run(number) for number in range(12)]
    for run in runs:
        world.oracle.at(run, 2, Reply(said(run, 2), delay=2))
    await load.start(*range(12))
    victim = world.by_key((await world.oracle.asked(runs[0], 2)).process)
    held = {call.run for call in world.oracle.calls if call.process == victim.key}
    world.killed_at.append(time.time())
    victim.signal(signal.SIGUSR1)
    found = await check(world, load)
    if world.embedded:
        record(found, "the only process went on with what it held")
        return
    await _has_left(victim)
    found = await check(world, load)
    assert found.recovery is not None
    assert found.recovery <= 20
    record(found, f"{len(held)} runs were in its hands; it stopped itself")


async def _has_left(victim: Member) -> None:
    said_so = lambda: "execution_left" in victim.running.output()  # noqa: E731
    await until("the stale one has left what is no longer its own", said_so, 30)
