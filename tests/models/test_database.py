from __future__ import annotations

import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from server.core.crypto import SecretKey
from server.core.errors import DatabaseError, KeyFileError, SettingsError
from server.core.settings import load_settings
from server.models.address import read_address
from server.models.database import open_database, unreachable
from server.models.key_check import check_key
from server.models.migrate import migrate
from server.models.tables import Bot, Workspace
from tests.support.database import World, opened, prepare


@pytest_asyncio.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with opened(database_url, tmp_path) as world:
        yield world


async def test_text_and_json_come_back_as_they_went_in(world: World) -> None:
    """The order of fields, a NUL, half a surrogate, a number beyond 64 bits, capital letters."""
    value = {"z": "\x00", "a": [1, {"b": None}], "big": 2**70, "half": "\ud83d"}
    bot = await Bot.create(
        workspace=world.workspace, name="Größe \x00", name_key="x", source="é\x00", summary=value
    )
    found = await Bot.get(id=bot.id)
    assert list(found.summary) == ["z", "a", "big", "half"]
    assert found.summary["z"] == "\x00"
    assert float(found.summary["big"]) == 2.0**70
    assert (found.name, found.source) == (
        "Größe \N{REPLACEMENT CHARACTER}",
        "é\N{REPLACEMENT CHARACTER}",
    )
    assert await Bot.filter(name_key="WRITER").count() == 0
    assert found.created_at.utcoffset() is not None


async def test_a_name_is_unique_among_living_bots_only(world: World) -> None:
    same = {"workspace": world.workspace, "name": "Writer", "name_key": Bot.key_of(" WRITER")}
    with pytest.raises(IntegrityError):
        await Bot.create(**same)
    await Bot.filter(id=world.bot.id).update(name_key=None)
    second = await Bot.create(**same)
    await Bot.filter(id=second.id).update(name_key=None)
    await Bot.create(**same)
    assert await Bot.filter(name="Writer").count() == 3


async def test_a_failed_transaction_leaves_nothing(world: World) -> None:
    class Stop(Exception):
        pass

    async def half() -> None:
        async with in_transaction():
            await Workspace.create(name="half")
            raise Stop

    with pytest.raises(Stop):
        await half()
    assert await Workspace.filter(name="half").count() == 0


async def test_a_deleted_workspace_takes_everything_along(world: World) -> None:
    await world.queued()
    await world.workspace.delete()
    assert await Bot.all().count() == 0


async def test_another_secret_key_stops_the_start(world: World) -> None:  # S70
    key = SecretKey.from_text("k" * 32)
    await check_key(key)
    await check_key(key)
    with pytest.raises(KeyFileError, match="not the one this database was made with"):
        await check_key(SecretKey.from_text("other" * 8))


async def test_a_folder_that_cannot_be_used_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = load_settings({}, data_dir=tmp_path / "file" / "data")
    with pytest.raises(DatabaseError, match="data folder") as caught:
        await migrate(settings)
    assert "--data-dir" in (caught.value.hint or "")


async def test_a_file_that_is_no_database_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "baleybots.db").write_text("not a database, but long enough to look at" * 30)
    with pytest.raises(DatabaseError, match="not a database"):
        await migrate(load_settings({}, data_dir=tmp_path))


def test_a_database_that_may_not_be_written_is_not_moved_away(tmp_path: Path) -> None:
    address = read_address(load_settings({}, data_dir=tmp_path))
    told = unreachable(address, OSError("attempt to write a readonly database"))
    assert told.hint == f"Make it writable for your user: chmod u+w {tmp_path / 'baleybots.db'}"


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
async def test_a_server_that_is_away_is_said_without_the_password(
    kind: str, tmp_path: Path, free_port: int
) -> None:
    url = f"{kind}://me:geheim@127.0.0.1:{free_port}/bots"
    settings = load_settings({}, data_dir=tmp_path, database_url=url)
    for attempt in (open_database, migrate):
        with pytest.raises(DatabaseError, match="No connection") as caught:
            await attempt(settings)
        assert "geheim" not in str(caught.value) + repr(settings)
        assert "BALEYBOTS_DATABASE_URL" in (caught.value.hint or "")


def test_passwords_may_hold_any_character() -> None:
    settings = load_settings(
        {}, database_url="postgresql://a%40b:p%2F%3A%40@h:5/db?sslmode=require"
    )
    address = read_address(settings)
    assert (address.user, address.password, address.port) == ("a@b", "p/:@", 5)
    assert address.postgres_arguments()["ssl"] == "require"
    assert "p/:@" not in repr(address)


def test_an_unknown_option_of_the_address_is_named() -> None:
    settings = load_settings({}, database_url="mysql://a:b@h/db?charset=latin1")
    with pytest.raises(SettingsError, match="charset"):
        read_address(settings)


def test_a_mysql_server_gets_no_local_file() -> None:
    address = read_address(load_settings({}, database_url="mysql://a:b@h/db"))
    assert address.mysql_arguments()["local_infile"] is False


async def test_sqlite_is_opened_durable(tmp_path: Path) -> None:
    async with opened(f"sqlite://{tmp_path / 'x.db'}", tmp_path) as world:
        connection = world.database.context.connections.get("sqlite")
        facts = [
            (await connection.execute_query_dict(f"PRAGMA {name}"))[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert [next(iter(row.values())) for row in facts] == ["wal", 2, 1]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_the_indexes_are_over_columns(tmp_path: Path) -> None:
    """SQLite takes an unknown name in quotes for a text and indexes that."""
    settings = await prepare(f"sqlite://{tmp_path / 'x.db'}", tmp_path)
    assert settings.sqlite_path is not None
    with closing(sqlite3.connect(settings.sqlite_path)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            for index in db.execute(f'PRAGMA index_list("{table}")').fetchall():
                columns = db.execute(f'PRAGMA index_info("{index[1]}")').fetchall()
                assert all(column[2] is not None for column in columns), (table, index)


async def test_the_prepared_database_of_the_tests_is_a_migrated_one(
    database_url: str, tmp_path: Path
) -> None:
    settings = await prepare(database_url, tmp_path)
    assert (await migrate(settings)).applied == ()
