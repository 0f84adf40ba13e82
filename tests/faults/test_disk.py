"""No space left where the data lies: nothing is promised that cannot be kept, nothing is broken,
and it goes on by itself when there is space again."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import time
from typing import Any

import pytest

from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import Load, Refusal
from tests.faults.oracle import said
from tests.faults.rig import Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply

KINDS = ["embedded", "postgres"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

TABLES = ("executions", "events", "facts")
HEALTH = "{ health { ready writable } }"


@pytest.mark.fault("F20", "the disk is full", short=("embedded",))
async def test_the_disk_is_full(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    runs = [load.run(number) for number in range(5)]
    for run in runs:
        world.oracle.at(run, 2, Reply(said(run, 2), delay=3))
    await load.start(*range(5))
    for run in runs:
        await world.oracle.asked(run, 2)
    await _fill(world)
    try:
        refused = await _refused(world, load)
        async with world.client() as client:
            told = (await client.ask(HEALTH))["health"]
            assert told == {"ready": False, "writable": False}, told
        async with load.session() as session, session.get("/readyz") as ready:
            assert ready.status == 503
        assert refused.seconds <= 3, refused
        assert (refused.status, refused.retry_after is not None) == (503, True), refused
    finally:
        await _make_space(world)
    began = time.monotonic()
    await load.start(*range(100, 105))
    back = time.monotonic() - began
    await until("it says that it can write", lambda: _writable(world), 20)
    found = await check(world, load, seconds=120)
    assert found.repeated == 0, "results are kept in memory until there is space"
    sound = await _sound(world)
    record(found, f"refused in {refused.seconds:.1f} s, accepted again {back:.1f} s after; {sound}")


async def _refused(world: Rig, load: Load) -> Refusal:
    """What is written first may still find room in what the file has already."""
    async with load.session() as session:
        for number in range(1000, 1500):
            if await load.ask_once(session, load.run(number)) is None:
                return load.refusals[-1]
    raise AssertionError("nothing was refused")


async def _writable(world: Rig) -> bool:
    async with world.client() as client:
        return (await client.ask(HEALTH))["health"]["writable"]


async def _fill(world: Rig) -> None:
    """SQLite's file must not grow any more. PostgreSQL answers each new event as it does when its
    disk is full."""
    if world.embedded:
        _limit(world, 64 * 1024 + world.door.running.log.stat().st_size)
        return
    await world.tables.change(
        "CREATE OR REPLACE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; "
        "END $$"
    )
    for table in TABLES:
        await world.tables.change(
            f"CREATE TRIGGER no_space BEFORE INSERT OR UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION no_space()"
        )


async def _make_space(world: Rig) -> None:
    if world.embedded:
        _limit(world, resource.RLIM_INFINITY)
        return
    for table in TABLES:
        await world.tables.change(f"DROP TRIGGER no_space ON {table}")


def _limit(world: Rig, largest: int) -> None:
    pid: Any = world.door.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))


async def _sound(world: Rig) -> str:
    if not world.embedded:
        return "nothing was lost"

    def checked() -> list[Any]:
        db = sqlite3.connect(world.database_url.removeprefix("sqlite://"))
        try:
            return db.execute("PRAGMA integrity_check").fetchall()
        finally:
            db.close()

    assert await asyncio.to_thread(checked) == [("ok",)]
    return "the file is sound"
