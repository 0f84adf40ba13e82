"""W8, light: start, append, follow, list and retention while a bot's executions grow from 1,000 to
100,000, over SQLite and PostgreSQL. Each is compared with its own figure at 1,000."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from server.core.ids import new_uuid
from server.engine.store import Commit, EventRow, NewExecution
from server.executions import service
from server.executions.retention import delete_executions
from server.models.tables import Bot, Execution
from tests.benchmarks.table import Row, load_average
from tests.support import services
from tests.support.rooms import Home, open_home

SIZES = (1_000, 10_000, 100_000)
EVENTS = 10
PURE = 'processor ("same") { "result" }'
TIMES = 200


async def measure(repeats: int, seconds: float) -> list[Row]:
    del repeats, seconds
    rows = await _over("SQLite", None)
    with ExitStack() as stack:
        url = stack.enter_context(services.postgres())
        return rows + await _over("PostgreSQL", url)


async def _over(name: str, url: str | None) -> list[Row]:
    rows: list[Row] = []
    first: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="baleybots-bench-") as folder:
        async with open_home(Path(folder), database_url=url) as home:
            bot = await home.bot(PURE)
            there = 0
            for size in SIZES:
                await _grow(home, bot, size - there)
                there = size
                figures = await _figures(home, bot)
                first = first or figures
                ratios = {f"{what} x": took / first[what] for what, took in figures.items()}
                values = {**{f"{what} ms": took for what, took in figures.items()}, **ratios}
                rows.append(Row(f"W8 {name} {size:,}", values, "<= 1.3 of 1,000", load_average()))
    return rows


async def _figures(home: Home, bot: Bot) -> dict[str, float]:
    engine, viewer = home.rooms.engine, home.owner
    started: list[Execution] = []

    async def start() -> None:
        started.append(await home.start(bot, 1))

    async def append() -> None:
        event = EventRow("step.delta", datetime.now(UTC), {"text": "a few words"})
        await engine.store.commit(Commit(running.id, events=[event]))

    async def follow() -> None:
        async for _ in engine.follow(started[-1].id):
            pass

    async def page() -> None:
        await service.list_executions(viewer, columns=service.light_columns())

    async def prune() -> None:
        await delete_executions([(await home.ended(await home.start(bot, 1))).id])

    running = _new(home, bot)
    await engine.store.commit(Commit(running.id, new=running))
    return {
        "start": await _took(start),
        "append": await _took(append),
        "follow": await _took(follow),
        "list": await _took(page),
        "delete": await _took(prune, TIMES // 4),
    }


async def _took(work: Callable[[], Awaitable[None]], times: int = TIMES) -> float:
    """The median in milliseconds."""
    found: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


def _new(home: Home, bot: Bot) -> NewExecution:
    return NewExecution(
        id=new_uuid(),
        workspace_id=home.owner.workspace_id,
        bot_id=bot.id,
        version_id=_version(bot),
        created_at=datetime.now(UTC),
        due_in=None,
    )


_versions: dict[Any, Any] = {}


def _version(bot: Bot) -> Any:
    return _versions[bot.id]


async def _grow(home: Home, bot: Bot, count: int) -> None:
    """Copies of one execution that was run, past the store: with it this would take hours."""
    if bot.id not in _versions:
        row = await home.ended(await home.start(bot, 1))
        _versions[bot.id] = row.version_id
    address = home.rooms.database.address
    executions, events = _copies(home, bot, count)
    if address.path is not None:
        with sqlite3.connect(address.path, timeout=60) as db:
            for table, (columns, rows) in {"executions": executions, "events": events}.items():
                marks = ", ".join("?" * len(columns))
                insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
                db.executemany(insert, ([_text(value) for value in row] for row in rows))
            db.execute("ANALYZE")
        return
    import asyncpg

    connection = await asyncpg.connect(**address.postgres_arguments())
    for table, (columns, rows) in {"executions": executions, "events": events}.items():
        await connection.copy_records_to_table(table, records=rows, columns=columns, timeout=300)
        await connection.execute(f"ANALYZE {table}")
    await connection.close()


Table = tuple[list[str], Iterator[tuple[Any, ...]]]


def _copies(home: Home, bot: Bot, count: int) -> tuple[Table, Table]:
    now = datetime.now(UTC)
    ids = [new_uuid() for _ in range(count)]
    shared: dict[str, Any] = {
        "workspace_id": home.owner.workspace_id,
        "bot_id": bot.id,
        "version_id": _version(bot),
        "status": "completed",
        "mode": "live",
        "trigger_kind": "api",
        "input": "1",
        "output": "1",
        "attempt": 1,
        "losses": 0,
        "last_seq": EVENTS,
        "nudged": False,
        "worked_ms": 1,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_nano": 0,
        "estimated": False,
        "unpriced": False,
        "created_at": now,
        "started_at": now,
        "finished_at": now,
        "duration_ms": 1,
    }
    values = tuple(shared.values())
    executions = ((one, *values) for one in ids)
    told = (
        (one, seq, "step.completed", now, 1, "1") for one in ids for seq in range(1, EVENTS + 1)
    )
    columns = ["execution_id", "seq", "type", "at", "attempt", "data"]
    return (["id", *shared], executions), (columns, told)


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value if isinstance(value, int | str) else str(value)
