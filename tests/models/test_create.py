"""An empty database is made from the tables of the code; walking through the migrations must lead
to the same."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import server.models.migrations as present
from server.core.errors import DatabaseError
from server.core.settings import Settings, load_settings
from server.models.address import read_address
from server.models.create import create_tables
from server.models.database import connect
from server.models.migrate import known_migrations, migrate
from server.models.tables import TABLES, Workspace

pytestmark = pytest.mark.slow

COLUMNS = {
    "postgres": "SELECT table_name, column_name, data_type, character_maximum_length,"
    " is_nullable, column_default, numeric_precision, numeric_scale, is_identity"
    " FROM information_schema.columns WHERE table_schema = current_schema()",
    "mysql": "SELECT table_name, column_name, column_type, is_nullable, column_default,"
    " extra, collation_name FROM information_schema.columns WHERE table_schema = database()",
}
INDEXES = {
    "postgres": "SELECT tablename, indexname, indexdef FROM pg_indexes"
    " WHERE schemaname = current_schema()",
    "mysql": "SELECT table_name, index_name, seq_in_index, non_unique, column_name, collation"
    " FROM information_schema.statistics WHERE table_schema = database()",
}
CONSTRAINTS = {
    "postgres": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
    " FROM pg_constraint WHERE connamespace = current_schema()::regnamespace",
    "mysql": "SELECT k.table_name, k.constraint_name, k.column_name, k.referenced_table_name,"
    " k.referenced_column_name, r.update_rule, r.delete_rule"
    " FROM information_schema.key_column_usage k"
    " LEFT JOIN information_schema.referential_constraints r"
    " ON r.constraint_schema = k.table_schema AND r.constraint_name = k.constraint_name"
    " AND r.table_name = k.table_name WHERE k.table_schema = database()",
}


@pytest.fixture
def on_foot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same migrations in a module of another name: these are walked through."""
    name = f"on_foot_{tmp_path.name}"
    shutil.copytree(next(iter(present.__path__)), tmp_path / name)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.fixture
def other_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> str:
    """A second empty database of the same kind."""
    if database_url.startswith("sqlite"):
        return f"sqlite://{tmp_path / 'other.sqlite3'}"
    return request.getfixturevalue(f"second_{database_url.partition(':')[0]}_url")


async def test_made_at_once_and_walked_to_are_the_same(
    database_url: str, other_url: str, tmp_path: Path, on_foot: str
) -> None:
    made = await shape(await made_with(database_url, tmp_path))
    settings = await made_with(other_url, tmp_path, module=on_foot)
    walked = await shape(settings)
    assert await rows_in(settings) == 0  # they would be missing where all is made at once
    for what in made:
        assert made[what], what
        assert sorted(made[what] - walked[what]) == [], what
        assert sorted(walked[what] - made[what]) == [], what


async def test_cut_off_in_the_middle_it_is_made_by_the_next_start(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last statement fails: nothing is there, or (MySQL) the rest is made the next time."""
    settings = load_settings({}, data_dir=tmp_path, database_url=database_url)
    with monkeypatch.context() as patch:
        patch.setattr(
            "server.models.create._noted", lambda names: "INSERT INTO nowhere VALUES (1);"
        )
        with pytest.raises(DatabaseError, match="could not be brought up to date"):
            await migrate(settings)
    if not database_url.startswith("mysql"):
        assert await tables_of(settings) == set()
    assert (await migrate(settings)).applied == tuple(known_migrations())
    assert (await migrate(settings)).applied == ()


async def test_a_table_of_another_program_is_not_taken_for_ours(
    database_url: str, tmp_path: Path
) -> None:
    settings = load_settings({}, data_dir=tmp_path, database_url=database_url)
    address = read_address(settings)
    context = await connect(address)
    await context.connections.get(address.kind).execute_script("CREATE TABLE users (x INTEGER)")
    await context.close_connections()
    with pytest.raises(DatabaseError, match="has a table 'users' of another program"):
        await migrate(settings)
    assert await tables_of(settings) == {"users"}


async def test_it_is_not_made_twice(tmp_path: Path) -> None:
    """The notes are unique: a second making beside the first cannot be written down."""
    settings = await made_with(f"sqlite://{tmp_path / 'x.db'}", tmp_path)
    address = read_address(settings)
    context = await connect(address)
    try:
        await Workspace.create(name="Acme")
        with pytest.raises(Exception, match="UNIQUE"):
            await create_tables(context, address, known_migrations())
    finally:
        await context.close_connections()
    assert (await migrate(settings)).applied == ()


async def made_with(url: str, folder: Path, **given: Any) -> Settings:
    settings = load_settings({}, data_dir=folder, database_url=url)
    done = await migrate(settings, **given)
    assert done.applied == tuple(known_migrations())
    return settings


async def shape(settings: Settings) -> dict[str, set[tuple[Any, ...]]]:
    """Columns, indexes and constraints, with the names by which a later migration finds them."""
    address = read_address(settings)
    context = await connect(address)
    client = context.connections.get(address.kind)
    try:
        if address.kind == "sqlite":
            return await _sqlite_shape(client)
        asked = {"columns": COLUMNS, "indexes": INDEXES, "constraints": CONSTRAINTS}
        return {
            what: {tuple(row.values()) for row in await client.execute_query_dict(by[address.kind])}
            for what, by in asked.items()
        }
    finally:
        await context.close_connections()


async def rows_in(settings: Settings) -> int:
    context = await connect(read_address(settings))
    counted = [await table.all().count() for table in TABLES]
    await context.close_connections()
    return sum(counted)


async def _sqlite_shape(client: Any) -> dict[str, set[tuple[Any, ...]]]:
    """A unique constraint has no name that counts here: SQLite rebuilds the table to drop it."""
    found: dict[str, set[tuple[Any, ...]]] = {"columns": set(), "indexes": set(), "keys": set()}
    for table in await _names(client):
        for row in await client.execute_query_dict(f'PRAGMA table_xinfo("{table}")'):
            found["columns"].add((table, *(row[key] for key in row if key != "cid")))
        for row in await client.execute_query_dict(f'PRAGMA foreign_key_list("{table}")'):
            found["keys"].add((table, *(row[key] for key in row if key not in ("id", "seq"))))
        for row in await client.execute_query_dict(f'PRAGMA index_list("{table}")'):
            columns = await client.execute_query_dict(f'PRAGMA index_xinfo("{row["name"]}")')
            named = None if row["unique"] else row["name"]
            parts = tuple((column["name"], column["desc"], column["coll"]) for column in columns)
            found["indexes"].add((table, named, row["unique"], row["partial"], parts))
    return found


async def _names(client: Any) -> list[str]:
    rows = await client.execute_query_dict("SELECT name FROM sqlite_master WHERE type = 'table'")
    return [row["name"] for row in rows if not row["name"].startswith("sqlite_")]


async def tables_of(settings: Settings) -> set[str]:
    from server.models.create import _PRESENT

    address = read_address(settings)
    context = await connect(address)
    rows = await context.connections.get(address.kind).execute_query_dict(_PRESENT[address.kind])
    await context.close_connections()
    return {row["name"] for row in rows if not row["name"].startswith("sqlite_")}
