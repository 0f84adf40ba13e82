"""One process at a time changes the schema; the others wait, and then find it done.

The drivers are loaded where they are used: a start over SQLite does without them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

from server.models.address import Address

_WAIT_SECONDS = 120
_LOCK_NUMBER = 0x62616C6579
_LOCK_NAME = "baleybots.schema"


@contextlib.asynccontextmanager
async def schema_lock(address: Address) -> AsyncIterator[None]:
    """A lock of the database itself, so that it ends with the process that held it."""
    if address.path is not None:
        async with _file_lock(address.path):
            yield
    elif address.kind == "postgres":
        async with _postgres_lock(address):
            yield
    else:
        async with _mysql_lock(address):
            yield


@contextlib.asynccontextmanager
async def _file_lock(path: Path) -> AsyncIterator[None]:
    """An empty SQLite file beside the database: its lock works on every system that we run on."""
    lock = await asyncio.to_thread(_take_file, path.with_name(path.name + ".schema-lock"))
    try:
        yield
    finally:
        lock.close()


def _take_file(path: Path) -> sqlite3.Connection:
    lock = sqlite3.connect(
        path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        lock.close()
        raise
    return lock


@contextlib.asynccontextmanager
async def _postgres_lock(address: Address) -> AsyncIterator[None]:
    import asyncpg

    arguments = {**address.postgres_arguments(), "command_timeout": _WAIT_SECONDS}
    arguments["server_settings"] = {"application_name": "baleybots schema"}
    connection = await asyncpg.connect(**arguments)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK_NUMBER)
        yield
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def _mysql_lock(address: Address) -> AsyncIterator[None]:
    import aiomysql

    connection = await aiomysql.connect(db=address.database, **address.mysql_arguments())
    try:
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT GET_LOCK(%s, %s)", (_LOCK_NAME, _WAIT_SECONDS))
            row = await cursor.fetchone()
        if not row or row[0] != 1:
            raise TimeoutError("another process has been changing the schema for too long")
        yield
    finally:
        connection.close()
