"""What happens to Redis: it only wakes workers up, so nothing of it may be needed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import redis.asyncio
from arq.connections import ArqRedis

from server.bus.jobs import ADVANCE
from server.bus.queue import Queue
from server.bus.redis import open_redis
from server.bus.turns import TURNS, Ready
from server.core.ids import new_uuid
from tests.faults.approvals import asking, decide
from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.oracle import said
from tests.faults.rig import Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply
from tests.support.processes import Client
from tests.support.restartable import Restartable

KINDS = ["postgres"]
ACCOUNT = ("id", "workspace_id", "bot_id")
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


def _server(world: Rig) -> Restartable:
    assert world.servers.redis is not None
    return world.servers.redis


def _url(world: Rig) -> str:
    return f"redis://127.0.0.1:{_server(world).port}/0"


def _slowest(load: Load) -> float:
    return max(load.seconds)


@pytest.mark.fault("F10", "Redis is emptied, again and again", short=("postgres",))
async def test_flushed(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    runs = world.some(30, 200)
    began = time.monotonic()
    client = redis.asyncio.from_url(_url(world))
    starting = asyncio.create_task(load.start(*range(runs), each=0.1))
    flushes = 0
    while not starting.done():
        await client.flushall()
        flushes += 1
        await asyncio.wait([starting], timeout=0.5)
    await client.aclose()
    await starting
    accepted = time.monotonic() - began
    found = await check(world, load)
    late = time.monotonic() - began - accepted
    assert late <= 30
    assert found.repeated == 0
    record(found, f"{flushes} times; the last run ended {late:.1f} s after it was accepted")


@pytest.mark.fault("F11", "Redis is away, and comes back empty", short=("postgres",))
async def test_away(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    half = world.some(10, 50)
    await load.start(*range(half))
    _server(world).stop()
    began = time.monotonic()
    await load.start(*range(half, 2 * half))
    assert not load.refusals, load.refusals[:3]
    slowest = _slowest(load)
    assert slowest < 3, slowest
    async with load.session() as session, session.get("/readyz") as ready:
        assert ready.status == 503
        assert "queue" in await ready.text()
    await _ended(world, load, half)  # what workers had taken goes on without Redis
    await asyncio.sleep(world.some(2, 10))  # time itself is the fault
    away = time.monotonic() - began
    await asyncio.to_thread(_server(world).start)
    back = time.monotonic()
    found = await check(world, load)
    late = time.monotonic() - back
    assert late <= 30, late
    note = f"{away:.0f} s away; starts took at most {slowest:.1f} s, all done {late:.1f} s after it"
    record(found, note)


async def _ended(world: Rig, load: Load, first: int) -> None:
    """Those of the first ones that were taken before Redis went have ended."""
    names = {load.uuids()[load.run(number)] for number in range(first)}

    async def ended() -> bool:
        rows = await world.tables.executions()
        return not any(str(row["id"]) in names and row["status"] == "running" for row in rows)

    await until("what was taken has ended", ended, 30)


@pytest.mark.fault("F11", "Redis is not there when everything starts", short=())
async def test_away_from_the_start(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    _server(world).stop()
    try:
        await asyncio.gather(*(world.kill(member) for member in world.members))
        await world.heal()
        await load.start(*range(10))
    finally:
        await asyncio.to_thread(_server(world).start)
    back = time.monotonic()
    found = await check(world, load)
    assert found.accepted == 10, "each was accepted without Redis, and has completed"
    record(found, f"all done {time.monotonic() - back:.1f} s after Redis came")


CONTROL = """mutation($input: ControlExecutionInput!) {
  controlExecution(input: $input) { execution { status } errors { code message } } }"""


@pytest.mark.fault("F12", "Redis restarts empty while a run is paused", short=("postgres",))
async def test_away_during_a_pause(world: Rig, record: Record) -> None:
    """What a person decides lies in the database: it works, and the run goes on."""
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply(said(run, 2), delay=1))
    await load.start(1)
    await world.oracle.asked(run, 2)
    asked = {"executionId": load.accepted[run]}
    async with world.client() as client:
        await _told(client, {**asked, "action": "PAUSE"})
        await until("it is paused", lambda: _is(world, load.uuids()[run], "paused"), 20)
        await asyncio.to_thread(_server(world).restart)
        began = time.monotonic()
        await _told(client, {**asked, "action": "RESUME"})
    found = await check(world, load)
    assert found.repeated == 0
    record(found, f"done {time.monotonic() - began:.1f} s after it was told to go on")


@pytest.mark.fault("F12", "Redis restarts empty while people are asked", short=("postgres",))
async def test_away_during_approvals(world: Rig, record: Record) -> None:
    """Decided while Redis is away, or when it has come back empty: the runs go on."""
    load, asked = await asking(world, world.some(4, 20))
    questions = [approval["id"] for approval in asked.values()]
    half = len(questions) // 2
    async with world.client() as client:
        _server(world).stop()
        began = time.monotonic()
        for question in questions[:half]:
            answer = await decide(client, question, approve={})
            assert not answer["errors"], answer
        slowest = (time.monotonic() - began) / half
        await asyncio.to_thread(_server(world).start)
        back = time.monotonic()
        for question in questions[half:]:
            answer = await decide(client, question, approve={})
            assert not answer["errors"], answer
    found = await check(world, load)
    late = time.monotonic() - back
    assert found.repeated == 0
    assert late <= 30, late
    record(found, f"a decision took {slowest:.1f} s without Redis; done {late:.1f} s after it came")


async def _told(client: Client, given: dict[str, str]) -> None:
    data = await client.ask(CONTROL, input=given)
    assert not data["controlExecution"]["errors"], data


async def _is(world: Rig, uuid: str, status: str) -> bool:
    rows = await world.tables.executions()
    return any(str(row["id"]) == uuid and row["status"] == status for row in rows)


@pytest.mark.fault("F13", "Redis takes 2 s for each answer", short=("postgres",))
async def test_slow(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    for member in world.members:
        assert member.redis is not None
        member.redis.slow(2.0)
    await load.start(*range(world.some(20, 100)), each=0.05)
    slowest = _slowest(load)
    assert slowest < 3, slowest
    begun = time.monotonic()
    # A worker asks Redis three times for each eight that it takes, and each waits for the next.
    found = await check(world, load, seconds=240)
    late = time.monotonic() - begun
    record(found, f"starts took at most {slowest:.2f} s, all done {late:.0f} s after the last")


@pytest.mark.fault("F14", "Redis has no memory left", short=())
async def test_full(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    client = redis.asyncio.from_url(_url(world))
    try:
        await client.config_set("maxmemory-policy", "noeviction")
        await client.config_set("maxmemory", "1")
        await load.start(*range(10))
        assert not load.refusals, load.refusals[:3]
        slowest = _slowest(load)
    finally:
        await client.config_set("maxmemory", "0")
        await client.aclose()
    back = time.monotonic()
    found = await check(world, load)
    late = time.monotonic() - back
    record(found, f"starts took at most {slowest:.1f} s, all done {late:.1f} s after it")


@pytest.mark.fault("F27", "the same wake-up comes five times, to all workers", short=("postgres",))
async def test_woken_five_times(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    client = open_redis(_url(world))
    queue = Queue(client)
    await load.start(*range(10))
    for name in load.uuids().values():
        for number in range(5):
            await client.enqueue_job(ADVANCE, _job_id=f"{name}:{number}", execution_id=name)
    for _ in range(5):
        queue.ready(*(await _as_ready(load)))
        await queue.flush()
    found = await check(world, load)
    await client.aclose(close_connection_pool=True)
    names = set(load.uuids().values())
    attempts = {r["attempt"] for r in await world.tables.executions() if str(r["id"]) in names}
    assert attempts == {1}
    assert found.repeated == 0
    record(found)


async def _as_ready(load: Load) -> list[Ready]:
    mine = set(load.uuids().values())
    rows = [row for row in await load.rig.tables.executions() if str(row["id"]) in mine]
    return [Ready(*(UUID(str(row[name])) for name in ACCOUNT)) for row in rows]


async def _nothing_waits(client: ArqRedis) -> bool:
    jobs = await client.zcard(client.default_queue_name)
    return not jobs and not await client.keys(f"{TURNS}*")


@pytest.mark.fault("F28", "wake-ups for what is not there or has ended", short=("postgres",))
async def test_woken_for_nothing(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    await load.start(*range(5))
    await check(world, load)
    before = await world.tables.executions()
    client = open_redis(_url(world))
    queue = Queue(client)
    ended = await _as_ready(load)
    unknown = [replace(ended[0], id=new_uuid()) for _ in range(5)]
    for one in [*unknown, *ended]:
        await client.enqueue_job(ADVANCE, execution_id=str(one.id))
    queue.ready(*unknown, *ended)
    await queue.flush()
    place = f"{TURNS}:{ended[0].workspace_id}"
    rubbish: dict[Any, float] = {"not-an-id": 0, b"\xff\xfe": 0, "": 0}
    await client.zadd(f"{place}:{ended[0].bot_id}", rubbish)
    await client.zadd(place, {"no-bot": 0})
    await client.zadd(TURNS, {"no-workspace": 0})
    await load.start(*range(5, 10))  # these come behind the rubbish
    found = await check(world, load, seconds=20)
    await until("nothing waits", lambda: _nothing_waits(client), 10)
    await client.aclose(close_connection_pool=True)
    after = {str(row["id"]): row for row in await world.tables.executions()}
    assert all(after[str(row["id"])] == row for row in before), "an ended execution was touched"
    record(found)
