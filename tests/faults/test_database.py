"""What happens to the database and to the way there: it is the only truth, so while it is away
nothing may be promised, and when it is back everything goes on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from server.engine.running import SOON_SECONDS
from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.rig import Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply
from tests.support.proxy import Proxy

KINDS = ["postgres", "mysql"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


def _ways(world: Rig) -> list[Proxy]:
    return [member.database for member in world.members if member.database is not None]


@pytest.mark.fault("F15", "the database is killed and started again", short=("postgres",))
async def test_restarts(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    server = world.servers.database
    assert server is not None
    runs, times = world.some(30, 120), world.some(2, 10)
    all_calls = len(world.oracle.calls) + runs * load.steps
    starting = asyncio.create_task(load.start(*range(runs), each=0.2))
    worst = 0.0
    for _ in range(times):
        more = world.random.randint(5, 15)
        await _calls(world, len(world.oracle.calls) + more, all_calls)
        await asyncio.to_thread(server.restart)
        began = time.monotonic()
        await _calls(world, len(world.oracle.calls) + 1, all_calls)
        worst = max(worst, time.monotonic() - began)
    await starting
    found = await check(world, load)
    assert worst <= 15, worst
    note = f"{times} times; the next call left at most {worst:.1f} s after it was back"
    record(found, note)


SWEEP = "UPDATE executions e SET dispatched_at = now() FROM%"
HOLD = """
CREATE FUNCTION held_by_the_rig() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_advisory_xact_lock(15); RETURN NULL; END';
CREATE TRIGGER held_by_the_rig AFTER UPDATE OF dispatched_at ON executions FOR EACH ROW
  WHEN (OLD.status = 'waiting' AND NEW.status = 'waiting')
  EXECUTE FUNCTION held_by_the_rig()"""
LET_GO = "DROP FUNCTION held_by_the_rig() CASCADE"


@pytest.mark.fault(
    "F15",
    "the database is killed in the middle of a look for what is due",
    short=(),
    only=("postgres",),
)
async def test_restarted_inside_the_sweep(world: Rig, record: Record) -> None:
    """The look has marked what is due as sent, its transaction has not ended, and the database goes
    away: nothing of that is there afterwards, and what was due is found again. What rests for so
    long has no timer in any process: only the look finds it."""
    load, others = await Load.make(world), await Load.make(world)
    server = world.servers.database
    assert server is not None
    for number in range(10):
        refused = Reply(status=429, headers={"retry-after": str(int(SOON_SECONDS) + 1)})
        world.oracle.at(load.run(number), 2, refused)
    async with _advisory_lock(world):
        await load.start(*range(10))
        starting = asyncio.create_task(others.start(*range(30), each=0.2))
        await until("the look stands still in its transaction", lambda: _sweeps(world), 60)
        await asyncio.to_thread(server.restart)
    began = time.monotonic()
    await world.tables.change(LET_GO)
    await _calls(world, len(world.oracle.calls) + 1, 10**9)
    worst = time.monotonic() - began
    await _asked_again(world, load)
    again = time.monotonic() - began
    await starting
    found = await check(world, load, others)
    assert worst <= 15, worst
    assert again <= 15, again
    told = f"the next call left {worst:.1f} s after it was back"
    record(found, f"{told}, all that was due had been called after {again:.1f} s")


@contextlib.asynccontextmanager
async def _advisory_lock(world: Rig) -> AsyncIterator[None]:
    """Whoever marks what waits as sent stands still until this is over."""
    import asyncpg

    connection = await asyncpg.connect(world.database_url)
    try:
        await connection.execute("SELECT pg_advisory_lock(15)")
        await connection.execute(HOLD)
        yield
    finally:
        connection.terminate()


async def _sweeps(world: Rig) -> bool:
    """It has changed rows already: only then does it meet the lock."""
    found = await world.tables.rows(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        f"AND wait_event = 'advisory' AND query LIKE '%{SWEEP}'"
    )
    return found[0]["n"] > 0


async def _asked_again(world: Rig, load: Load) -> None:
    runs = [load.run(number) for number in range(10)]
    tried = lambda: all(world.oracle.count(run, 2) >= 2 for run in runs)  # noqa: E731
    await until("all that was due was tried again", tried, 60)


async def _calls(world: Rig, count: int, most: int) -> None:
    """Nothing is called without a commit before it."""
    enough = lambda: len(world.oracle.calls) >= min(count, most)  # noqa: E731
    await until(f"{count} calls", enough, 90)


@pytest.mark.fault("F16", "connections to the database are cut at random", short=("postgres",))
async def test_cut_at_random(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    cuts, runs = 0, range(world.some(25, 150))
    starting = asyncio.create_task(load.start(*runs, each=0.2))
    while not starting.done():
        await world.random.choice(_ways(world)).cut()
        cuts += 1
        await asyncio.wait([starting], timeout=world.random.uniform(0.05, 0.5))
    await starting
    found = await check(world, load)
    assert found.accepted == len(runs), "each was accepted in the end, and has completed once"
    record(found, f"{cuts} cuts, {len(load.refusals)} starts had to be repeated")


@pytest.mark.fault(
    "F17", "stored, but the answer of the commit is cut", short=("postgres",), only=("postgres",)
)
async def test_answer_of_the_commit_is_cut(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    run = load.run(1)
    way = world.door.database
    assert way is not None
    way.hold_answers_to(run)
    async with load.session() as session:
        asking = asyncio.create_task(load.start_one(session, run))
        await until("the row is there", lambda: _stored(world, run), 30)
        await way.cut()
        way.resume()
        await asking
    rows = [row for row in await world.tables.executions() if row["idempotency_key"] == run]
    assert len(rows) == 1
    record(await check(world, load))


async def _stored(world: Rig, run: str) -> bool:
    rows = await world.tables.executions()
    return any(row["idempotency_key"] == run for row in rows)


@pytest.mark.fault("F18", "the database stands still", short=("postgres",))
async def test_stalled(world: Rig, record: Record) -> None:
    """New work is refused soon and without an id, and afterwards nothing is used up."""
    load = await Load.make(world)
    await load.start(*range(10))
    for way in _ways(world):
        way.stall()
    async with load.session() as session:
        asked = [load.ask_once(session, load.run(number)) for number in range(100, 110)]
        answers = await asyncio.gather(*asked)
        assert answers == [None] * 10
        slowest = max(one.seconds for one in load.refusals)
        said = {(one.status, one.code) for one in load.refusals}
        began = time.monotonic()
        async with session.get("/readyz") as ready:
            assert ready.status == 503
        looked = time.monotonic() - began
    await asyncio.sleep(world.some(0, 30))  # time itself is the fault
    for way in _ways(world):
        way.resume()
    began = time.monotonic()
    await load.start(*range(100, 110))
    back = time.monotonic() - began
    found = await check(world, load)
    assert slowest <= 3, (slowest, said)
    assert {status for status, _ in said} == {503}, said
    assert looked <= 3, looked
    assert back <= 15, back
    record(found, f"refused within {slowest:.1f} s, accepted again {back:.1f} s after it")


@pytest.mark.fault("F18", "the database refuses every connection", short=())
async def test_refused(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    runs = [load.run(number) for number in range(10)]
    await load.start(*range(10))
    await until("all have begun", lambda: all(world.oracle.count(run) for run in runs), 30)
    for way in _ways(world):
        await way.refuse()
    async with load.session() as session:
        assert await load.ask_once(session, load.run(100)) is None
    last = load.refusals[-1]
    await asyncio.sleep(world.some(2, 8))  # time itself is the fault; a lease outlives it
    for way in _ways(world):
        way.resume()
    await load.start(100)
    found = await check(world, load)
    assert found.repeated == 0, "results are kept in memory until the database is back"
    assert last.seconds <= 3, last
    record(found, f"refused within {last.seconds:.1f} s")


@pytest.mark.fault(
    "F19", "200 questions wait for a slow table", short=("postgres",), only=("postgres",)
)
async def test_slow_questions(world: Rig, record: Record) -> None:
    """They use up what connections there are for questions; health and cancel have their own."""
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply(hang=True))
    await load.start(1)
    call = await world.oracle.asked(run, 2)
    async with (
        _locked(world, "connections"),
        load.session(at_once=0) as many,
        load.session() as session,
    ):
        asking = [asyncio.create_task(_ask(many, SLOW)) for _ in range(200)]
        await until("the questions wait", lambda: _waits(world), 30)
        looked = await _seconds_of(session.get("/healthz"))
        ready = await _seconds_of(session.get("/readyz"))
        given = {"executionId": load.accepted[run], "action": "CANCEL"}
        began = time.monotonic()
        answer = await _ask(session, CANCEL, input=given)
        cancelled = time.monotonic() - began
        assert not answer["data"]["controlExecution"]["errors"], answer
        await asyncio.wait_for(call.received.hung_up.wait(), 5)
        closed = time.monotonic() - began
        still = sum(not one.done() for one in asking)
    await asyncio.gather(*asking, return_exceptions=True)
    assert still, "the questions were over before it was told to stop"
    assert looked < 2, looked
    assert ready < 4, ready
    assert cancelled < 5, cancelled
    found = await check(world, load, ends="cancelled")
    note = f"/healthz {looked:.1f} s, /readyz {ready:.1f} s, cancelled after {cancelled:.1f} s"
    record(found, f"{note}, the model's stream closed after {closed:.1f} s")


SLOW = "{ connections(first: 1) { nodes { id } } }"
CANCEL = """mutation($input: ControlExecutionInput!) {
  controlExecution(input: $input) { execution { status } errors { code message } } }"""


@contextlib.asynccontextmanager
async def _locked(world: Rig, *tables: str) -> AsyncIterator[None]:
    """Nobody can read these tables meanwhile."""
    import asyncpg

    connection = await asyncpg.connect(world.database_url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def _waits(world: Rig) -> bool:
    found = await world.tables.rows("SELECT count(*) AS n FROM pg_locks WHERE NOT granted")
    return found[0]["n"] >= 5


async def _ask(session: aiohttp.ClientSession, query: str, **variables: Any) -> Any:
    async with session.post("/graphql", json={"query": query, "variables": variables}) as answer:
        return await answer.json(content_type=None)


async def _seconds_of(asking: Any) -> float:
    began = time.monotonic()
    async with asking as answer:
        assert answer.status == 200, await answer.text()
    return time.monotonic() - began
