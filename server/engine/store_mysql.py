"""The store over MySQL and MariaDB: aiomysql as it is, a batch of commits in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import aiomysql  # pyright: ignore[reportMissingTypeStubs]
import pymysql

from server.bus.turns import Ready
from server.core.errors import Unavailable
from server.engine import mysql_statements as sql
from server.engine.decode import AT_ALL, all_recorded, claimed, due, json_value, moment, places_of
from server.engine.group import Answer, GroupWriter
from server.engine.room import Room
from server.engine.rows import (
    Row,
    call_row,
    change_row,
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
from server.models.address import Address

_POOL = 6
# The driver writes each value into the text of its statement while nothing else runs, and servers
# take one of 16 MiB at most, unless they were told otherwise.
ROWS_AT_ONCE = 1_500
LETTERS_AT_ONCE = 2 * 1024 * 1024
_MICRO = 1_000_000
# Too many connections, no space, read only, shut down, lost, refused, timed out.
_AWAY = {1021, 1040, 1041, 1053, 1077, 1114, 1129, 1203, 1290, 1317, 1836, 2002, 2003, 2006, 2013}
_AGAIN = {1205, 1213}
_driver: Any = aiomysql  # its types are not known in detail

T = TypeVar("T")


class MysqlStore:
    def __init__(self, address: Address) -> None:
        self._address = address
        self._writer = GroupWriter(self._write)
        self._pool: Any = None

    async def open(self) -> None:
        arguments = self._address.mysql_arguments()
        self._pool = await _driver.create_pool(
            **arguments,
            db=self._address.database,
            charset="utf8mb4",
            autocommit=True,
            minsize=1,
            maxsize=_POOL,
        )
        self._writer.open()

    async def close(self) -> None:
        await self._writer.close()
        if self._pool is not None:
            self._pool.close()
            await self._pool.wait_closed()

    async def commit(self, commit: Commit) -> Committed:
        return await self._writer.commit(commit)

    async def claim(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> list[Claimed]:
        if not ids:
            return []

        async def claim(run: Run) -> list[Claimed]:
            given = (*map(str, ids), int(suspects), 0)
            chosen = [row[0] for row in await run(sql.choose(len(ids)), given)]
            if not chosen:
                return []
            return [claimed(row) for row in await _take(run, chosen, owner, lease)]

        return await self._transaction(claim)

    async def claim_places(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> Placed:
        bots = [row[0] for row in await self._fetch(sql.limited_bots(len(ids)), ids)]
        if not bots:
            return Placed()

        async def claim(run: Run) -> Placed:
            limits = await run(sql.lock_bots(len(bots)), bots)
            room = Room(limits, await run(sql.running_of(len(bots)), bots))
            given = (*ids, *bots, int(suspects))
            taken, parked = room.divided(await run(sql.for_places(len(ids), len(bots)), given), ids)
            if parked:
                await run(sql.park(len(parked)), [one.id for one in parked])
            rows = await _take(run, [str(one.id) for one in taken], owner, lease)
            return Placed(places_of(rows), parked)

        return await self._transaction(claim)

    async def let_go(self, bot_id: UUID, *, by_age: bool = False) -> list[Ready]:
        async def let_go(run: Run) -> list[Ready]:
            bots = await run(sql.lock_bots(1), [bot_id])
            room = Room(bots, await run(sql.running_of(1), [bot_id]))
            if not bots or room.left(bot_id) < 1:
                return []
            full = room.full_keys(bot_id)
            given = (bot_id, *full, room.left(bot_id))
            ready, _ = room.divided(await run(sql.parked(len(full), by_age=by_age), given))
            if ready:
                await run(sql.let_go(len(ready)), [one.id for one in ready])
            return ready

        return await self._transaction(let_go)

    async def parked_bots(self) -> list[UUID]:
        return [UUID(row[0]) for row in await self._fetch(sql.PARKED_BOTS, ())]

    async def renew(
        self, held: dict[UUID, int], owner: str, lease: float, worked: Worked = NOT_WORKED
    ) -> list[Held]:
        async def renew(run: Run) -> list[Held]:
            rows = await _held(run, held, owner)
            if rows:
                ids = [row[0] for row in rows]
                times = [value for each in ids for value in (each, worked.get(UUID(each), 0))]
                await run(sql.prolong(len(ids)), (_micro(lease), *times, *ids))
            return [Held(UUID(row[0]), bool(row[1])) for row in rows]

        return await self._transaction(renew)

    async def release(self, held: dict[UUID, int], owner: str) -> list[UUID]:
        async def release(run: Run) -> list[UUID]:
            return await _give_back(run, await _held(run, held, owner), lost=False)

        return await self._transaction(release)

    async def release_others(self, owner: str) -> list[UUID]:
        async def release(run: Run) -> list[UUID]:
            return await _give_back(run, await run(sql.HELD_BY_OTHERS, (owner,)), lost=True)

        return await self._transaction(release)

    async def due(self, limit: int = DUE_LIMIT, *, within: timedelta | None = None) -> list[Due]:
        since = _micro(-(within or AT_ALL).total_seconds())

        async def find(run: Run) -> list[Row]:
            rows = await run(sql.DUE, (since, _micro(-REDISPATCH_SECONDS), limit))
            if rows:
                await run(sql.sent(len(rows)), [row[0] for row in rows])
            return rows

        return due(await self._transaction(find))

    async def steps(self, execution_id: UUID) -> dict[str, RecordedStep]:
        rows = await self._fetch(sql.STEPS, (str(execution_id),))
        return await all_recorded(rows)

    async def events(
        self, execution_id: UUID, after: int = 0, limit: int = 500
    ) -> list[StoredEvent]:
        rows = await self._fetch(sql.EVENTS, (str(execution_id), after, limit))
        return [
            StoredEvent(seq, kind, moment(at), step_key, attempt, json_value(data))
            for seq, kind, at, step_key, attempt, data in rows
        ]

    async def _fetch(self, statement: str, given: Sequence[Any]) -> list[Row]:
        async def fetch(run: Run) -> list[Row]:
            return await run(statement, given)

        return await self._transaction(fetch)

    async def _transaction(self, body: Callable[[Run], Awaitable[T]]) -> T:
        async def once() -> T:
            async with self._pool.acquire() as connection, _transaction(connection) as run:
                return await body(run)

        return await _guarded(once)

    async def _write(self, batch: list[Commit]) -> list[Answer]:
        async def write(run: Run) -> dict[UUID, Answer]:
            answers = await _insert_new(run, batch) | await _update(run, batch)
            await _write_rows(run, batch, answers)
            await _wake(run, batch, answers)
            return answers

        answers = await self._transaction(write)
        return [answers[commit.execution_id] for commit in batch]


class Run:
    """Runs one statement in the open transaction and gives its rows."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    async def __call__(self, statement: str, given: Any = ()) -> list[Row]:
        await self._cursor.execute(statement, [_plain(value) for value in given])
        return list(await self._cursor.fetchall())

    @property
    def changed(self) -> int:
        """How many rows the last statement inserted."""
        return self._cursor.rowcount


@contextlib.asynccontextmanager
async def _transaction(connection: Any) -> AsyncGenerator[Run]:
    await connection.begin()
    try:
        async with connection.cursor() as cursor:
            yield Run(cursor)
        await connection.commit()
    except BaseException:
        with contextlib.suppress(pymysql.MySQLError, OSError):
            await connection.rollback()
        raise


async def _insert_new(run: Run, batch: list[Commit]) -> dict[UUID, Answer]:
    rows: list[Any] = []
    commits = [commit for commit in batch if commit.new is not None]
    for commit in commits:
        assert commit.new is not None
        due_in = new_due_in(commit, commit.new)
        at_once = due_in == 0 and commit.new.owner is None
        rows += [*new_row(commit, commit.new), _micro(due_in), at_once]
    if not commits:
        return {}
    await run(sql.insert_executions(len(commits)), rows)
    if run.changed == len(commits):
        return {commit.execution_id: Committed(len(commit.events)) for commit in commits}
    if len(batch) > 1:
        raise SomeWereThere
    return {commits[0].execution_id: await _accepted_before(run, commits[0])}


class SomeWereThere(Exception):
    """MySQL does not say which rows were there before: each commit is tried alone."""


async def _accepted_before(run: Run, commit: Commit) -> Answer:
    assert commit.new is not None
    given = (commit.new.id, commit.new.workspace_id, commit.new.idempotency_key)
    found = await run(sql.ACCEPTED_BEFORE, given)
    return AlreadyAccepted(UUID(found[0][0]), found[0][1]) if found else Unavailable()


async def _update(run: Run, batch: list[Commit]) -> dict[UUID, Answer]:
    commits = {str(commit.execution_id): commit for commit in batch if commit.new is None}
    if not commits:
        return {}
    answers: dict[UUID, Answer] = {commit.execution_id: Fenced() for commit in commits.values()}
    rows: list[Any] = []
    for key, attempt, owner, status, last_seq, cancel in await run(sql.lock(len(commits)), commits):
        commit = commits[key]
        change = change_row(commit)
        open_in = change[3].split(",")
        if _allowed(commit, attempt, owner, status, open_in):
            rows += [*change[:6], _micro(change[6]), *change[7:]]
            asked = bool(cancel) or change[14] is not None
            answers[commit.execution_id] = Committed(last_seq + len(commit.events), asked)
    if rows:
        await run(sql.update_executions(len(rows) // len(change_row(batch[0]))), rows)
    return answers


def _allowed(commit: Commit, attempt: int, owner: str, status: str, open_in: list[str]) -> bool:
    fence = commit.fence
    if fence is None:
        return status in open_in
    return (attempt, owner, status) == (fence.attempt, fence.owner, "running")


async def _write_rows(run: Run, batch: list[Commit], answers: dict[UUID, Answer]) -> None:
    if any(commit.long for commit in batch):
        tables = await asyncio.to_thread(_tables, batch, answers)
    else:
        tables = _tables(batch, answers)
    for statement, rows in tables:
        for some in _portions(rows):
            await run(statement(len(some)), [value for row in some for value in row])


def _portions(rows: list[Row]) -> Iterator[list[Row]]:
    some, letters = list[Row](), 0
    for row in rows:
        more = sum(len(value) for value in row if isinstance(value, str))
        if some and (len(some) == ROWS_AT_ONCE or letters + more > LETTERS_AT_ONCE):
            yield some
            some, letters = [], 0
        some.append(row)
        letters += more
    if some:
        yield some


def _tables(
    batch: list[Commit], answers: dict[UUID, Answer]
) -> list[tuple[Callable[[int], str], list[Row]]]:
    events: list[Row] = []
    steps: list[Row] = []
    usage: list[Row] = []
    calls: list[Row] = []
    for commit in batch:
        answer = answers[commit.execution_id]
        if not isinstance(answer, Committed):
            continue
        key, first = commit.execution_id, answer.last_seq - len(commit.events) + 1
        events += [
            (key, first + i, *event_row(event, commit.texts))
            for i, event in enumerate(commit.events)
        ]
        steps += [(key, *row) for row in step_rows(commit)]
        usage += [usage_row(commit, row) for row in commit.usage]
        calls += [call_row(commit, row) for row in commit.calls]
    return [
        (sql.upsert_steps, steps),
        (sql.insert_events, events),
        (sql.insert_usage, usage),
        (sql.insert_calls, calls),
    ]


async def _take(run: Run, chosen: list[str], owner: str, lease: float) -> list[Row]:
    if not chosen:
        return []
    await run(sql.take(len(chosen)), (owner, _micro(lease), *chosen))
    return await run(sql.taken(len(chosen)), chosen)


async def _wake(run: Run, batch: list[Commit], answers: dict[UUID, Answer]) -> None:
    done = [one for one in batch if isinstance(answers[one.execution_id], Committed)]
    parents = sorted({str(one.wakes) for one in done if one.wakes is not None})
    if parents:
        await run(sql.wake(len(parents)), parents)


async def _held(run: Run, held: dict[UUID, int], owner: str) -> list[Row]:
    if not held:
        return []
    pairs = [value for pair in held.items() for value in pair]
    return await run(sql.held(len(held)), (owner, *held, *pairs))


async def _give_back(run: Run, rows: list[Row], *, lost: bool) -> list[UUID]:
    ids = [row[0] for row in rows]
    if ids:
        await run(sql.give_back(len(ids)), (int(lost), *ids))
    return [UUID(each) for each in ids]


async def _guarded(run: Callable[[], Awaitable[T]]) -> T:
    """A deadlock is tried again at once; a database that is away is said so."""
    for last in (False, True):
        try:
            return await run()
        except pymysql.MySQLError as error:
            code = error.args[0] if error.args else 0
            if code in _AGAIN and not last:
                continue
            if code in _AWAY or isinstance(error, pymysql.InterfaceError):
                raise Unavailable(f"The database cannot be used: {error}.") from error
            raise
        except (OSError, TimeoutError) as error:
            raise Unavailable(f"No connection to the database: {error}.") from error
    raise Unavailable


def _micro(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * _MICRO)


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    return value
