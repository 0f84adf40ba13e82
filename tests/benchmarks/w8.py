"""W8: start, append, follow, list, metrics and retention while a bot's executions grow to 1,000,000
with 11,000,000 events on PostgreSQL, and to 100,000 on SQLite. Each figure is compared with that of
a database of 1,000, asked in turn with it. At the largest size the retention deletes while others
start, and the file of SQLite becomes smaller. `count` is what the retention does once a minute for
a rule that keeps the latest so many: it goes through all of them, in small pieces, and has no goal.

W8_LARGEST=… sets another largest size for both; what the disk has no room for is left out."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from tests.benchmarks.grown import room_for
from tests.benchmarks.table import Row, as_text, load_average
from tests.support import services

FIRST = 1_000
SIZES = (10_000, 100_000, 1_000_000)
LARGEST = {"SQLite": 100_000, "PostgreSQL": 1_000_000}
# How often each is done, in rounds in which the two databases take turns.
ROUNDS = 10
TIMES = {
    "start": 20,
    "append": 20,
    "follow": 20,
    "list": 20,
    "page": 20,
    "metrics": 10,
    "vitals": 10,
    "retention": 1,
    "count": 2,
}
BESIDE_SECONDS = 10.0
LINE = 2**20


@dataclass
class Database:
    """One of the two, and the process that works on it."""

    process: asyncio.subprocess.Process

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path, url: str | None) -> AsyncIterator[Database]:
        command = [sys.executable, "-m", "tests.benchmarks.one_size", str(folder)]
        child = await asyncio.create_subprocess_exec(
            *command,
            *([url] if url else []),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=LINE,
        )
        assert child.stdin is not None
        try:
            yield cls(child)
        finally:
            child.stdin.close()
            await child.wait()

    async def ask(self, *command: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of one size broke at {command}")
        return json.loads(line)


async def measure(repeats: int, seconds: float) -> list[Row]:
    del repeats, seconds
    rows = await _over("SQLite", None)
    with ExitStack() as stack:
        url = stack.enter_context(services.postgres())
        return rows + await _over("PostgreSQL", url)


async def _over(name: str, url: str | None) -> list[Row]:
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="baleybots-bench-")))
        small, large = [
            await stack.enter_async_context(Database.opened(folder / which, one))
            for which in ("small", "large")
            for one in [url and await stack.enter_async_context(_made(url, f"w8_{which}"))]
        ]
        size = FIRST
        for size in _sizes(name, folder):
            _say(f"W8 {name}: {size:,} …")
            await small.ask("grow", FIRST)
            there = await large.ask("grow", size)
            rows.append(await _compared(f"W8 {name} {there:,}", small, large))
        rows.append(await _beside(f"W8 {name} deleting beside starts", large, size))
        if url is None:
            found = await large.ask("shrink", size // 2)
            goal = "smaller by what was deleted"
            rows.append(Row(f"W8 {name} file", found, goal, load_average()))
    return rows


def _sizes(name: str, folder: Path) -> list[int]:
    largest = int(os.environ.get("W8_LARGEST") or LARGEST[name])
    room = room_for(largest, folder)
    if room < largest:
        _say(f"W8 {name}: the disk has room for {room:,} only")
    return [size for size in SIZES if size < room] + [room]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@asynccontextmanager
async def _made(url: str, name: str) -> AsyncIterator[str]:
    """A database of its own, gone afterwards."""
    server = await asyncpg.connect(url)
    await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await server.execute(f"CREATE DATABASE {name}")
    try:
        yield f"{url.rpartition('/')[0]}/{name}"
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


async def _compared(work: str, small: Database, large: Database) -> Row:
    load, values = load_average(), dict[str, float]()
    for what, times in TIMES.items():
        found: dict[int, list[float]] = {0: [], 1: []}
        for one in (0, 1) * ROUNDS:
            found[one] += await (small, large)[one].ask("took", what, times)
        first, now = statistics.median(found[0]), statistics.median(found[1])
        values |= {f"{what} ms": now, f"{what} x": now / first}
    goal = "x <= 1.3 of 1,000, but for count"
    return _shown(Row(work, values, goal, load))


async def _beside(work: str, large: Database, size: int) -> Row:
    load = load_average()
    values = await large.ask("beside", size // 4, BESIDE_SECONDS)
    for share in ("p50", "p95"):
        values[f"{share} x"] = values[f"beside {share} ms"] / values[f"alone {share} ms"]
    return _shown(Row(work, values, "starts go on; p50 x <= 1.3", load))


def _shown(row: Row) -> Row:
    """At once: the next size takes minutes."""
    _say(as_text([row]))
    return row
