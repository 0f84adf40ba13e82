"""The schema is changed on databases with rows in them, and no row may go missing."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tortoise import Tortoise, fields
from tortoise.fields.base import Field
from tortoise.fields.relational import BackwardFKRelation, ForeignKeyFieldInstance
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.models import Model

from server.core.errors import DatabaseError
from server.core.ids import new_uuid
from server.core.settings import load_settings
from server.models.address import read_address
from server.models.connection import tortoise_config
from server.models.database import connect, open_database
from server.models.fields import JsonField
from server.models.migrate import known_migrations, migrate
from server.models.tables import TABLES
from tests.support.database import opened, prepare

pytestmark = pytest.mark.slow

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
        ops.AlterField("User", "name", fields.CharField(max_length=99, default="")),
        ops.AddField("Bot", "colour", fields.CharField(max_length=20, db_default="grey")),
    ]
"""
BROKEN = """
        ops.AddField("Bot", "colour", fields.CharField(max_length=20, db_default="grey")),
        ops.RunSQL("SELECT nothing FROM nowhere", "SELECT 1"),
    ]
"""
LONG = """
        ops.RunSQL("SELECT pg_sleep(1.5)", "SELECT 1"),
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
        await populate()
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
        await populate()
    done = await migrate(world.settings, module=release)
    assert done.backup is not None
    assert done.backup.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(done.backup)) as copy:
        assert copy.execute("SELECT count(*) FROM events").fetchone() == (1,)
        assert "colour" not in str(copy.execute("SELECT sql FROM sqlite_master").fetchall())


@pytest.mark.parametrize("release", [BROKEN], indirect=True)
async def test_a_failed_change_leaves_sqlite_as_it_was(tmp_path: Path, release: str) -> None:
    async with opened(f"sqlite://{tmp_path / 'data.db'}", tmp_path) as world:
        await populate()
        before = await counts()
    with pytest.raises(DatabaseError, match="could not be brought up to date"):
        await migrate(world.settings, module=release)
    assert (await migrate(world.settings)).applied == ()
    database = await open_database(world.settings)
    after = await counts()
    await database.close()
    assert after == before


@pytest.mark.services
@pytest.mark.parametrize("release", [LONG], indirect=True, ids=["long"])
async def test_a_change_may_take_longer_than_a_request(
    postgres_url: str, tmp_path: Path, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await prepare(postgres_url, tmp_path / "data")
    hurried = replace(read_address(settings), statement_seconds=1)
    monkeypatch.setattr("server.models.migrate.read_address", lambda _: hurried)
    assert (await migrate(settings, module=release)).applied == (NEXT,)


async def test_a_database_of_a_newer_release_stops_the_start(
    database_url: str, tmp_path: Path, release: str
) -> None:
    settings = await prepare(database_url, tmp_path / "data")
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


async def populate() -> None:
    """A row in every table, with every reference set, made from what the columns say."""
    made: dict[type[Model], Model] = {}
    for table in TABLES:
        await _row(table, made)


async def _row(table: type[Model], made: dict[type[Model], Model]) -> Model:
    if table not in made:
        found = await table.first()
        made[table] = found or await table.create(**await _values(table, made))
    return made[table]


async def _values(table: type[Model], made: dict[type[Model], Model]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, column in table._meta.fields_map.items():
        if isinstance(column, ForeignKeyFieldInstance):
            if column.related_model is not table:
                values[name] = await _row(column.related_model, made)
        elif column.reference or column.generated or not isinstance(column, Field):
            continue
        elif column.default is None and not column.null and not _sets_itself(column):
            values[name] = _sample(column)
    return values


def _sets_itself(column: Field[Any]) -> bool:
    automatic = getattr(column, "auto_now", False) or getattr(column, "auto_now_add", False)
    return bool(automatic) or isinstance(column, BackwardFKRelation)


def _sample(column: Field[Any]) -> Any:
    if kind := getattr(column, "enum_type", None):
        return next(iter(kind))
    if isinstance(column, fields.DatetimeField):
        return datetime.now(UTC)
    if isinstance(column, fields.UUIDField):
        return new_uuid()
    if isinstance(column, JsonField):
        return {"x": 1}
    return "x" if isinstance(column, fields.CharField | fields.TextField) else 1


async def counts() -> dict[str, int]:
    return {table.__name__: await _count(table) for table in TABLES}


async def _count(table: type[Model]) -> int:
    return await table.all().count()


async def test_indexes_and_uniques_survive_a_rebuilt_table(tmp_path: Path, release: str) -> None:
    settings = await prepare(f"sqlite://{tmp_path / 'x.db'}", tmp_path)
    assert settings.sqlite_path is not None
    before = indexes(settings.sqlite_path)
    await migrate(settings, module=release)
    assert indexes(settings.sqlite_path) == before


def indexes(path: Path) -> set[tuple[str, bool, tuple[str, ...]]]:
    """Table, unique or not, and columns of every index."""
    with closing(sqlite3.connect(path)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {
            (
                table,
                bool(index[2]),
                tuple(row[2] for row in db.execute(f'PRAGMA index_info("{index[1]}")')),
            )
            for table in tables
            for index in db.execute(f'PRAGMA index_list("{table}")').fetchall()
        }
