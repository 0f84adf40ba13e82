"""What people do: they cancel at any moment."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.aimed import DURING_CALL, POINTS, Aim, Point
from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import AT_ONCE, Load
from tests.faults.oracle import said
from tests.faults.rig import Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply
from tests.support.processes import Client

KINDS = ["embedded", "postgres"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

CONTROL = """mutation($input: ControlExecutionInput!) {
  controlExecution(input: $input) { execution { status } errors { code message } } }"""


async def _cancel(client: Client, name: str) -> dict[str, Any]:
    data = await client.ask(CONTROL, input={"executionId": name, "action": "CANCEL"})
    return data["controlExecution"]


async def _cancelled_within(world: Rig, load: Load, number: int, seconds: float) -> float:
    """Cancels, and says how long it took until that was final."""
    name = load.accepted[load.run(number)]
    uuid = load.uuids()[load.run(number)]
    began = time.monotonic()
    async with world.client() as client:
        answer = await _cancel(client, name)
    assert not answer["errors"], answer

    async def over() -> bool:
        rows = await world.tables.executions()
        return any(str(row["id"]) == uuid and row["status"] == "cancelled" for row in rows)

    await until("it is cancelled", over, seconds)
    return time.monotonic() - began


@pytest.mark.fault("F38", "cancelled while it waits in the queue", short=())
async def test_cancel_queued(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    for worker in world.working if not world.embedded else []:
        worker.signal(signal.SIGSTOP)
    if world.embedded:
        for number in range(100, 170):  # more than run at once
            world.oracle.at(load.run(number), 1, Reply(said(load.run(number), 1), delay=3))
        await load.start(*range(100, 170))
    await load.start(1)
    took = await _cancelled_within(world, load, 1, 5)
    for worker in world.working:
        worker.signal(signal.SIGCONT)
    found = await check(world, load, ends="completed cancelled")
    assert world.oracle.count(load.run(1)) == 0
    record(found, f"final {took:.2f} s later")


@pytest.mark.fault("F38", "cancelled during a call", short=("embedded", "postgres"))
async def test_cancel_during_a_call(world: Rig, record: Record) -> None:
    """The connection to the model is closed, and no step begins afterwards."""
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply("never so many words " * 2000, gap=0.05))
    await load.start(1)
    call = await world.oracle.asked(run, 2)
    began = time.monotonic()
    took = await _cancelled_within(world, load, 1, 5)
    await asyncio.wait_for(call.received.hung_up.wait(), 5)
    closed = time.monotonic() - began
    assert closed <= 3, closed
    async with world.client() as client:
        again = await _cancel(client, load.accepted[run])
    assert [error["code"] for error in again["errors"]] == ["INVALID_STATE"]
    found = await check(world, load, ends="cancelled")
    assert world.oracle.counts(run) == {1: 1, 2: 1}
    record(found, f"the model's stream was closed after {closed:.1f} s, final after {took:.1f} s")


def _aimed() -> Iterator[Any]:
    for point in POINTS:
        name = "while tools are called" if point is DURING_CALL else point.name
        mark = pytest.mark.fault("F38", f"cancelled {name}", short=())
        yield pytest.param(point, marks=mark, id=name)


@pytest.mark.parametrize("point", list(_aimed()))
async def test_cancel_at_a_point(world: Rig, record: Record, point: Point) -> None:
    """Questions to models and calls of tools alike: each ends once, and begins nothing more."""
    aim = await Aim.make(world)
    await point.come(aim)
    began = time.monotonic()
    async with world.client() as client:
        for load in aim.loads:
            answer = await _cancel(client, load.accepted[load.run(1)])
            assert not answer["errors"], answer
    await world.points.told_to_cancel(aim.uuids, 2 * world.patience)
    world.points.let_go()
    await until("all are cancelled", lambda: _all_are(world, aim.uuids, "cancelled"), 5)
    took = time.monotonic() - began
    for member in world.working:
        await member.models.cut()  # with what stood before the closed door
        member.models.resume()
    found = await check(world, *aim.loads, ends="cancelled")
    for run in aim.runs:
        assert world.oracle.counts(run) == dict.fromkeys(range(1, point.begun + 1), 1), run
    record(found, f"a model and two tools; final {took:.2f} s later")


async def _all_are(world: Rig, uuids: list[str], status: str) -> bool:
    rows = await world.tables.executions()
    return sum(str(row["id"]) in uuids and row["status"] == status for row in rows) == len(uuids)


@pytest.mark.fault("F38", "cancelled while it waits to try again", short=("embedded",))
async def test_cancel_in_a_retry_wait(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply(status=429, headers={"retry-after": "30"}))
    await load.start(1)
    call = await world.oracle.asked(run, 2)
    await until("it was refused", lambda: call.received.answered, 5)
    took = await _cancelled_within(world, load, 1, 5)
    found = await check(world, load, ends="cancelled")
    assert world.oracle.counts(run) == {1: 1, 2: 1}, "it did not try again"
    record(found, f"final {took:.2f} s later")


@pytest.mark.fault("F38", "cancelled while it is paused", short=("embedded",))
async def test_cancel_paused(world: Rig, record: Record) -> None:
    """Nobody holds it: it ends here and now, and once."""
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply(said(run, 2), delay=0.5))
    await load.start(1)
    await world.oracle.asked(run, 2)
    name = load.accepted[run]
    async with world.client() as client:
        data = await client.ask(CONTROL, input={"executionId": name, "action": "PAUSE"})
        assert not data["controlExecution"]["errors"], data
        await until("it is paused", lambda: _is(world, load.uuids()[run], "paused"), 20)
        took = await _cancelled_within(world, load, 1, 5)
        for action in ("CANCEL", "RESUME"):
            late = await client.ask(CONTROL, input={"executionId": name, "action": action})
            assert [e["code"] for e in late["controlExecution"]["errors"]] == ["INVALID_STATE"]
    found = await check(world, load, ends="cancelled")
    assert world.oracle.counts(run) == {1: 1, 2: 1}
    record(found, f"final {took:.2f} s later")


async def _is(world: Rig, uuid: str, status: str) -> bool:
    rows = await world.tables.executions()
    return any(str(row["id"]) == uuid and row["status"] == status for row in rows)


@pytest.mark.fault("F38", "cancelled when its worker has just died", short=(), only=("postgres",))
async def test_cancel_with_a_dead_worker(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply(hang=True))
    await load.start(1)
    victim = world.by_key((await world.oracle.asked(run, 2)).process)
    await world.kill(victim)
    took = await _cancelled_within(world, load, 1, 30)
    await world.replace(victim)
    found = await check(world, load, ends="cancelled")
    assert world.oracle.counts(run) == {1: 1, 2: 1}
    record(found, f"final {took:.1f} s later")


@pytest.mark.fault("F38", "cancelled at random moments", short=("embedded", "postgres"))
async def test_cancel_at_random(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    count = world.some(20, 100)
    gate = asyncio.Semaphore(AT_ONCE)

    async with world.client() as client, load.session() as session:

        async def soon(number: int) -> None:
            async with gate:
                name = await load.start_one(session, load.run(number))
                await asyncio.sleep(world.random.uniform(0, 1.0))  # a moment nobody chose
                await _cancel(client, name)

        await asyncio.gather(*map(soon, range(count)))
    found = await check(world, load, ends="completed cancelled")
    rows = await world.tables.executions()
    mine = set(load.uuids().values())
    stopped = sum(str(r["id"]) in mine and r["status"] == "cancelled" for r in rows)
    assert stopped, "all had ended before"
    record(found, f"{stopped} of {count} were stopped, the rest had ended")
