"""What a bad day looks like: everything that can break does, one after the other."""

from __future__ import annotations

import asyncio
import signal

import pytest
import redis.asyncio

from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.oracle import program, said
from tests.faults.rig import Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply

KINDS = ["postgres"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

STEPS = 5


@pytest.mark.fault(
    "P1",
    "a worker killed, Redis emptied, the database restarted, in the middle of 50 runs",
    short=("postgres",),
)
async def test_everything_breaks(world: Rig, record: Record) -> None:
    """Fifty executions of five slow steps with two workers; all end completed, and the model server
    saw each finished call once."""
    seconds = world.some(0, 1) + 0.5
    await world.kill(world.workers[0], signal.SIGTERM)  # two are left
    load = await Load.make(world, source=program(STEPS), steps=STEPS)
    for number in range(50):
        for step in range(1, STEPS + 1):
            run = load.run(number)
            world.oracle.at(run, step, Reply(said(run, step), delay=seconds))
    await load.start(*range(50))
    victim = world.workers[1]
    await _calls(world, load, 20)
    await world.kill(victim)
    in_flight = await _without_answer(world, load)
    await _calls(world, load, 40)
    await _flush(world)
    await _calls(world, load, 60)
    assert world.servers.database is not None
    await asyncio.to_thread(world.servers.database.restart)
    found = await check(world, load, seconds=200)
    assert found.accepted == 50
    for number in range(50):
        counts = world.oracle.counts(load.run(number))
        assert set(counts) == set(range(1, STEPS + 1))
        repeated = {step for step, count in counts.items() if count > 1}
        assert repeated <= in_flight.get(load.run(number), set()), (number, counts, in_flight)
    assert found.repeated <= len(in_flight), (found.repeated, in_flight)
    note = f"{len(in_flight)} calls were under way in the killed worker; no finished one repeated"
    record(found, note)


async def _without_answer(world: Rig, load: Load) -> dict[str, set[int]]:
    """The calls of a worker that was killed just now whose answer is not in the log, by run: a call
    is finished when its answer is stored. Nobody takes these over before their lease ends."""
    events = await world.tables.by_execution("events", "seq")
    of_run = {name: run for run, name in load.uuids().items()}
    found: dict[str, set[int]] = {}
    for name in world.hits[-1].executions & of_run.keys():
        kinds = [event["type"] for event in events[name]]
        finished = kinds.count("model.answered")
        if kinds.count("model.requested") > finished:
            found[of_run[name]] = {finished + 1}
    return found


async def _calls(world: Rig, load: Load, count: int) -> None:
    made = lambda: sum(call.run in load.accepted for call in world.oracle.calls) >= count  # noqa: E731
    await until(f"{count} calls", made, 60)


async def _flush(world: Rig) -> None:
    assert world.servers.redis is not None
    client = redis.asyncio.from_url(f"redis://127.0.0.1:{world.servers.redis.port}/0")
    await client.flushall()
    await client.aclose()
