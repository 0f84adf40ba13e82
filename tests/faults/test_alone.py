"""Faults of a single process with its own file."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.rig import Rig
from tests.support import services

KINDS = ["embedded"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


@pytest.mark.fault("F21", "a second process opens the same file", short=("embedded",))
async def test_a_second_process(world: Rig, record: Record) -> None:
    """A second server is refused in one sentence; commands that write are safe."""
    load = await Load.make(world)
    starting = asyncio.create_task(load.start(*range(20), each=0.05))
    port = str(services.free_port())
    second = world.here.start("up", "--port", port)
    code = await asyncio.to_thread(second.popen.wait, 30)
    assert code == 1
    said = second.output()
    assert "works on the data folder" in said
    assert "Traceback" not in said
    for _ in range(3):
        await asyncio.to_thread(world.here.command, "token", "create", "--json")
    await starting
    found = await check(world, load)
    path = world.database_url.removeprefix("sqlite://")
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        db.close()
    record(found, "the second server is refused, the file is sound")


@pytest.mark.fault("F05", "killed again and again while it is written to", short=())
async def test_the_file_survives_kills(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    for turn in range(5):
        await load.start(*range(turn * 10, turn * 10 + 10))
        await world.kill(world.door)
        await world.replace(world.door)
        found = await check(world, load)
    db = sqlite3.connect(world.database_url.removeprefix("sqlite://"))
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        db.close()
    record(found, "the file is sound")
