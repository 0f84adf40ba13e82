"""What model servers do: slow, broken off, refusing, answering rubbish or far too much."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.checks import Found, check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.oracle import program, said
from tests.faults.rig import Rig
from tests.faults.tables import moment
from tests.faults.waiting import until
from tests.support.model_server import Reply

KINDS = ["embedded", "postgres"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


@pytest.mark.fault("F29", "ten models take longer than a lease", short=("embedded",))
async def test_slow_models(world: Rig, record: Record) -> None:
    """The leases are renewed meanwhile, and the others do not notice."""
    slow, others = await Load.make(world), await Load.make(world)
    seconds = world.some(18, 40)
    for number in range(10):
        run = slow.run(number)
        world.oracle.at(run, 2, Reply(said(run, 2), delay=seconds))
    await slow.start(*range(10))
    for number in range(10):
        await world.oracle.asked(slow.run(number), 2)
    began = time.monotonic()
    await others.start(*range(20))
    quick = await check(world, others)
    took = time.monotonic() - began
    assert took < seconds, took
    found = await check(world, slow, seconds=seconds + 60)
    assert found.repeated == 0, "a lease was lost while its worker was well"
    both = Found(quick.accepted + found.accepted, 0, 0)
    record(both, f"{seconds} s each; 20 others were done in {took:.1f} s")


def _answer(run: str) -> Reply:
    return Reply(said(run, 2))


CUTS: dict[str, dict[str, Any]] = {
    "after 1 byte": {"cut_after": 1},
    "in the middle": {"cut_after": 300},
    "before the token count": {"cut_before_usage": True},
}


@pytest.mark.fault("F30", "the stream of a model breaks off", short=("embedded",))
async def test_broken_streams(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    runs = {load.run(number): cut for number, cut in enumerate(CUTS)}
    for run, cut in runs.items():
        world.oracle.at(run, 2, Reply(said(run, 2), gap=0.01, **CUTS[cut]), _answer(run))
    await load.start(*range(len(CUTS)))
    found = await check(world, load)
    assert found.repeated <= len(CUTS)
    record(found, "each asked again; half an answer is never taken for a whole one")


@pytest.mark.fault("F30", "the stream breaks off in the middle of a tool call", short=("embedded",))
async def test_half_a_tool_call(world: Rig, record: Record) -> None:
    """No tool runs from half of its arguments."""
    load = await Load.make(world, steps=1, source=program(1, ', "tools": ["store_memory"]'))
    run = load.run(1)
    given = {"action": "set", "key": "half", "value": "words " * 400}
    whole = Reply(tool_calls=[("store_memory", given)], pieces=20)
    world.oracle.at(run, 1, replace(whole, gap=0.01, cut_after=2000), whole)
    await load.start(1)
    found = await check(world, load)
    steps = (await world.tables.by_execution("steps", "id"))[load.uuids()[run]]
    tools = [step for step in steps if step["type"] == "tool"]
    assert [step["status"] for step in tools] == ["completed"], tools
    record(found, "asked again, and the tool ran once")


REFUSALS: list[tuple[str, list[Reply]]] = [
    ("429, wait", [Reply(status=429, headers={"retry-after": "7"})]),
    ("429", [Reply(status=429)]),
    ("500 twice", [Reply(status=500), Reply(status=500)]),
    ("529", [Reply(status=529)]),
    ("503", [Reply(status=503)]),
    ("HTML", [Reply(body=b"<html>Bad gateway</html>", content_type="text/html")]),
    ("empty", [Reply(body=b"")]),
    ("wrong JSON", [Reply(body=b'{"choices": 7}')]),
]


@pytest.mark.fault("F31", "models refuse, and answer rubbish", short=("embedded",))
async def test_refusals(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    for number, (_, replies) in enumerate(REFUSALS):
        run = load.run(number)
        world.oracle.at(run, 2, *replies, _answer(run))
    await load.start(*range(len(REFUSALS)))
    found = await check(world, load)
    first, second = (call.received.at for call in world.oracle.of(load.run(0))[1:3])
    assert second - first >= 7, "a wait that was asked for is kept"
    record(found)


@pytest.mark.fault("F31", "no model server is there for a while", short=())
async def test_connections_refused(world: Rig, record: Record) -> None:
    load = await Load.make(world, source=program(4, ', "retries": 8'))
    before = sum(one.models.connections for one in world.working)
    for member in world.working:
        await member.models.refuse()
    await load.start(*range(5))
    refused = lambda: sum(one.models.connections for one in world.working) >= before + 5  # noqa: E731
    await until("several tries were refused", refused, 30)
    for member in world.working:
        member.models.resume()
    found = await check(world, load, seconds=120)
    assert found.accepted == 5, "each has completed, and none failed meanwhile"
    record(found, "the circuit opened, and all went on when it was closed again")


@pytest.mark.fault("F31", "a model refuses for good", short=("embedded",))
async def test_refused_for_good(world: Rig, record: Record) -> None:
    """Three tries, and then a failure that says why; one failed run does not open the circuit."""
    load = await Load.make(world)
    world.oracle.at(load.run(1), 2, *[Reply(status=500, error="out of order")] * 5)
    await load.start(1)
    found = await check(world, load, ends="failed")
    assert world.oracle.counts(load.run(1)) == {1: 1, 2: 3}
    record(found, "three tries, then failed")


@pytest.mark.fault("F33", "inputs and answers of 10 MB", short=("embedded",))
async def test_big_things(world: Rig, record: Record) -> None:
    load = await Load.make(world, steps=2)
    await load.start(0)
    await check(world, load)
    before = world.door.memory()
    big = await Load.make(world, steps=2)
    run = big.run(1)
    text = f"{said(run, 1)} " + "big words " * 1_000_000
    world.oracle.at(run, 1, Reply(text, pieces=200), Reply(text, pieces=200))
    await big.start(1)
    found = await check(world, big)
    async with world.client() as client:
        slow = await _slowest_look(client.execution, big.accepted[run])
    grown = (world.door.memory() - before) / 2**20
    assert grown < 64, grown
    record(found, f"memory grew by {grown:.0f} MiB, looking at it took {slow:.1f} s")


async def _slowest_look(look: Any, name: str) -> float:
    began = time.monotonic()
    await look(name)
    return time.monotonic() - began


@pytest.mark.fault("F42", "a run kills its process each time", short=("embedded",))
async def test_poison(world: Rig, record: Record) -> None:
    """After three losses it has failed, and the others, which were lost with it twice, have gone
    on: the third time it was alone."""
    load, others = await Load.make(world), await Load.make(world, steps=8)
    run = load.run(1)
    world.oracle.at(run, 2, *[Reply(hang=True)] * 5)
    await load.start(1)
    await others.start(*range(5))
    for time_ in (1, 2, 3):
        call = await world.oracle.asked(run, 2, time_)
        victim = world.by_key(call.process)
        await world.kill(victim)
        await world.replace(victim)
    found = await check(world, load, ends="failed")
    (row,) = [r for r in await world.tables.executions() if str(r["id"]) == load.uuids()[run]]
    assert "worker_lost" in row["error"], row["error"]
    steps = (await world.tables.by_execution("steps", "id"))[str(row["id"])]
    failed = [step["name"] for step in steps if step["status"] == "failed"]
    assert failed == ["chain", "e2"], failed
    await check(world, others)
    record(found, "3 losses, then failed: worker_lost; its neighbours completed")


@pytest.mark.fault("F43", "many runs of one bot wait before a few of another", short=("embedded",))
async def test_backlog(world: Rig, record: Record) -> None:
    """The models stand still until all wait, so that a queue is there on any machine."""
    first, second = await Load.make(world, steps=2), await Load.make(world, steps=2)
    many, few = world.some(200, 2000), world.some(20, 50)
    usual, world.oracle.pace = world.oracle.pace, (8.0, 8.0)
    began = time.monotonic()
    try:
        await first.start(*range(many))
        await second.start(*range(few))
    finally:
        world.oracle.pace = usual
    accepted = time.monotonic() - began
    found = await check(world, first, second, seconds=240)
    took = time.monotonic() - began
    assert found.repeated == 0
    before = await _overtaken(world, first, second)
    assert before <= 2 * few, f"{before} of the first bot began before the {few} of the second"
    told = f"the {few} of the second bot had begun after {before} of the first bot's {many}"
    record(found, f"{told}; accepted in {accepted:.1f} s, done in {took:.1f} s")


async def _overtaken(world: Rig, first: Load, second: Load) -> int:
    """How many of the first bot's began while the second one's waited."""
    rows = {str(row["id"]): row for row in await world.tables.executions()}
    theirs = [rows[name] for name in second.uuids().values()]
    came = max(moment(row["created_at"]) for row in theirs)
    done = max(moment(row["started_at"]) for row in theirs)
    others = [moment(rows[name]["started_at"]) for name in first.uuids().values()]
    assert sum(at > came for at in others) > 2 * len(theirs), "no queue was there"
    return sum(came < at < done for at in others)
