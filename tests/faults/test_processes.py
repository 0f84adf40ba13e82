"""What happens to processes: killed, told to stop, frozen."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.aimed import BEFORE_NEWS, DURING_CALL, POINTS, STEPS, Aim, Point
from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.onlookers import onlookers, saw_everything
from tests.faults.oracle import said
from tests.faults.rig import Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply

KINDS = ["embedded", "postgres", "mysql"]
PROMISE_SECONDS = 16.0  # P4, for 99 of 100; none takes more than 30 s on any machine
# Until a worker that has room hears of it, and says so in the log of the execution.
PICKED_UP_SECONDS = 2.0
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


@pytest.mark.fault("F01", "random workers are killed, again and again", short=("postgres",))
async def test_random_kills(world: Rig, record: Record) -> None:
    load = await Load.make(world, steps=world.some(4, 8))
    runs, kills = world.some(24, 120), world.some(2, 10)
    await (_killed_at_random if world.embedded else _killed_in_groups)(world, load, runs, kills)
    found = await check(world, load, seconds=120)
    assert found.hits or not world.whole, "no kill hit anything"
    assert found.recovery is None or found.recovery <= 30
    assert found.repeated <= found.hits, (found.repeated, found.hits)
    if not (world.embedded or world.crowded):
        assert found.within(0.99) <= PROMISE_SECONDS + PICKED_UP_SECONDS
    hit = f"{kills} kills hit {found.hits} runs in the middle"
    half, most = found.within(0.5), found.within(0.99)
    on = f"half went on within {half:.1f} s, 99 of 100 within {most:.1f} s"
    record(found, f"{hit}; {on}; no finished call was repeated")


async def _killed_at_random(world: Rig, load: Load, runs: int, kills: int) -> None:
    """Each run must come a step further between two kills: three losses at one step end a run, and
    chance would hit one of so many three times."""
    starting = asyncio.create_task(load.start(*range(runs), each=0.05))
    for number in range(1, kills + 1):
        wanted = runs * number // kills
        accepted = lambda: len(load.accepted) >= wanted  # noqa: B023, E731
        await until(f"{wanted} are accepted", accepted, 60)
        await load.come_further()
        await _kill_one(world)
    await starting


async def _killed_in_groups(world: Rig, load: Load, runs: int, kills: int) -> None:
    """Several workers have soon done all there is: each kill has runs of its own in the middle."""
    for number in range(kills):
        group = range(runs * number // kills, runs * (number + 1) // kills)
        await load.start(*group)
        more = world.random.randint(len(group), 2 * len(group))
        await _calls(world, len(world.oracle.calls) + more)
        await _kill_one(world)
        await load.come_further()


async def _kill_one(world: Rig) -> None:
    victim = world.random.choice(world.working)
    await world.kill(victim)
    await world.replace(victim)


async def _calls(world: Rig, count: int) -> None:
    """Until so many calls have reached the models, or nothing is left to call."""
    quiet = time.monotonic() + 5

    def enough() -> bool:
        return len(world.oracle.calls) >= count or time.monotonic() > quiet

    await until(f"{count} calls", enough, 30)


def _aimed() -> Iterator[Any]:
    """The call under way is what `make test` looks at."""
    for point in POINTS:
        short = ("embedded", "postgres") if point is DURING_CALL else ()
        mark = pytest.mark.fault("F02", f"killed {point.name}", short=short)
        yield pytest.param(point, marks=mark, id=point.name)


@pytest.mark.parametrize("point", list(_aimed()))
async def test_killed_at_a_point(world: Rig, record: Record, point: Point) -> None:
    """A call may be made twice only where its answer was not stored, and one that must not be
    repeated is made once wherever that is."""
    aim = await Aim.make(world)
    await point.come(aim)
    if point is BEFORE_NEWS and not world.embedded:
        async with aim.seen():
            await _lose_workers(world)
            await aim.second_is_seen(2 * world.patience)
    else:
        await _lose_workers(world)
    began = time.monotonic()
    await world.heal()
    started = time.monotonic() - began
    await aim.person_says(point.way)
    found = await check(world, *aim.loads)
    repeated = dict(enumerate(point.calls, 1))
    for load in (aim.asking, aim.safe):
        assert world.oracle.counts(load.run(1)) == repeated, load.name
    assert world.oracle.counts(aim.unsafe.run(1)) == {1: 1, 2: 1, 3: 1}
    _same_key_each_time(world, aim)
    assert found.recovery is not None
    assert found.recovery <= (started + 5 if world.embedded else 20)
    record(found, "a model, a tool, a tool that must not be called twice: that waited for a person")


async def _lose_workers(world: Rig) -> None:
    """Every process that works is killed; what it was about to send is lost."""
    await asyncio.gather(*(world.kill(member) for member in world.working))
    for member in world.working:
        await member.models.cut()


def _same_key_each_time(world: Rig, aim: Aim) -> None:
    """A tool that is called again can know that it is the same call."""
    for load in (aim.safe, aim.unsafe):
        calls = world.oracle.of(load.run(1))
        keys = {(call.step, call.received.headers["idempotency-key"]) for call in calls}
        assert len(keys) == len({key for _, key in keys}) == STEPS, keys


@pytest.mark.fault(
    "F02",
    "killed between the commit and what is told of it",
    short=("postgres",),
    only=("postgres", "mysql"),
)
async def test_killed_between_commit_and_publish(world: Rig, record: Record) -> None:
    """Its Redis stands still, so nobody is told that it has ended: who looks on finds it in the
    database, and nothing is done again."""
    load = await Load.make(world, steps=1)
    run = load.run(1)
    world.oracle.at(run, 1, Reply(said(run, 1), delay=1))
    async with onlookers(world, 1) as (one,):
        await load.start(1)
        await one.subscribe(load.accepted[run])
        reading = asyncio.create_task(one.read())
        victim = world.by_key((await world.oracle.asked(run, 1)).process)
        await until("it looks on", lambda: one.caught_up, 10)
        assert victim.redis is not None
        victim.redis.stall()
        await victim.redis.something_held(victim.redis.up)
        await until("its end is stored", lambda: _has_ended(world, load.uuids()[run]), 10)
        await world.kill(victim)
        await asyncio.wait_for(reading, 10)
    await victim.redis.cut()
    await world.replace(victim)
    late = max(one.lags)
    assert late <= 2 * world.patience, late
    saw_everything([one])
    found = await check(world, load)
    assert world.oracle.counts(run) == {1: 1}
    record(found, f"seen {late:.1f} s after it was stored")


async def _has_ended(world: Rig, uuid: str) -> bool:
    rows = await world.tables.executions()
    return any(str(row["id"]) == uuid and row["status"] == "completed" for row in rows)


@pytest.mark.fault(
    "F04",
    "the API is killed before it can answer",
    short=("postgres",),
    only=("embedded", "postgres"),
)
async def test_api_killed_between_commit_and_answer(world: Rig, record: Record) -> None:
    """The client repeats with the same idempotency key: one execution."""
    load = await Load.make(world)
    run = load.run(1)
    if world.door.database is not None:
        world.door.database.hold_answers_to(run)
    async with load.session() as session:
        asking = asyncio.create_task(load.start_one(session, run))
        await until("the row is there", lambda: _stored(world, run), 30)
        await world.kill(world.door)
        await world.replace(world.door)
        await asking
    found = await check(world, load)
    keys = [row["idempotency_key"] for row in await world.tables.executions()]
    assert keys.count(run) == 1
    record(found)


async def _stored(world: Rig, run: str) -> bool:
    rows = await world.tables.executions()
    return any(row["idempotency_key"] == run for row in rows)


@pytest.mark.fault("F05", "every process is killed at once", short=("embedded",))
async def test_everything_killed(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    runs = world.some(20, 100)
    await load.start(*range(runs))
    await _calls(world, len(world.oracle.calls) + runs)
    await asyncio.gather(*(world.kill(member) for member in world.members))
    world.killed_at.append(began := time.time())
    await asyncio.gather(*(world.replace(member) for member in world.members))
    took = time.time() - began
    found = await check(world, load)
    assert found.recovery is not None
    assert found.recovery <= took + (5 if world.embedded else 20)
    record(found, f"the start itself took {took:.1f} s of it")


@pytest.mark.fault("F06", "a worker is told to stop in the middle", short=())
async def test_sigterm_drains(world: Rig, record: Record) -> None:
    """Short calls end, the long ones are handed over; nothing that was finished is repeated."""
    load = await Load.make(world)
    long = [load.run(number) for number in range(6)]
    for run in long:
        world.oracle.at(run, 2, Reply(said(run, 2), delay=60), Reply(said(run, 2), delay=0.1))
    await load.start(*range(12))
    for run in long:
        await world.oracle.asked(run, 2)
    victim = world.by_key(world.oracle.of(long[0])[-1].process)
    began = time.monotonic()
    code = await world.kill(victim, signal.SIGTERM)
    took = time.monotonic() - began
    assert code == 0, victim.running.output()[-3000:]
    assert took <= 30, took
    await world.replace(victim)
    found = await check(world, load, seconds=120)
    record(found, f"drained in {took:.1f} s, exit code {code}")


@pytest.mark.fault("F07", "told to stop twice", short=("embedded",))
async def test_the_second_signal_ends_at_once(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 1, Reply(hang=True))
    await load.start(1)
    victim = world.by_key((await world.oracle.asked(run, 1)).process)
    victim.signal(signal.SIGTERM)
    if not world.embedded:
        await asyncio.to_thread(victim.running.await_output, "worker_drains")
    else:
        await until("the port is closed", lambda: _refuses(world.port), 10)
    began = time.monotonic()
    await world.kill(victim, signal.SIGINT)
    took = time.monotonic() - began
    assert took <= 2, took
    await world.replace(victim)
    record(await check(world, load), f"ended {took:.2f} s after the second signal")


async def _refuses(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.transport.abort()
    await writer.wait_closed()
    return False
