"""Which store serves which database. A driver is loaded only where it is used."""

from __future__ import annotations

from server.engine.store import Store
from server.models.address import Address


def make_store(address: Address) -> Store:
    """Not yet open."""
    if address.kind == "sqlite":
        from server.engine.store_sqlite import SqliteStore

        return SqliteStore(address)
    if address.kind == "postgres":
        from server.engine.store_postgres import PostgresStore

        return PostgresStore(address)
    from server.engine.store_mysql import MysqlStore

    return MysqlStore(address)
