"""Which store serves which database. A driver is loaded only where it is used."""

from __future__ import annotations

from collections.abc import Callable

from server.engine.blobs import Blobs
from server.engine.large_values import LargeValues
from server.engine.store import Store
from server.models.address import Address


def make_store(
    address: Address, blobs: Blobs | None = None, *, refused: Callable[[], None] | None = None
) -> Store:
    """Not yet open. What is too large for a row goes to the blobs. `refused` is told when the
    database does not take what is written."""
    return LargeValues(row_store(address), blobs or Blobs(), refused)


def row_store(address: Address) -> Store:
    if address.kind == "sqlite":
        from server.engine.store_sqlite import SqliteStore

        return SqliteStore(address)
    if address.kind == "postgres":
        from server.engine.store_postgres import PostgresStore

        return PostgresStore(address)
    from server.engine.store_mysql import MysqlStore

    return MysqlStore(address)
