"""Tortoise's SQLite engine with transactions that write from the start.

A deferred BEGIN that reads first and writes later fails at once with "database is locked" when
another connection wrote in between; BEGIN IMMEDIATE waits for its turn instead.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Any, cast

from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError

from server.models.sqlite_turn import Turn, turn_of

_READS = ("SELECT", "PRAGMA", "EXPLAIN")


class ImmediateTransaction(SqliteTransactionWrapper):
    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error


class ImmediateContext(SqliteTransactionContext):
    """Tortoise's own keeps the connection's lock for ever when BEGIN fails or is cancelled."""

    __slots__ = ("_turn",)

    def __init__(self, client: ImmediateClient) -> None:
        super().__init__(ImmediateTransaction(client), client._lock)
        self._turn = client.turn

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        self._turn.come()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            await self._give_up()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return self.connection

    async def _give_up(self) -> None:
        try:
            if self.connection._connection:
                # A cancelled BEGIN still happens in the connection's thread.
                await asyncio.shield(self.connection._connection.rollback())
        finally:
            self._turn.go()
            self._trxlock.release()

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        try:
            await super().__aexit__(exc_type, exc_val, exc_tb)
        finally:
            self._turn.go()


class ImmediateClient(SqliteClient):
    @property
    def turn(self) -> Turn:
        return turn_of(str(self.filename))

    def _in_transaction(self) -> TransactionContext:
        return ImmediateContext(self)

    async def execute_insert(self, query: str, values: list[Any]) -> int:
        with self.turn.guest():
            return cast("int", await super().execute_insert(query, values))

    async def execute_query(
        self, query: str, values: list[Any] | None = None
    ) -> tuple[int, Sequence[dict[str, Any]]]:
        if query.startswith(_READS):
            return await super().execute_query(query, values)
        with self.turn.guest():
            return await super().execute_query(query, values)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        async with self._in_transaction() as connection:
            await connection.execute_many(query, values)


client_class = ImmediateClient
