"""An empty database gets the tables of the code at once, and all migrations are noted as applied.

Walking through the migrations makes the same schema (`tests/models` compares the two on every kind
of database), but takes half a second: the whole state is worked out anew for each operation.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tortoise.context import TortoiseContext
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.utils import get_schema_sql

from server.core.errors import DatabaseError
from server.models.address import Address
from server.models.connection import APP
from server.models.tables import TABLES

_NOTES = "tortoise_migrations"
_PRESENT = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgres": "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()",
    "mysql": "SELECT table_name AS name FROM information_schema.tables"
    " WHERE table_schema = database()",
}


async def create_tables(context: TortoiseContext, address: Address, names: list[str]) -> None:
    """One transaction, except with MySQL, whose schema changes cannot be taken back: there the
    table of notes comes first and its rows last, so that a start that was cut off is completed by
    the next one."""
    client = context.connections.get(address.kind)
    await _refuse_strangers(client, address)
    notes, tables = _notes_table(client), get_schema_sql(client, safe=True)
    rows = _noted(names)
    if address.kind == "sqlite":
        await client.execute_script(f"BEGIN IMMEDIATE;\n{notes}\n{tables}\n{rows}\nCOMMIT;")
    elif address.kind == "postgres":
        await client.execute_script(f"{notes}\n{tables}\n{rows}")
    else:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Table '.+' already exists")
            for statement in f"{notes}\n{tables}\n{rows}".split(";\n"):
                await client.execute_script(statement)


async def _refuse_strangers(client: Any, address: Address) -> None:
    """A table of the same name that another program made must never be taken for ours."""
    found = {row["name"] for row in await client.execute_query_dict(_PRESENT[address.kind])}
    taken = sorted(found & {table._meta.db_table for table in TABLES})
    if taken and _NOTES not in found:
        message = f"The database {address.shown} has a table {taken[0]!r} of another program."
        raise DatabaseError(message, hint="Give Baleybots an empty database of its own.")


def _notes_table(client: Any) -> str:
    model = MigrationRecorder(client, table_name=_NOTES).model
    return client.schema_generator(client)._get_table_sql(model, safe=True)["table_creation_string"]


def _noted(names: Iterable[str]) -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    rows = ", ".join(f"('{APP}', '{name}', '{now}')" for name in names)
    return f"INSERT INTO {_NOTES} (app, name, applied_at) VALUES {rows};"
