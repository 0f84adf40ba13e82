"""The schema is changed on databases with rows in them, and no row may go missing."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tortoise import Tortoise
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.models import Model

from server.core.errors import DatabaseError
from server.core.settings import load_settings
from server.engine.store import Commit, StepRow, UsageRow
from server.models.connection import tortoise_config
from server.models.database import connect, open_database
from server.models.enums import Role, StepStatus
from server.models.migrate import known_migrations, migrate
from server.models.tables import (
    TABLES,
    ApiToken,
    BotVersion,
    Execution,
    Fact,
    Member,
    Session,
    SigninLink,
    User,
    Workspace,
)
from tests.support.database import World, event, opened, prepare

NEXT = "0099_next"

HEAD = f"""
from tortoise import fields, migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [("models", "{known_migrations()[-1]}")]
    operations = [
"""

# Columns of parents and of children change their type: SQLite rebuilds these tables.
WIDER = """
        ops.AlterField("Workspace", "timezone", fields.CharField(max_length=99)),
        ops.AlterField("Bot", "state", fields.CharField(max_length=40)),
        ops.AlterField("Execution", "owner", fields.CharField(max_length=99, null=True)),
        ops.AlterField("Event", "type", fields.CharField(max_length=99)),
        ops.AddField("Bot", "colour", fields.CharField(max_length=20, db_default="grey")),
    ]
"""
BROKEN = """
        ops.AddField("Bot", "colour", fields.CharField(max_length=20, db_default="grey")),
        ops.RunSQL("SELECT nothing FROM nowhere", "SELECT 1"),
    ]
"""


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The migrations of a later release: those that there are, and one more."""
    name = f"later_release_{tmp_path.name}"
    folder = tmp_path / name
    import server.models.migrations as present

    shutil.copytree(next(iter(present.__path__)), folder)
    (folder / f"{NEXT}.py").write_text(HEAD + getattr(request, "param", WIDER))
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


async def test_no_row_is_lost_when_tables_are_rebuilt(
    database_url: str, tmp_path: Path, release: str
) -> None:
    async with opened(database_url, tmp_path / "data") as world:
        await populate(world)
        before = await counts()
    assert all(count > 0 for count in before.values()), before

    done = await migrate(world.settings, module=release)
    assert done.applied == (NEXT,)

    database = await open_database(world.settings)
    connection = database.context.connections.get(database.address.kind)
    after = await counts()
    (row,) = await connection.execute_query_dict("SELECT colour FROM bots")
    await database.close()
    assert after == before
    assert row["colour"] == "grey"


async def test_before_a_change_sqlite_is_copied(tmp_path: Path, release: str) -> None:
    async with opened(f"sqlite://{tmp_path / 'data.db'}", tmp_path) as world:
        await populate(world)
    done = await migrate(world.settings, module=release)
    assert done.backup is not None
    assert done.backup.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(done.backup)) as copy:
        assert copy.execute("SELECT count(*) FROM events").fetchone() == (3,)
        assert "colour" not in str(copy.execute("SELECT sql FROM sqlite_master").fetchall())


@pytest.mark.parametrize("release", [BROKEN], indirect=True)
async def test_a_failed_change_leaves_sqlite_as_it_was(tmp_path: Path, release: str) -> None:
    async with opened(f"sqlite://{tmp_path / 'data.db'}", tmp_path) as world:
        await populate(world)
        before = await counts()
    with pytest.raises(DatabaseError, match="could not be brought up to date"):
        await migrate(world.settings, module=release)
    assert (await migrate(world.settings)).applied == ()
    database = await open_database(world.settings)
    after = await counts()
    await database.close()
    assert after == before


async def test_a_database_of_a_newer_release_stops_the_start(
    database_url: str, tmp_path: Path, release: str
) -> None:
    settings = load_settings({}, data_dir=tmp_path / "data", database_url=database_url)
    await migrate(settings, module=release)
    with pytest.raises(DatabaseError, match=f"newer version of Baleybots \\({NEXT}\\)"):
        await migrate(settings)


async def test_a_second_start_has_nothing_to_do(database_url: str, tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path, database_url=database_url)
    told: list[str] = []
    dry = await migrate(settings, dry_run=True)
    assert dry.applied == tuple(known_migrations())
    assert (await migrate(settings, progress=told.append)).applied == dry.applied
    assert told == known_migrations()
    assert (await migrate(settings)).applied == ()
    assert (await migrate(settings, dry_run=True)).applied == ()


@pytest.mark.slow
async def test_processes_that_start_together_migrate_once(
    database_url: str, tmp_path: Path
) -> None:
    code = """if True:
        import asyncio, json, sys
        from server.core.settings import load_settings
        from server.models.migrate import migrate
        settings = load_settings({}, database_url=sys.argv[1], data_dir=sys.argv[2])
        print(json.dumps(asyncio.run(migrate(settings)).applied))
    """
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, database_url, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    answers = [json.loads((await process.communicate())[0]) for process in running]
    assert sorted(answers, key=len) == [[], [], known_migrations()]


async def test_the_migrations_make_the_tables_of_the_code(tmp_path: Path) -> None:
    """A changed model without its migration is found here."""
    settings = await prepare(f"sqlite://{tmp_path / 'x.db'}", tmp_path)
    database = await open_database(settings)
    apps = tortoise_config(database.address)["apps"]
    assert Tortoise.apps is not None
    changes = await MigrationAutodetector(Tortoise.apps, apps).changes()
    await database.close()
    assert [writer.as_string() for writer in changes] == []


async def test_sqlite_watches_references_but_not_while_it_migrates(tmp_path: Path) -> None:
    settings = await prepare(f"sqlite://{tmp_path / 'x.db'}", tmp_path)
    database = await open_database(settings)
    await database.close()
    for watched in (True, False):
        context = await connect(database.address, foreign_keys=watched)
        connection = context.connections.get("sqlite")
        (row,) = await connection.execute_query_dict("PRAGMA foreign_keys")
        await context.close_connections()
        assert row["foreign_keys"] == int(watched)


async def populate(world: World) -> None:
    """A row in every table."""
    now = datetime.now(UTC)
    user = await User.create(email="ada@example.org", name="Ada")
    workspace = world.workspace
    await Member.create(workspace=workspace, user=user, role=Role.OWNER)
    await Session.create(
        token_hash="a", user=user, workspace=workspace, last_seen_at=now, expires_at=now
    )
    await SigninLink.create(token_hash="a", user=user, expires_at=now)
    await ApiToken.create(
        workspace=workspace, user=user, name="n", prefix="p", token_hash="a", role=Role.VIEWER
    )
    await Fact.create(name="x", value=1)
    new = world.new()
    paid = UsageRow(workspace.id, "demo", "demo:x", "demo:x", now)
    await world.store.commit(
        Commit(
            new.id,
            new=new,
            events=[event("execution.queued")] * 3,
            steps=[StepRow("a", "entity", "a", StepStatus.COMPLETED)] * 2
            + [StepRow("b", "entity", "b", StepStatus.FAILED)],
            usage=[paid],
        )
    )
    assert await Execution.all().count() == await BotVersion.all().count() == 1
    assert await Workspace.all().count() == 1


async def counts() -> dict[str, int]:
    return {table.__name__: await _count(table) for table in TABLES}


async def _count(table: type[Model]) -> int:
    return await table.all().count()
