"""The store over SQLite, with the standard library: one thread writes over its own connection, and
reads go over a second one, so that they never wait for the disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from server.bus.turns import Ready
from server.core.clock import Clock, SystemClock
from server.core.errors import Unavailable
from server.core.jsontext import dumps
from server.engine import sqlite_statements as sql
from server.engine.decode import (
    AT_ALL,
    all_recorded,
    claimed,
    due,
    json_value,
    moment,
    places_of,
    uuid_value,
)
from server.engine.room import Room
from server.engine.rows import (
    CHANGE_COLUMNS,
    Row,
    call_row,
    change_row,
    event_row,
    new_due_in,
    new_row,
    step_rows,
    usage_row,
)
from server.engine.sqlite_writer import Gathered, SqliteWriter, Work
from server.engine.store import (
    DUE_LIMIT,
    NOT_WORKED,
    REDISPATCH_SECONDS,
    AlreadyAccepted,
    Claimed,
    Commit,
    Committed,
    Due,
    ExecutionChange,
    Fenced,
    Held,
    Placed,
    RecordedStep,
    StoredEvent,
    Worked,
)
from server.models.address import Address
from server.models.sqlite_turn import turn_of


class SqliteStore:
    def __init__(self, address: Address, clock: Clock | None = None) -> None:
        self._address = address
        turn = turn_of(str(address.path))
        self._writer = SqliteWriter(self._connect, clock or SystemClock(), turn)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._read_db: sqlite3.Connection | None = None

    async def open(self) -> None:
        await self._writer.open()
        loop = asyncio.get_running_loop()
        db = await loop.run_in_executor(self._reader, self._connect)
        db.execute("PRAGMA query_only=ON")
        self._read_db = db

    async def close(self) -> None:
        await self._writer.close()
        db, self._read_db = self._read_db, None
        if db is not None:
            await asyncio.get_running_loop().run_in_executor(self._reader, db.close)
        self._reader.shutdown()

    async def commit(self, commit: Commit) -> Committed:
        if commit.long:
            return await self._writer.write(await asyncio.to_thread(_commit_work, commit))
        return await self._writer.write(_commit_work(commit))

    async def claim(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> list[Claimed]:
        wanted = _listed(ids)

        def work(db: sqlite3.Connection, now: datetime, gathered: Gathered) -> list[Row]:
            until = now + timedelta(seconds=lease)
            times = {"until": until, "now": now}
            given = {**times, "owner": owner, "ids": wanted, "suspects": suspects, "placed": False}
            return db.execute(sql.CLAIM, given).fetchall()

        return [claimed(row) for row in await self._writer.write(work)]

    async def claim_places(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> Placed:
        """The writer's transaction is the only one at work."""
        wanted = _listed(ids)

        def work(db: sqlite3.Connection, now: datetime, gathered: Gathered) -> Placed:
            bots = db.execute(sql.LIMITED_BOTS, {"ids": wanted}).fetchall()
            if not bots:
                return Placed()
            running = db.execute(sql.RUNNING_OF, (dumps([row[0] for row in bots]),)).fetchall()
            room = Room(bots, running)
            given = {"ids": wanted, "now": now, "suspects": suspects}
            found = [
                row for row in db.execute(sql.FOR_PLACES, given) if uuid_value(row[2]) in room.bots
            ]
            taken, parked = room.divided(found, ids)
            db.execute(sql.PARK, (_listed(one.id for one in parked),))
            until = now + timedelta(seconds=lease)
            times = {"until": until, "now": now, "owner": owner, "suspects": suspects}
            claims = {**times, "ids": _listed(one.id for one in taken), "placed": True}
            return Placed(places_of(db.execute(sql.CLAIM, claims).fetchall()), parked)

        return await self._writer.write(work)

    async def let_go(self, bot_id: UUID, *, by_age: bool = False) -> list[Ready]:
        def work(db: sqlite3.Connection, now: datetime, gathered: Gathered) -> list[Ready]:
            bots = db.execute(sql.BOT, (bot_id,)).fetchall()
            room = Room(bots, db.execute(sql.RUNNING_OF, (_listed([bot_id]),)))
            if not bots or room.left(bot_id) < 1:
                return []
            full = dumps(room.full_keys(bot_id))
            given = {"bot": bot_id, "full": full, "limit": room.left(bot_id)}
            found = db.execute(sql.parked(by_age=by_age), given).fetchall()
            ready, _ = room.divided(found)
            db.execute(sql.LET_GO, {"ids": _listed(one.id for one in ready), "now": now})
            return ready

        return await self._writer.write(work)

    async def parked_bots(self) -> list[UUID]:
        return [UUID(row[0]) for row in await self._read(sql.PARKED_BOTS, ())]

    async def renew(
        self, held: dict[UUID, int], owner: str, lease: float, worked: Worked = NOT_WORKED
    ) -> list[Held]:
        pairs = _pairs(held)
        times = dumps({str(each): worked_ms for each, worked_ms in worked.items()})

        def work(db: sqlite3.Connection, now: datetime, gathered: Gathered) -> list[Row]:
            until = now + timedelta(seconds=lease)
            given = {"until": until, "owner": owner, "held": pairs, "worked": times}
            return db.execute(sql.RENEW, given).fetchall()

        return [Held(UUID(row[0]), bool(row[1])) for row in await self._writer.write(work)]

    async def release(self, held: dict[UUID, int], owner: str) -> list[UUID]:
        pairs = _pairs(held)

        def work(db: sqlite3.Connection, now: datetime, gathered: Gathered) -> list[Row]:
            return db.execute(sql.RELEASE, {"now": now, "owner": owner, "held": pairs}).fetchall()

        return [UUID(row[0]) for row in await self._writer.write(work)]

    async def release_others(self, owner: str) -> list[UUID]:
        def work(db: sqlite3.Connection, now: datetime, gathered: Gathered) -> list[Row]:
            return db.execute(sql.RELEASE_OTHERS, {"now": now, "owner": owner}).fetchall()

        return [UUID(row[0]) for row in await self._writer.write(work)]

    async def due(self, limit: int = DUE_LIMIT, *, within: timedelta | None = None) -> list[Due]:
        def work(db: sqlite3.Connection, now: datetime, gathered: Gathered) -> list[Row]:
            times = {"now": now, "before": now - timedelta(seconds=REDISPATCH_SECONDS)}
            given = {**times, "since": now - (within or AT_ALL), "limit": limit}
            rows = db.execute(sql.DUE, given).fetchall()
            return [(*row[:4], (now - moment(row[4])).total_seconds()) for row in rows]

        return due(await self._writer.write(work))

    async def steps(self, execution_id: UUID) -> dict[str, RecordedStep]:
        rows = await self._read(sql.STEPS, (str(execution_id),))
        return await all_recorded(rows)

    async def events(
        self, execution_id: UUID, after: int = 0, limit: int = 500
    ) -> list[StoredEvent]:
        rows = await self._read(sql.EVENTS, (str(execution_id), after, limit))
        return [
            StoredEvent(seq, kind, moment(at), step_key, attempt, json_value(data))
            for seq, kind, at, step_key, attempt, data in rows
        ]

    async def _read(self, statement: str, given: tuple[Any, ...]) -> list[Any]:
        db = self._read_db
        if db is None:
            raise Unavailable("The store is closed.")

        def fetch() -> list[Any]:
            return db.execute(statement, given).fetchall()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, fetch)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The database cannot be read: {error}.") from error

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            str(self._address.path),
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        for name, value in self._address.sqlite_pragmas().items():
            db.execute(f"PRAGMA {name}={value}").fetchall()
        return db


def _commit_work(commit: Commit) -> Work[Committed]:
    """Encodes at once, in the caller's hands: a value that cannot be stored is its own error."""
    execution_id = str(commit.execution_id)
    events = [event_row(event, commit.texts) for event in commit.events]
    steps = [(execution_id, *row) for row in step_rows(commit)]
    usage = [usage_row(commit, row) for row in commit.usage]
    calls = [call_row(commit, row) for row in commit.calls]
    head = _insert(commit) if commit.new is not None else _update(commit)

    def work(db: sqlite3.Connection, now: datetime, gathered: Gathered) -> Committed:
        committed = head(db, now)
        first = committed.last_seq - len(events) + 1
        gathered.events += [(execution_id, first + i, *row) for i, row in enumerate(events)]
        gathered.steps += steps
        gathered.usage += usage
        gathered.calls += calls
        return committed

    return work


def _insert(commit: Commit) -> Callable[[sqlite3.Connection, datetime], Committed]:
    new = commit.new
    assert new is not None
    row, due_in = new_row(commit, new), new_due_in(commit, new)

    def head(db: sqlite3.Connection, now: datetime) -> Committed:
        due_at = _due_at(now, due_in)
        dispatched = due_at if due_in == 0 and new.owner is None else None
        if db.execute(sql.INSERT_EXECUTION, (*row, due_at, dispatched)).rowcount:
            return Committed(len(commit.events))
        given = {"id": new.id, "workspace": new.workspace_id, "key": new.idempotency_key}
        found = db.execute(sql.ACCEPTED_BEFORE, given).fetchone()
        raise AlreadyAccepted(UUID(found[0]), found[1])

    return head


def _update(commit: Commit) -> Callable[[sqlite3.Connection, datetime], Committed]:
    change = commit.change or ExecutionChange()
    given: dict[str, Any] = dict(zip(CHANGE_COLUMNS, change_row(commit), strict=True))
    statement = sql.update_statement(
        fenced=commit.fence is not None,
        changed=commit.change is not None,
        moved=change.status is not None,
        open_in=given["open_in"],
    )

    def head(db: sqlite3.Connection, now: datetime) -> Committed:
        due_at = _due_at(now, change.due_in)
        sent = due_at if change.due_in == 0 and change.status == "pending" else None
        times = {"now": now, "due_at": due_at, "dispatched_at": sent}
        row = db.execute(statement, {**given, **times}).fetchone()
        if row is None:
            raise Fenced
        if commit.wakes is not None:
            db.execute(sql.WAKE, {"id": commit.wakes, "now": now})
        return Committed(row[0], bool(row[1]))

    return head


def _due_at(now: datetime, due_in: float | None) -> datetime | None:
    return None if due_in is None else now + timedelta(seconds=due_in)


def _listed(ids: Iterable[UUID]) -> str:
    return dumps([str(each) for each in ids])


def _pairs(held: dict[UUID, int]) -> str:
    return dumps([[str(each), attempt] for each, attempt in held.items()])
