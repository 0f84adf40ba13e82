"""Two connections write to one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

from server.engine.sqlite_checkpoint import ROWS
from server.engine.store import Commit
from server.models.sqlite_turn import turn_of
from server.models.tables import Execution, Workspace
from tests.support.database import World, event, opened
from tests.support.waiting import until


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr("server.models.address.SQLITE_BUSY_MS", 200)
    async with opened(f"sqlite://{tmp_path / 'x.db'}", tmp_path) as world:
        yield world


async def rename(world: World, name: str) -> None:
    """Reads first and writes then: a deferred transaction would fail under load."""
    async with in_transaction():
        workspace = await Workspace.get(id=world.workspace.id)
        workspace.name = name
        await workspace.save()


async def test_cold_writes_and_a_busy_store_do_not_starve_each_other(world: World) -> None:
    """An unbroken row of cold writes against an unbroken load: each must see the other go on."""
    committed = cold = 0
    done = asyncio.Event()

    async def load() -> None:
        nonlocal committed
        while not done.is_set():
            new = world.new()
            await world.store.commit(Commit(new.id, new=new, events=[event("x")]))
            committed += 1

    loads = [asyncio.create_task(load()) for _ in range(20)]
    await until(lambda: committed >= 20)
    before = committed
    async with asyncio.timeout(30):
        while cold < 20 or committed < before + 100:
            await rename(world, f"name {cold}")
            await Workspace.create(name="another")
            cold += 1
    done.set()
    await asyncio.gather(*loads)
    assert (await Workspace.get(id=world.workspace.id)).name == f"name {cold - 1}"
    assert await Workspace.filter(name="another").count() == cold
    assert await Execution.all().count() == committed


async def test_the_store_waits_for_a_guest_but_not_for_ever(world: World) -> None:
    turn = turn_of(str(world.settings.sqlite_path))
    new = world.new()
    turn.come()
    waiting = asyncio.create_task(world.store.commit(Commit(new.id, new=new)))
    await asyncio.sleep(0)
    assert not waiting.done()
    turn.go()
    await waiting
    with turn.guest():
        await world.queued()


async def test_a_transaction_that_could_not_begin_leaves_the_connection_free(world: World) -> None:
    assert world.settings.sqlite_path is not None
    with closing(sqlite3.connect(world.settings.sqlite_path, isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            await rename(world, "refused")
        rival.execute("ROLLBACK")
    await rename(world, "taken")


async def test_a_transaction_cancelled_while_it_begins_leaves_the_connection_free(
    world: World,
) -> None:
    assert world.settings.sqlite_path is not None
    with closing(sqlite3.connect(world.settings.sqlite_path, isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(rename(world, "refused"))
        for _ in range(5):
            await asyncio.sleep(0)
        waiting.cancel()
        rival.execute("ROLLBACK")
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await rename(world, "taken")
    assert (await Workspace.get(id=world.workspace.id)).name == "taken"
    assert turn_of(str(world.settings.sqlite_path))._guests == 0


async def test_the_log_is_emptied_into_the_file_beside_the_commits(world: World) -> None:
    path = world.database.address.path
    assert path is not None
    before = path.stat().st_size
    new = world.new()
    many = [event("step.delta", data={"text": "x" * 100}) for _ in range(ROWS)]
    await world.store.commit(Commit(new.id, new=new, events=many))
    await until(lambda: path.stat().st_size > before + 100 * ROWS)
