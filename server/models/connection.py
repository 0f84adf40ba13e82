"""How Tortoise is told about the tables and the database."""

from __future__ import annotations

from typing import Any

from server.models.address import Address

APP = "models"

TABLES_MODULE = "server.models.tables"
MIGRATIONS_MODULE = "server.models.migrations"
_POOL = 10


def tortoise_config(
    address: Address, *, foreign_keys: bool = True, migrations: str = MIGRATIONS_MODULE
) -> dict[str, Any]:
    """`foreign_keys=False` is for migrations: SQLite rebuilds a table by dropping the old one, and
    with the keys on, that empties every table which points at it.

    The connection is named after the kind of database: Tortoise keeps the text of statements by
    that name, and what SQLite understands is no use to MySQL."""
    return {
        "connections": {address.kind: _connection(address, foreign_keys)},
        "apps": {
            APP: {
                "models": [TABLES_MODULE],
                "migrations": migrations,
                "default_connection": address.kind,
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


def _connection(address: Address, foreign_keys: bool) -> dict[str, Any]:
    if address.kind == "sqlite":
        pragmas = address.sqlite_pragmas(foreign_keys=foreign_keys)
        engine, credentials = "server.models.sqlite", {"file_path": str(address.path), **pragmas}
    elif address.kind == "postgres":
        engine = "server.models.postgres"
        credentials = {**address.postgres_arguments(), "min_size": 1, "max_size": _POOL}
        credentials["minsize"], credentials["maxsize"] = 1, _POOL
    else:
        engine = "server.models.mysql"
        arguments = {**address.mysql_arguments(), "database": address.database}
        credentials = {**arguments, "charset": "utf8mb4", "minsize": 1, "maxsize": _POOL}
    return {"engine": engine, "credentials": credentials}
