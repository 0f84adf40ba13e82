"""The database as it is, read past the product."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

Rows = list[dict[str, Any]]


class Tables:
    def __init__(self, url: str) -> None:
        self._url = url

    async def rows(self, statement: str, *, write: bool = False) -> Rows:
        kind = self._url.partition(":")[0]
        if kind == "sqlite":
            path = self._url.removeprefix("sqlite://")
            return await asyncio.to_thread(_sqlite, path, statement, write)
        return await (_postgres if kind == "postgres" else _mysql)(self._url, statement)

    async def change(self, statement: str) -> None:
        """What nobody can wait for, such as the end of a week."""
        await self.rows(statement, write=True)

    async def executions(self) -> Rows:
        return await self.rows("SELECT * FROM executions ORDER BY created_at")

    async def by_execution(self, table: str, order: str) -> dict[str, Rows]:
        found: dict[str, Rows] = {}
        for row in await self.rows(f"SELECT * FROM {table} ORDER BY {order}"):
            found.setdefault(str(row["execution_id"]), []).append(row)
        return found


def moment(value: Any) -> datetime:
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def data_of(row: dict[str, Any], column: str = "data") -> Any:
    value = row[column]
    return json.loads(value) if isinstance(value, str) else value


def _sqlite(path: str, statement: str, write: bool) -> Rows:
    mode = "rw" if write else "ro"
    db = sqlite3.connect(f"file:{path}?mode={mode}", uri=True, timeout=10)
    db.row_factory = sqlite3.Row
    try:
        found = [dict(row) for row in db.execute(statement)]
        db.commit()
        return found
    finally:
        db.close()


async def _postgres(url: str, statement: str) -> Rows:
    import asyncpg

    connection = await asyncpg.connect(url, timeout=10)
    try:
        return [dict(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def _mysql(url: str, statement: str) -> Rows:
    import aiomysql

    at = urlsplit(url)
    connection = await aiomysql.connect(
        host=at.hostname, port=at.port, user=at.username, db=at.path.strip("/"), charset="utf8mb4"
    )
    try:
        async with connection.cursor(aiomysql.DictCursor) as cursor:
            await cursor.execute(statement)
            found = list(await cursor.fetchall())
        await connection.commit()
        return found
    finally:
        connection.close()
