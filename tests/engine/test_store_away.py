"""The database goes away for a moment and comes back: nothing is answered that is not stored."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tortoise.transactions import in_transaction

from server.bus.notices import Notices
from server.core.clock import SystemClock
from server.core.errors import Unavailable
from server.engine.events import ExecutionCompleted, StepCompleted, StepStarted
from server.engine.store import Commit, Committed, ExecutionChange, Store
from server.engine.writer import Identity, Writer
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from tests.support.database import World, event, opened
from tests.support.waiting import until


@pytest_asyncio.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with opened(database_url, tmp_path) as world:
        yield world


@pytest.mark.services
async def test_cut_connections_heal_by_themselves(world: World) -> None:
    kind = world.database.address.kind
    before = await world.queued()
    await _cut_all(world)
    for _ in range(10):
        new = world.new()
        try:
            await world.store.commit(Commit(new.id, new=new, events=[event("execution.queued")]))
            break
        except Unavailable:
            continue
    else:
        pytest.fail(f"the store over {kind} did not heal")
    assert await Execution.filter(id__in=[before.id, new.id]).count() == 2
    (claimed,) = await world.store.claim([new.id], "w1", 15)
    assert claimed.attempt == 1


@pytest.mark.services
async def test_a_cut_that_was_noticed_costs_no_commit(postgres_url: str, tmp_path: Path) -> None:
    async with opened(postgres_url, tmp_path) as world:
        before = await world.queued()
        line = world.store._line._connection  # type: ignore[attr-defined]
        await _cut_all(world)
        await until(line.is_closed)
        after = await world.queued()
        assert await Execution.filter(id__in=[before.id, after.id]).count() == 2


@pytest.mark.services
async def test_a_farewell_that_was_read_before_the_end_costs_no_commit(
    postgres_url: str, tmp_path: Path
) -> None:
    fields = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
    async with opened(postgres_url, tmp_path) as world:
        before = await world.queued()
        line = world.store._line._connection  # type: ignore[attr-defined]
        line._protocol.data_received(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
        assert not line.is_closed()
        after = await world.queued()
        assert await Execution.filter(id__in=[before.id, after.id]).count() == 2


@pytest.mark.services
async def test_a_connection_that_was_idle_for_long_is_not_used_again(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.engine.store_postgres.IDLE_SECONDS", 0)
    async with opened(postgres_url, tmp_path) as world:
        used: set[int] = set()
        for _ in range(2):
            await world.queued()
            used |= {row["pid"] for row in await _others(world) if "new AS" in row["query"]}
        assert len(used) == 2


@pytest.mark.services
async def test_a_commit_that_took_too_long_does_not_go_on_by_itself(
    postgres_url: str, tmp_path: Path
) -> None:
    """Not even where nobody else ends it, as behind a pooler that keeps no time: it is written once
    more after the lock is gone, and would be there twice."""
    async with opened(postgres_url, tmp_path) as world:
        arguments = world.store._line._arguments  # type: ignore[attr-defined]
        arguments["server_settings"] = {}
        arguments["command_timeout"] = 0.2
        async with in_transaction() as connection:
            await connection.execute_query("LOCK TABLE executions")
            with pytest.raises(Unavailable):
                await world.queued()
            waiting = [row for row in await _others(world) if row["state"] == "active"]
        assert waiting == []


async def _others(world: World) -> list[dict[str, Any]]:
    connection = world.database.context.connections.get("postgres")
    return await connection.execute_query_dict(
        "SELECT pid, query, state FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )


async def _cut_all(world: World) -> None:
    connection = world.database.context.connections.get(world.database.address.kind)
    if world.database.address.kind == "postgres":
        await connection.execute_query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    elif world.database.address.kind == "mysql":
        rows = await connection.execute_query_dict(
            "SELECT id FROM information_schema.processlist "
            "WHERE id <> CONNECTION_ID() AND db = DATABASE()"
        )
        for row in rows:
            await connection.execute_query(f"KILL {row['id']}")


async def test_a_full_disk_is_said_and_passes(tmp_path: Path) -> None:
    """SQLite's own limit on pages stands for the disk."""
    async with opened(f"sqlite://{tmp_path / 'x.db'}", tmp_path) as world:
        assert world.settings.sqlite_path is not None
        with closing(sqlite3.connect(world.settings.sqlite_path)) as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
        writer = world.store._writer  # type: ignore[attr-defined]
        await writer.write(lambda db, now, rows: db.execute(f"PRAGMA max_page_count={pages + 2}"))
        big = {"text": "x" * 100_000}
        new = world.new(input=big)
        with pytest.raises(Unavailable, match="full"):
            await world.store.commit(Commit(new.id, new=new))
        assert await Execution.all().count() == 0
        await writer.write(lambda db, now, rows: db.execute("PRAGMA max_page_count=100000"))
        assert (await world.store.commit(Commit(new.id, new=new))).last_seq == 0
        assert (await Execution.get(id=new.id)).input == big


async def test_a_locked_file_is_waited_for_and_then_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.models.address.SQLITE_BUSY_MS", 50)
    async with opened(f"sqlite://{tmp_path / 'x.db'}", tmp_path) as world:
        assert world.settings.sqlite_path is not None
        new = world.new()
        with closing(sqlite3.connect(world.settings.sqlite_path, isolation_level=None)) as rival:
            rival.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="locked"):
                await world.store.commit(Commit(new.id, new=new))
            rival.execute("ROLLBACK")
        await world.store.commit(Commit(new.id, new=new))


class LosesAnswers:
    """A way to the store on which the answers of the next commits are lost."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.lost = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> Committed:
        committed = await self._store.commit(commit)
        if self.lost:
            self.lost -= 1
            raise Unavailable("The connection was closed in the middle of operation.")
        return committed


@pytest.mark.services
async def test_what_was_stored_is_not_stored_twice_when_the_answer_was_lost(world: World) -> None:
    new = await world.queued()
    (claimed,) = await world.store.claim([new.id], "w1", 15)
    way: Any = LosesAnswers(world.store)
    identity = Identity(
        new.id, new.workspace_id, new.bot_id, claimed.attempt, "w1", new.created_at, last_seq=1
    )
    writer = Writer(way, Notices(), SystemClock(), identity)
    writer.event(StepStarted(name="a"), "a")
    await writer.settle()
    way.lost = 1
    writer.event(StepCompleted(output=1), "a")
    writer.event(StepStarted(name="b"), "b")
    await writer.settle()
    writer.change(ExecutionChange(status=ExecutionStatus.COMPLETED))
    writer.event(ExecutionCompleted())
    way.lost = 1
    await writer.settle()
    events = await world.store.events(new.id)
    assert [(event.seq, event.type) for event in events] == [
        (1, "execution.queued"),
        (2, "step.started"),
        (3, "step.completed"),
        (4, "step.started"),
        (5, "execution.completed"),
    ]
    assert writer.last_seq == 5
