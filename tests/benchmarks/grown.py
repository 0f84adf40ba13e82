"""A bot's executions, many at once: copies of one that was run, with its steps and events, written
by the database itself. By way of the product a million would take hours."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from tortoise.models import Model

from server.core.ids import uuid_at
from server.models.address import Address
from server.models.tables import Event, Execution, Step

BYTES_OF_ONE = 8_000  # with steps, eleven events, indexes and the database's journal
SPARE_BYTES = 2 * 2**30
APART = timedelta(seconds=20)
LATEST = datetime.now(UTC) - timedelta(days=2)

Copy = tuple[UUID, datetime]


def room_for(wanted: int, folder: Path) -> int:
    """As many as the disk has room for."""
    free = shutil.disk_usage(folder).free - SPARE_BYTES
    return min(wanted, max(0, free // BYTES_OF_ONE))


def moment_of(number: int) -> datetime:
    """When the copy of this number was accepted: each is a little older than the one before."""
    return LATEST - number * APART


async def grow(address: Address, template: UUID, numbers: range) -> None:
    copies = [_copy(number) for number in reversed(numbers)]
    if address.path is not None:
        _into_sqlite(address.path, template, copies)
    else:
        await _into_postgres(address.postgres_arguments(), template, copies)


def _copy(number: int) -> Copy:
    at = moment_of(number)
    rest = 7 << 76 | 1 << 63 | secrets.randbits(62)
    return UUID(int=uuid_at(at).int | rest), at


def _statements(template: UUID) -> list[str]:
    times = dict.fromkeys(("created_at", "started_at", "finished_at", "at"), "copies.at")
    return [
        _insert(Execution, "id", template, {**times, "id": "copies.id"}),
        _insert(Step, "execution_id", template, {**times, "execution_id": "copies.id"}),
        _insert(Event, "execution_id", template, {**times, "execution_id": "copies.id"}),
    ]


def _insert(table: type[Model], key: str, template: UUID, changed: dict[str, str]) -> str:
    name, columns = table._meta.db_table, list(table._meta.fields_db_projection.values())
    if key != "id":
        columns.remove("id")  # the database numbers these
    values = ", ".join(changed.get(column, f"one.{column}") for column in columns)
    return (
        f"INSERT INTO {name} ({', '.join(columns)}) SELECT {values} FROM copies, "
        f"(SELECT * FROM {name} WHERE {key} = '{template}') AS one ORDER BY copies.id"
    )


def _into_sqlite(path: Path, template: UUID, copies: Sequence[Copy]) -> None:
    with sqlite3.connect(path, timeout=60) as db:
        db.execute("CREATE TEMP TABLE copies (id TEXT, at TEXT)")
        rows = ((str(one), at.isoformat(" ")) for one, at in copies)
        db.executemany("INSERT INTO copies VALUES (?, ?)", rows)
        for statement in _statements(template):
            db.execute(statement)
        db.execute("ANALYZE")
    db.close()


async def _into_postgres(arguments: dict[str, Any], template: UUID, copies: Sequence[Copy]) -> None:
    patient = {**arguments, "command_timeout": None, "server_settings": {"statement_timeout": "0"}}
    db = await asyncpg.connect(**patient)
    try:
        # What is copied refers to what is there: that need not be looked up ten million times.
        await db.execute("SET session_replication_role = replica")
        await db.execute("CREATE TEMP TABLE copies (id uuid, at timestamptz)")
        await db.copy_records_to_table("copies", records=copies, columns=["id", "at"])
        await db.execute("ANALYZE copies")
        for statement in _statements(template):
            await db.execute(statement)
        for table in (Execution, Step, Event):
            await db.execute(f"VACUUM ANALYZE {table._meta.db_table}")
        await db.execute("CHECKPOINT")
    finally:
        await db.close()
