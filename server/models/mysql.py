"""Tortoise's MySQL engine with one collation: text is compared byte by byte, as in the other two
databases. With the servers' own default `Writer` and `writer` would be one step key. Questions do
not use up its connections."""

from __future__ import annotations

from typing import Any

from tortoise.backends.mysql.client import MySQLClient

from server.models.places import Places

_CHARSET = "utf8mb4"


class BinaryTextClient(MySQLClient):
    async def create_connection(self, with_db: bool) -> None:
        self.charset = _CHARSET
        await super().create_connection(with_db)
        # From here on Tortoise uses it only as the ending of CREATE TABLE.
        self.charset = f"{_CHARSET} COLLATE {_CHARSET}_bin"
        pool: Any = self._pool
        if pool is not None and not isinstance(pool, Places):
            self._pool = Places(pool, pool.maxsize)  # pyright: ignore[reportAttributeAccessIssue]


client_class = BinaryTextClient
