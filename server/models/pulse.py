"""Does the database answer? Asked three times a second over a connection of its own, so that a
database that stands still is noticed long before a statement's own limit.

Time is counted in turns of the event loop: a process that got no processor for a second must not
take that for the database's fault.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol

import structlog

from server.core.tasks import end
from server.models.address import Address

EVERY_SECONDS = 0.3
TURN_SECONDS = 0.2
TURNS = 5

log = structlog.get_logger("database")


class Asker(Protocol):
    async def ask(self) -> None:
        """Returns when the database has answered."""
        ...

    def drop(self) -> None:
        """The connection is of no use any more."""
        ...


class Pulse:
    """`gone` is done from the moment the database is missed until it is back; then there is a new
    one. With SQLite there is nobody to ask."""

    def __init__(self, address: Address, asker: Asker | None = None) -> None:
        self._asker = asker or _asker_for(address)
        self._task: asyncio.Task[None] | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def away(self) -> bool:
        return self.gone.done()

    @property
    def watches(self) -> bool:
        return self._asker is not None

    def start(self) -> None:
        if self._asker is not None:
            self._task = asyncio.create_task(self._beat_forever(self._asker), name="pulse")

    async def stop(self) -> None:
        if self._task is not None:
            await end(self._task)
        if self._asker is not None:
            self._asker.drop()

    async def _beat_forever(self, asker: Asker) -> None:
        while True:
            if await _answered(asker):
                if self.gone.done():
                    log.warning("database_is_back")
                    self.gone = asyncio.get_running_loop().create_future()
            elif not self.gone.done():
                log.warning("database_is_away")
                self.gone.set_result(None)
            await asyncio.sleep(EVERY_SECONDS)


async def _answered(asker: Asker) -> bool:
    asking = asyncio.create_task(asker.ask())
    try:
        for _ in range(TURNS):
            done, _ = await asyncio.wait({asking}, timeout=TURN_SECONDS)
            if done:
                break
        if asking.done() and asking.exception() is None:
            return True
        asker.drop()
        return False
    finally:
        asking.cancel()
        with contextlib.suppress(BaseException):
            await asyncio.wait({asking}, timeout=TURN_SECONDS)


def _asker_for(address: Address) -> Asker | None:
    if address.kind == "postgres":
        return _Postgres(address)
    return _Mysql(address) if address.kind == "mysql" else None


class _Postgres:
    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: Any = None

    async def ask(self) -> None:
        import asyncpg

        if self._connection is None:
            self._connection = await asyncpg.connect(**self._address.postgres_arguments())
        await self._connection.execute("SELECT 1")

    def drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


class _Mysql:
    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: Any = None

    async def ask(self) -> None:
        import aiomysql

        if self._connection is None:
            arguments = self._address.mysql_arguments()
            self._connection = await aiomysql.connect(db=self._address.database, **arguments)
        await self._connection.ping(reconnect=False)

    def drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
