"""Those who look on: very many, some that never read, some that come and go. Nobody hurts anybody
else, and nothing is left of them."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from typing import Any

import pytest

from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.onlookers import Onlooker, onlookers, saw_everything, slowest
from tests.faults.oracle import said
from tests.faults.rig import Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply

KINDS = ["embedded", "postgres"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

BAR_SECONDS = 0.25
CROWD_MIB = 64
FLOOD_STEPS = 24  # more than lines and buffers between two processes hold
# P12: what is kept for one who does not read; beside it what all share, and the run itself.
QUEUE_MIB, OWN_MIB = 1, 24


@pytest.mark.fault("F35", "very many look at one run", short=("embedded",))
async def test_a_crowd_at_one_run(world: Rig, record: Record) -> None:
    count = world.some(200, 1000)
    await _warm(world)
    load = await Load.make(world)
    run = load.run(1)
    text = f"{said(run, 2)} " + "and on " * 30
    world.oracle.at(run, 1, Reply(said(run, 1), delay=world.some(2, 8)))
    world.oracle.at(run, 2, Reply(text, pieces=30, gap=0.2))
    tasks = await _tasks(world)
    before = world.door.memory()
    await load.start(1)
    async with onlookers(world, count) as everyone:
        await asyncio.gather(*(one.subscribe(load.accepted[run]) for one in everyone))
        used = world.door.cpu()
        await asyncio.gather(*(one.read() for one in everyone))
        used = world.door.cpu() - used
        grown = (world.door.memory() - before) / 2**20
    saw_everything(everyone)
    assert len({len(one.seqs) for one in everyone}) == 1
    await _nothing_is_left(world, tasks)
    late = slowest(everyone)
    assert grown < CROWD_MIB * max(1.0, count / 1000), grown
    assert late < BAR_SECONDS * world.patience, late
    found = await check(world, load)
    each = 1_000_000 * used / sum(one.messages for one in everyone)
    told = f"{count} sockets, each event once and in order; p95 {late * 1000:.0f} ms"
    record(found, f"{told}, {each:.0f} us of CPU a message, {grown:.0f} MiB")


@pytest.mark.fault("F35", "very many look, each at another run", short=())
async def test_a_crowd_at_many_runs(world: Rig, record: Record) -> None:
    count = world.some(200, 1000)
    await _warm(world)
    load = await Load.make(world, steps=1)
    tasks = await _tasks(world)
    async with onlookers(world, count) as everyone:
        before = world.door.memory()
        starting = asyncio.create_task(load.start(*range(count)))

        async def watch(number: int, one: Onlooker) -> None:
            run = load.run(number)
            reading = asyncio.create_task(one.read())  # who does not read answers no ping
            await until(f"{run} is accepted", lambda: run in load.accepted, 120)
            await one.subscribe(load.accepted[run])
            await reading

        async with asyncio.timeout(200):
            await asyncio.gather(*(watch(number, one) for number, one in enumerate(everyone)))
        await starting
        grown = (world.door.memory() - before) / 2**20
    saw_everything(everyone)
    await _nothing_is_left(world, tasks)
    late = slowest(everyone)
    assert grown < CROWD_MIB * max(1.0, count / 1000), grown
    assert late < BAR_SECONDS * world.patience, late
    found = await check(world, load)
    told = f"{count} sockets, each saw all of its run; p95 {late * 1000:.0f} ms"
    record(found, f"{told}, {grown:.0f} MiB more memory")


@pytest.mark.fault("F35", "the server is stopped while very many look on", short=())
async def test_stopped_with_a_crowd(world: Rig, record: Record) -> None:
    """Over each socket two runs are followed: one that all look at, and one of its own."""
    count = world.some(100, 1000)
    load = await Load.make(world, steps=1)
    usual, world.oracle.pace = world.oracle.pace, (4.0, 4.0)
    await load.start(*range(count + 1))
    async with onlookers(world, count) as everyone:
        for number, one in enumerate(everyone):
            await one.subscribe(load.accepted[load.run(count)])
            await one.subscribe(load.accepted[load.run(number)], number=2)
        reading = asyncio.gather(*(one.read() for one in everyone))
        came = lambda: all(len(one.caught_up) == 2 for one in everyone)  # noqa: E731
        await until("everybody has caught up with both", came, 60)
        began = time.monotonic()
        code = await world.kill(world.door, signal.SIGTERM)
        took = time.monotonic() - began
        await asyncio.wait_for(reading, 30)
    world.oracle.pace = usual
    assert code == 0, world.door.running.output()[-3000:]
    assert took < 40, took
    assert all(one.closed is not None or one.done for one in everyone)
    await world.replace(world.door)
    found = await check(world, load)
    told = f"{2 * count} subscriptions over {count} sockets"
    record(found, f"{told}, all closed, exit code 0 after {took:.1f} s")


@pytest.mark.fault("F36", "some that look on never read", short=("embedded",))
async def test_followers_that_never_read(world: Rig, record: Record) -> None:
    """Twenty never read, and two take a second for each message; the others do not notice, and
    nobody keeps for them what they do not read. When they do read they get it from the table."""
    await _warm(world)
    load = await Load.make(world, steps=FLOOD_STEPS)
    run = load.run(1)
    for step in range(1, FLOOD_STEPS):
        words = f"{said(run, step)} " + "a few words more " * 12_000
        world.oracle.at(run, step, Reply(words, pieces=10, gap=0.03))
    before = world.door.memory()
    async with onlookers(world, 30) as everyone:
        stuck, slow, quick = everyone[:20], everyone[20:22], everyone[22:]
        for one in (*stuck, *slow):
            one.read_little()
        await load.start(1)
        await asyncio.gather(*(one.subscribe(load.accepted[run]) for one in everyone))
        for one in slow:
            one.pause = 1.0
        slowly = asyncio.gather(*(one.read() for one in slow))
        await asyncio.gather(*(one.read() for one in quick))
        grown = (world.door.memory() - before) / 2**20
        late = slowest(quick)
        for one in slow:  # they hurry up when it is over
            one.pause = 0.0
        late_ones = asyncio.gather(slowly, *(one.read() for one in stuck))
        most = await _most_memory(world, late_ones) - before / 2**20
    saw_everything(quick)
    for one in (*stuck, *slow):
        assert one.seqs == list(range(1, len(one.seqs) + 1))
        assert one.done or one.closed is not None
        assert one.messages < min(other.messages for other in quick), "it was never behind"
    found = await check(world, load)
    assert late < BAR_SECONDS * world.patience, late
    bar = QUEUE_MIB * (len(stuck) + len(slow)) + OWN_MIB
    assert grown < bar, grown
    assert most < bar, most
    served = sum(one.done for one in (*stuck, *slow))
    told = f"the others' p95 {late * 1000:.0f} ms, {grown:.0f} MiB more meanwhile"
    record(found, f"{told}, at most {most:.0f} MiB when {served} of 22 read it later")


async def _most_memory(world: Rig, work: asyncio.Future[Any]) -> float:
    most = 0
    while not work.done():
        most = max(most, world.door.memory())
        await asyncio.wait([work], timeout=0.05)
    await work
    return most / 2**20


@pytest.mark.fault("F37", "the page is reloaded again and again", short=("embedded", "postgres"))
async def test_reloads(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply(f"{said(run, 2)} " + "and on " * 60, gap=0.03))
    await load.start(1)
    seen: list[int] = []
    reloads = 0
    async with world.client() as client:
        while not seen or reloads < 50:
            after = seen[-1] if seen else 0
            events = await client.follow(load.accepted[run], after=after, stop_at=after + 1)
            seen += [event["seq"] for event in events]
            reloads += 1
            if events and events[-1]["type"] == "execution.completed":
                break
        rest = await client.follow(load.accepted[run], after=seen[-1])
        seen += [event["seq"] for event in rest]
    assert seen == list(range(1, len(seen) + 1))
    record(await check(world, load), f"{reloads} reloads, {len(seen)} events, each once")


async def _warm(world: Rig) -> None:
    """What a process loads for its first run is not what a fault costs."""
    load = await Load.make(world)
    await load.start(1)
    await check(world, load)
    async with world.client() as client:
        await client.follow(load.accepted[load.run(1)])


async def _tasks(world: Rig) -> dict[str, int]:
    """What is under way inside the server: the rig's own hook writes it into the log."""
    before = world.door.running.output().count('"event": "tasks"')
    world.door.signal(signal.SIGUSR2)
    lines: list[dict[str, Any]] = []

    def written() -> bool:
        said = [line for line in world.door.running.output().splitlines() if '"tasks"' in line]
        lines[:] = [json.loads(line) for line in said]
        return len(lines) > before

    await until("the server counts its tasks", written, 10)
    return lines[-1]["names"]


async def _nothing_is_left(world: Rig, before: dict[str, int]) -> None:
    found: dict[str, int] = {}

    async def gone() -> bool:
        found.clear()
        found.update(await _tasks(world))
        return not Counter(found) - Counter(before)

    await until("no task of theirs is left", gone, 20, lambda: f"{before} became {found}")
