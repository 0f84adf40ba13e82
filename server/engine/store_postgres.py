"""The store over PostgreSQL: asyncpg as it is, a whole batch of commits in one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from server.bus.turns import Ready
from server.core.errors import Unavailable
from server.engine import postgres_statements as sql
from server.engine.decode import AT_ALL, all_recorded, claimed, due, json_value, places_of
from server.engine.group import Answer, GroupWriter
from server.engine.room import Room
from server.engine.rows import (
    Row,
    call_row,
    change_row,
    count_row,
    event_row,
    new_due_in,
    new_row,
    step_rows,
    usage_row,
)
from server.engine.store import (
    DUE_LIMIT,
    NOT_WORKED,
    REDISPATCH_SECONDS,
    AlreadyAccepted,
    Claimed,
    Commit,
    Committed,
    Due,
    Fenced,
    Held,
    Placed,
    RecordedStep,
    StoredEvent,
    Worked,
)
from server.models.address import CONNECT_SECONDS, Address

_POOL = 5
# What nobody used for so long a network may have dropped without a word; the pool does the same.
IDLE_SECONDS = 300.0
_driver: Any = asyncpg  # its types are not known in detail
# A connection that is cut while a statement is on its way shows as an error inside the driver.
_LOST = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# The server's farewell was read, the end of the connection not yet: the driver sends nothing more.
_NOT_SENT = "cannot switch to state"
# Connection lost, no resources, shut down by the operator, system error, timed out or cancelled.
_AWAY = ("08", "53", "57", "58")
_AGAIN = "40"


Fetch = Callable[..., Awaitable[Any]]
T = TypeVar("T")


class _Line:
    """The writer's own connection: batches come one after the other, and to take one of the pool
    for each and give it back would be a twentieth of the time of a commit."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self._arguments = arguments
        self._connection: Any = None
        self._used = 0.0

    async def fetch(self, statement: str, *given: Any) -> Any:
        try:
            return await self._fetch(statement, *given)
        except asyncpg.InternalClientError as error:
            if not str(error).startswith(_NOT_SENT):
                raise
            return await self._fetch(statement, *given)

    async def _fetch(self, statement: str, *given: Any) -> Any:
        connection = await self._ready()
        try:
            return await connection.fetch(statement, *given)
        except asyncpg.PostgresError:
            raise  # an answer like another
        except TimeoutError:
            await self.close()
            raise
        except BaseException:
            connection.terminate()
            raise

    async def _ready(self) -> Any:
        now = asyncio.get_running_loop().time()
        if self._connection is not None and now - self._used > IDLE_SECONDS:
            self._connection.terminate()
        self._used = now
        if self._connection is None or self._connection.is_closed():
            self._connection = await _driver.connect(**self._arguments)
        return self._connection

    async def close(self) -> None:
        """What is still on its way is cancelled over there, too: if it went on, and it is written
        once more by somebody who thinks it is lost, it would be there twice."""
        if self._connection is None:
            return
        with suppress(*_LOST):  # then the driver has cut it
            await self._connection.close(timeout=CONNECT_SECONDS)


class PostgresStore:
    def __init__(self, address: Address) -> None:
        self._address = address
        self._writer = GroupWriter(self._write)
        self._pool: Any = None
        self._line = _Line(address.postgres_arguments())

    async def open(self) -> None:
        arguments = self._address.postgres_arguments()
        # Nothing here leaves a mark on its connection, so the usual clean-up query is saved.
        self._pool = await _driver.create_pool(
            **arguments, min_size=1, max_size=_POOL, reset=_leave_as_it_is
        )
        self._writer.open()

    async def close(self) -> None:
        await self._writer.close()
        await self._line.close()
        if self._pool is not None:
            await self._pool.close()

    async def commit(self, commit: Commit) -> Committed:
        return await self._writer.commit(commit)

    async def claim(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> list[Claimed]:
        rows = await self._fetch(sql.CLAIM, list(ids), owner, lease, suspects, False)
        return [claimed(row) for row in rows]

    async def claim_places(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> Placed:
        wanted = list(ids)
        bots = [row[0] for row in await self._fetch(sql.LIMITED_BOTS, wanted)]
        if not bots:
            return Placed()

        async def claim(run: Fetch) -> Placed:
            room = Room(await run(sql.LOCK_BOTS, bots), await run(sql.RUNNING_OF, bots))
            found = await run(sql.FOR_PLACES, wanted, bots, suspects)
            taken, parked = room.divided(found, wanted)
            if parked:
                await run(sql.PARK, [one.id for one in parked])
            chosen = [one.id for one in taken]
            rows = await run(sql.CLAIM, chosen, owner, lease, suspects, True)
            return Placed(places_of(rows), parked)

        return await self._transaction(claim)

    async def let_go(self, bot_id: UUID, *, by_age: bool = False) -> list[Ready]:
        async def let_go(run: Fetch) -> list[Ready]:
            bots = await run(sql.LOCK_BOTS, [bot_id])
            room = Room(bots, await run(sql.RUNNING_OF, [bot_id]))
            if not bots or room.left(bot_id) < 1:
                return []
            given = (bot_id, room.full_keys(bot_id), room.left(bot_id))
            ready, _ = room.divided(await run(sql.parked(by_age=by_age), *given))
            await run(sql.LET_GO, [one.id for one in ready])
            return ready

        return await self._transaction(let_go)

    async def parked_bots(self) -> list[UUID]:
        return [row[0] for row in await self._fetch(sql.PARKED_BOTS)]

    async def renew(
        self, held: dict[UUID, int], owner: str, lease: float, worked: Worked = NOT_WORKED
    ) -> list[Held]:
        times = [worked.get(each, 0) for each in held]
        rows = await self._fetch(sql.RENEW, owner, list(held), list(held.values()), lease, times)
        return [Held(row[0], row[1]) for row in rows]

    async def release(self, held: dict[UUID, int], owner: str) -> list[UUID]:
        rows = await self._fetch(sql.RELEASE, owner, list(held), list(held.values()))
        return [row[0] for row in rows]

    async def release_others(self, owner: str) -> list[UUID]:
        return [row[0] for row in await self._fetch(sql.RELEASE_OTHERS, owner)]

    async def due(self, limit: int = DUE_LIMIT, *, within: timedelta | None = None) -> list[Due]:
        since = -(within or AT_ALL).total_seconds()
        return due(await self._fetch(sql.DUE, -REDISPATCH_SECONDS, limit, since))

    async def steps(self, execution_id: UUID) -> dict[str, RecordedStep]:
        rows = await self._fetch(sql.STEPS, execution_id)
        return await all_recorded(rows)

    async def events(
        self, execution_id: UUID, after: int = 0, limit: int = 500
    ) -> list[StoredEvent]:
        rows = await self._fetch(sql.EVENTS, execution_id, after, limit)
        return [StoredEvent(*row[:5], data=json_value(row[5])) for row in rows]

    async def _fetch(self, statement: str, *given: Any) -> list[tuple[Any, ...]]:
        async def fetch() -> Any:
            return await self._pool.fetch(statement, *given)

        return [tuple(row) for row in await _guarded(fetch)]

    async def _transaction(self, body: Callable[[Fetch], Awaitable[T]]) -> T:
        async def once() -> T:
            async with self._pool.acquire() as connection, connection.transaction():
                return await body(connection.fetch)

        return await _guarded(once)

    async def _write(self, batch: list[Commit]) -> list[Answer]:
        # The same order in every process: two batches then wait for each other, never in a ring.
        ordered = sorted(batch, key=_id_of)
        if any(commit.long for commit in ordered):
            statement, *given = await asyncio.to_thread(_batch, ordered)
        else:
            statement, *given = _batch(ordered)

        async def fetch() -> Any:
            return await self._line.fetch(statement, *given)

        done = {row[0]: Committed(row[1], row[2]) for row in await _guarded(fetch)}
        return [done.get(each.execution_id) or await self._refusal(each) for each in batch]

    async def _refusal(self, commit: Commit) -> Answer:
        new = commit.new
        if new is None:
            return Fenced()
        given = (new.id, new.workspace_id, new.idempotency_key)
        found = await self._fetch(sql.ACCEPTED_BEFORE, *given)
        return AlreadyAccepted(*found[0]) if found else Unavailable()


def _batch(commits: list[Commit]) -> tuple[Any, ...]:
    """The statement and its arrays: one array a column."""
    new: list[Row] = []
    counts: list[Row] = []
    changes: list[Row] = []
    events: list[Row] = []
    steps: list[Row] = []
    usage: list[Row] = []
    calls: list[Row] = []
    for commit in commits:
        if commit.new is not None:
            new.append((*new_row(commit, commit.new), new_due_in(commit, commit.new)))
        elif commit.change is None and commit.fence is not None:
            counts.append(count_row(commit, commit.fence))
        else:
            changes.append(change_row(commit))
        key, last = commit.execution_id, len(commit.events) - 1
        events += [
            (key, last - i, *event_row(event, commit.texts))
            for i, event in enumerate(commit.events)
        ]
        steps += [(key, *row) for row in step_rows(commit)]
        usage += [usage_row(commit, row) for row in commit.usage]
        calls += [call_row(commit, row) for row in commit.calls]
    tables = (new, counts, changes, events, steps, usage, calls, _wakes(commits))
    shape = sql.Shape(*(bool(rows) for rows in tables))
    columns = [column for rows in tables if rows for column in zip(*rows, strict=True)]
    return (sql.batch_statement(shape), *columns)


def _wakes(commits: list[Commit]) -> list[Row]:
    """One statement changes a row only once: whoever is in this batch anyway is told afterwards by
    whoever wakes it."""
    here = {commit.execution_id for commit in commits}
    return [
        (commit.execution_id, commit.wakes)
        for commit in commits
        if commit.wakes is not None and commit.wakes not in here
    ]


async def _guarded(run: Callable[[], Awaitable[Any]]) -> Any:
    """A deadlock is tried again at once; a database that is away is said so."""
    for last in (False, True):
        try:
            return await run()
        except asyncpg.PostgresError as error:
            state = cast("str | None", getattr(error, "sqlstate", None)) or ""
            if state.startswith(_AGAIN) and not last:
                continue
            if state.startswith(_AWAY):
                raise Unavailable(f"The database cannot be used: {error}.") from error
            raise
        except _LOST as error:
            if isinstance(error, ValueError):  # a value that the driver cannot send
                raise
            raise Unavailable(f"No connection to the database: {error}.") from error
    raise Unavailable


async def _leave_as_it_is(connection: Any) -> None:
    return


def _id_of(commit: Commit) -> bytes:
    return commit.execution_id.bytes
