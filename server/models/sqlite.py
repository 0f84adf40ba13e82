"""Tortoise's SQLite engine with transactions that write from the start.

A deferred BEGIN that reads first and writes later fails at once with "database is locked" when
another connection wrote in between; BEGIN IMMEDIATE waits for its turn instead.
"""

from __future__ import annotations

import sqlite3

from tortoise.backends.base.client import TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.exceptions import OperationalError


class ImmediateTransaction(SqliteTransactionWrapper):
    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error


class ImmediateClient(SqliteClient):
    def _in_transaction(self) -> TransactionContext:
        return SqliteTransactionContext(ImmediateTransaction(self), self._lock)

    async def execute_many(self, query: str, values: list[list[object]]) -> None:
        async with self._in_transaction() as connection:
            await connection.execute_many(query, values)


client_class = ImmediateClient
