"""Tortoise's MySQL engine with one collation: text is compared byte by byte, as in the other two
databases. With the servers' own default `Writer` and `writer` would be one step key."""

from __future__ import annotations

from tortoise.backends.mysql.client import MySQLClient

_CHARSET = "utf8mb4"


class BinaryTextClient(MySQLClient):
    async def create_connection(self, with_db: bool) -> None:
        self.charset = _CHARSET
        await super().create_connection(with_db)
        # From here on Tortoise uses it only as the ending of CREATE TABLE.
        self.charset = f"{_CHARSET} COLLATE {_CHARSET}_bin"


client_class = BinaryTextClient
