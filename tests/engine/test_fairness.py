"""Ten thousand executions of one bot do not stand before the only one of another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.bus.turns import Ready
from server.engine.sweep import Sweep
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from server.tools.base import Tool, ToolContext
from tests.support.database import World, opened
from tests.support.dying import INPUT
from tests.support.rooms import open_home
from tests.support.waiting import until

PAGE = 20
MANY = 3 * PAGE


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with opened(database_url, tmp_path) as world:
        yield world


class Heard:
    """What the sweep sends, in the place of a queue."""

    def __init__(self) -> None:
        self.looks: list[list[Ready]] = []

    def ready(self, *executions: Ready) -> None:
        self.looks.append(list(executions))


async def forgotten(world: World, count: int) -> list[Any]:
    """Queued, and the wake-up was lost."""
    found = [(await world.queued(due_in=-3600.0 + 10 * number)).id for number in range(count)]
    await Execution.filter(id__in=found).update(dispatched_at=None)
    return found


async def test_the_sweep_comes_to_the_end_of_a_long_queue(world: World) -> None:
    """Also when what it sent first is due to be sent again before it is through."""
    queued = await forgotten(world, MANY)
    heard = Heard()
    sweep = Sweep(world.store, heard, limit=PAGE)  # type: ignore[arg-type]
    for _ in range(MANY // PAGE):
        assert await sweep.look() >= PAGE
        await Execution.filter(id__in=queued[: PAGE - 1]).update(dispatched_at=None)
    sent = {one.id for look in heard.looks for one in look}
    assert sent == set(queued)
    account = {(one.workspace_id, one.bot_id) for look in heard.looks for one in look}
    assert account == {(world.workspace.id, world.bot.id)}
    assert await sweep.look() == 0
    assert await sweep.look() == PAGE - 1


async def test_a_dead_worker_is_found_before_the_end_of_a_long_queue(world: World) -> None:
    await forgotten(world, MANY)
    lost = await world.queued()
    await world.store.claim([lost.id], "dead", 0.0)
    heard = Heard()
    await Sweep(world.store, heard, limit=PAGE).look()  # type: ignore[arg-type]
    assert lost.id in {one.id for look in heard.looks for one in look}


class Slow:
    """A tool that lets go of its calls one by one, and knows in which order they came."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self._let_go = asyncio.Semaphore(0)

    async def __call__(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        self.came.append(arguments["text"])
        await self._let_go.acquire()
        return "done"

    def let_go(self, count: int) -> None:
        for _ in range(count):
            self._let_go.release()


async def test_in_one_process_a_second_bot_has_its_turn(tmp_path: Path) -> None:
    """Neither what waits nor what is started meanwhile holds up the single one."""
    slow = Slow()
    tool = Tool("slow", "Takes long.", slow, input=INPUT, idempotent=True)
    async with open_home(tmp_path, tools=[tool]) as home:
        home.rooms.engine.runner.runs.max_running = 2
        greedy = await home.bot("use slow with { text: 'greedy' }", "Greedy")
        modest = await home.bot("use slow with { text: 'modest' }", "Modest")
        many = [await home.start(greedy, {"text": "x"}) for _ in range(12)]
        one = await home.start(modest, {"text": "x"})
        await until(lambda: len(slow.came) == 2)
        await until(lambda: not home.rooms.bus.queue.nothing_waits)
        home.rooms.engine.runner.runs.max_running = 3
        many.append(await home.start(greedy, {"text": "x"}))
        assert many[-1].status is ExecutionStatus.PENDING, "it went before those who wait"
        home.rooms.engine.runner.runs.changed()
        for round in range(1, 4):
            slow.let_go(1)
            many.append(await home.start(greedy, {"text": "x"}))
            await until(lambda round=round: len(slow.came) >= 3 + round)
        assert "modest" in slow.came[:6], slow.came
        slow.let_go(100)
        assert {(await home.ended(row)).status for row in [one, *many]} == {
            ExecutionStatus.COMPLETED
        }
    assert slow.came.count("modest") == 1
    assert len(slow.came) == 17
