"""One database of W8, in a process of its own: two can be asked in turn, in the same moments, so a
ratio is of the two sizes and not of what else this machine did meanwhile.

Reads commands from standard input, a JSON list each; answers each with a line of JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog
import uvloop

from server.core.clock import SystemClock
from server.core.ids import new_uuid, uuid_at
from server.core.paging import encode_cursor
from server.engine.store import Commit, EventRow, NewExecution
from server.executions import retention, service, vitals
from server.executions.figures import open_counts
from server.models.tables import Bot, Execution
from server.workspaces.listing import PageAsk
from tests.benchmarks import grown
from tests.support.rooms import Home, open_home

# Eleven events: it is accepted; it, its chain and its three steps begin and end.
SOURCE = 'chain { processor ("a") { "result" } processor ("b") { "result" } select { x: 1 } }'
EVENTS = 11
PRUNED = 100
# So long that the worker's own retention, which knows what day it is, has nothing to delete.
RULE = retention.Rule(max_age_days=30_000)


class Then(SystemClock):
    """Says what day it is for the retention: far in the future."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment


@dataclass
class Bench:
    home: Home
    bot: Bot
    template: Execution
    running: UUID
    copies: int = 0
    clock: Then = field(default_factory=Then)

    @classmethod
    async def begin(cls, home: Home) -> Bench:
        bot = await home.bot(SOURCE, "W8")
        template = await home.ended(await home.start(bot, 1))
        assert template.last_seq == EVENTS, template.last_seq
        running = NewExecution(
            id=new_uuid(),
            workspace_id=home.owner.workspace_id,
            bot_id=bot.id,
            version_id=template.version_id,
            created_at=datetime.now(UTC),
            due_in=None,
        )
        await home.rooms.engine.store.commit(Commit(running.id, new=running))
        await retention.set_rule(home.owner, bot.id, RULE)
        return cls(home, bot, template, running.id)

    async def grow(self, size: int) -> int:
        """Those that were deleted meanwhile were the oldest: new ones take their place."""
        there = await Execution.filter(bot_id=self.bot.id, id__lt=self.template.id).count()
        if size > there:
            address = self.home.rooms.database.address
            await grown.grow(address, self.template.id, range(there, size))
        self.copies = max(size, there)
        return await Execution.all().count()

    async def took(self, what: str, times: int) -> list[float]:
        """Milliseconds of each."""
        work: Callable[[], Awaitable[float | None]] = getattr(self, f"_{what}")
        found: list[float] = []
        for _ in range(times):
            began = time.perf_counter()
            share = await work()
            found.append((time.perf_counter() - began) * 1000 / (share or 1))
        return found

    async def _start(self) -> None:
        await self.home.start(self.bot, 1)

    async def _append(self) -> None:
        event = EventRow("step.delta", datetime.now(UTC), {"text": "a few words"})
        await self.home.rooms.engine.store.commit(Commit(self.running, events=[event]))

    async def _follow(self) -> None:
        """One that ended long ago: read from the table."""
        found = 0
        async for batch in self.home.rooms.engine.follow(await self._any()):
            found += len(batch.events)
        assert found == EVENTS, found

    async def _list(self) -> None:
        page = await service.list_executions(self.home.owner, columns=service.light_columns())
        assert page.rows

    async def _page(self) -> None:
        """Of the bot, in the middle."""
        ask = PageAsk(after=encode_cursor(None, await self._any()))
        where = service.ExecutionFilter(bot_id=self.bot.id)
        await service.list_executions(self.home.owner, ask, where, columns=service.light_columns())

    async def _metrics(self) -> None:
        assert await open_counts() == {"pending": 1}

    async def _vitals(self) -> None:
        await vitals.read(self.home.owner, datetime.now(UTC))

    async def _retention(self) -> float:
        """The product's own round, without its pauses, for each that it deletes."""
        retention.PAUSE_SECONDS, pause = 0.0, retention.PAUSE_SECONDS
        try:
            await self._let_go(PRUNED)
            deleted = await retention.Retention(self.clock).prune()
        finally:
            retention.PAUSE_SECONDS = pause
        assert PRUNED / 2 < deleted <= PRUNED, deleted  # some are of the same millisecond
        return deleted

    async def _count(self) -> None:
        """A round of the retention with nothing to delete, by a rule that counts."""
        count = retention.Rule(max_count=self.copies + 10_000)
        await Bot.filter(id=self.bot.id).update(retention=count.to_json())
        assert await retention.Retention(self.clock).prune() == 0
        await Bot.filter(id=self.bot.id).update(retention=RULE.to_json())

    async def beside(self, let_go: int, seconds: float) -> dict[str, float]:
        """Starts alone, and while the retention deletes at its own pace."""
        alone = await self._starts(seconds / 2)
        await self._let_go(let_go)
        before = await Execution.all().count()
        pruning = asyncio.create_task(retention.Retention(self.clock).prune())
        during = await self._starts(seconds)
        unfinished = not pruning.done()
        deleted = before + len(during) - await Execution.all().count()
        pruning.cancel()
        with suppress(asyncio.CancelledError):
            await pruning
        alone += await self._starts(seconds / 2)
        return {
            "alone p50 ms": _percentile(alone, 0.5),
            "beside p50 ms": _percentile(during, 0.5),
            "alone p95 ms": _percentile(alone, 0.95),
            "beside p95 ms": _percentile(during, 0.95),
            "longest ms": max(during),
            "deleted per s": deleted / seconds,
            "still deleting": unfinished,
        }

    async def shrink(self, let_go: int) -> dict[str, float]:
        """To the end of a round, with the file before and after."""
        path = self.home.rooms.database.address.path
        assert path is not None
        before = path.stat().st_size
        await self._let_go(let_go)
        deleted = await retention.Retention(self.clock).prune()
        return {
            "deleted": deleted,
            "MiB before": before / 2**20,
            "MiB after": path.stat().st_size / 2**20,
        }

    async def _starts(self, seconds: float) -> list[float]:
        found: list[float] = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            found += await self.took("start", 1)
        return found

    async def _let_go(self, count: int) -> None:
        """Sets the day so that as many of the oldest are too old."""
        rows = Execution.filter(bot_id=self.bot.id).order_by("id").offset(count).limit(1)
        first_kept = (await rows.values_list("id", flat=True))[0]
        assert isinstance(first_kept, UUID)
        at = datetime.fromtimestamp((first_kept.int >> 80) / 1000, UTC)
        self.clock.moment = at + timedelta(days=RULE.max_age_days or 0)

    async def _any(self) -> UUID:
        """Some stored one that is not about to be deleted."""
        at = uuid_at(grown.moment_of(random.randrange(1, self.copies // 2)))
        rows = Execution.filter(bot_id=self.bot.id, id__gte=at).order_by("id").limit(1)
        return (await rows.values_list("id", flat=True))[0]  # type: ignore[return-value]


def _percentile(found: list[float], share: float) -> float:
    return sorted(found)[int(len(found) * share)]


async def _served(folder: Path, url: str | None) -> None:
    async with open_home(folder, database_url=url) as home:
        bench = await Bench.begin(home)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            name, *given = json.loads(line)
            print(json.dumps(await getattr(bench, name)(*given)), flush=True)


if __name__ == "__main__":
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    uvloop.run(_served(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
