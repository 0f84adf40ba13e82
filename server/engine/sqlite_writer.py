"""The thread that writes to SQLite: it takes what is waiting and makes it one transaction.

While the disk works on one transaction the next pieces gather, so the batch grows by itself and
no timer is needed.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from server.core.clock import Clock
from server.core.errors import AppError, Unavailable
from server.engine import sqlite_statements as sql
from server.engine.rows import Row
from server.engine.sqlite_checkpoint import Checkpointer
from server.engine.store import BATCH_LIMIT, Refused
from server.models.sqlite_turn import Turn

T = TypeVar("T")


@dataclass(slots=True)
class Gathered:
    """Rows of a whole batch, written with one statement for each table."""

    events: list[Row] = field(default_factory=list[Row])
    steps: list[Row] = field(default_factory=list[Row])
    usage: list[Row] = field(default_factory=list[Row])
    calls: list[Row] = field(default_factory=list[Row])

    def write(self, db: sqlite3.Connection) -> None:
        if self.steps:
            db.executemany(sql.UPSERT_STEP, self.steps)
        if self.events:
            db.executemany(sql.INSERT_EVENT, self.events)
        if self.usage:
            db.executemany(sql.INSERT_USAGE, self.usage)
        if self.calls:
            db.executemany(sql.INSERT_CALL, self.calls)


# Runs in the writer's thread, inside its transaction. An AppError means that nothing was written
# for this piece and that its neighbours may go on.
Work = Callable[[sqlite3.Connection, datetime, Gathered], T]


@dataclass(slots=True)
class Ticket:
    work: Work[Any]
    answer: asyncio.Future[Any]


class SqliteWriter:
    def __init__(self, connect: Callable[[], sqlite3.Connection], clock: Clock, turn: Turn) -> None:
        self._connect = connect
        self._turn = turn
        self._clock = clock
        self._waiting: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._checkpointer = Checkpointer(connect)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        given = (self._loop, opened)
        self._thread = threading.Thread(target=self._run, args=given, name="store", daemon=True)
        self._thread.start()
        await opened

    async def close(self) -> None:
        """Everything that was handed in is written first."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            self._waiting.put(None)
            await loop.run_in_executor(None, thread.join)

    async def write(self, work: Work[T]) -> T:
        """The caller may stop waiting, but what was handed in is written all the same."""
        if self._loop is None:
            raise Unavailable("The store is closed.")
        answer: asyncio.Future[T] = self._loop.create_future()
        self._waiting.put(Ticket(work, answer))
        return await answer

    def _run(self, loop: asyncio.AbstractEventLoop, opened: asyncio.Future[None]) -> None:
        try:
            db = self._connect()
        except sqlite3.Error as error:
            loop.call_soon_threadsafe(opened.set_exception, error)
            return
        self._checkpointer.open()
        loop.call_soon_threadsafe(opened.set_result, None)
        while batch := self._next_batch():
            self._turn.stand_aside()
            answers = _write_batch(db, [ticket.work for ticket in batch], self._clock.now)
            loop.call_soon_threadsafe(_settle, batch, answers)
            self._checkpointer.written(db.total_changes)
            del batch, answers  # or they would stay until somebody writes again
        self._checkpointer.close()
        db.close()

    def _next_batch(self) -> list[Ticket]:
        """Whatever is waiting, at least one; empty when the store closes."""
        batch: list[Ticket] = []
        ticket = self._waiting.get()
        while ticket is not None:
            batch.append(ticket)
            if len(batch) == BATCH_LIMIT:
                return batch
            try:
                ticket = self._waiting.get_nowait()
            except queue.Empty:
                return batch
        if batch:
            self._waiting.put(None)
        return batch


def _write_batch(
    db: sqlite3.Connection, batch: list[Work[Any]], now: Callable[[], datetime]
) -> list[Any]:
    """One transaction for all; when it fails on the data of one, each has its own."""
    try:
        return _transaction(db, batch, now())
    except sqlite3.OperationalError as error:
        away = Unavailable(f"The database cannot be written: {error}.")
        away.__cause__ = error
        return [away] * len(batch)
    except Exception as error:
        if len(batch) == 1:
            refused = Refused(f"The database refused this: {error}.")
            refused.__cause__ = error
            return [refused]
        return [_write_batch(db, [work], now)[0] for work in batch]


def _transaction(db: sqlite3.Connection, batch: list[Work[Any]], now: datetime) -> list[Any]:
    db.execute("BEGIN IMMEDIATE")
    try:
        gathered = Gathered()
        answers = [_answer(work, db, now, gathered) for work in batch]
        gathered.write(db)
        db.execute("COMMIT")
        return answers
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _answer(work: Work[Any], db: sqlite3.Connection, now: datetime, gathered: Gathered) -> Any:
    try:
        return work(db, now, gathered)
    except AppError as error:
        return error


def _settle(batch: list[Ticket], answers: list[Any]) -> None:
    for ticket, answer in zip(batch, answers, strict=True):
        if ticket.answer.done():
            continue
        if isinstance(answer, BaseException):
            ticket.answer.set_exception(answer)
        else:
            ticket.answer.set_result(answer)


def _text(moment: datetime) -> str:
    """The form that Tortoise uses too: it sorts as text, and one is compared with the other."""
    return moment.isoformat(" ")


sqlite3.register_adapter(datetime, _text)
# The same few ids stand in all rows of a batch.
sqlite3.register_adapter(UUID, lru_cache(maxsize=1024)(str))
