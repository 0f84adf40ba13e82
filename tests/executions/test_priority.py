"""Who goes first, from the start of an execution to its turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.core.errors import Invalid, InvalidState
from server.executions.priority import set_priority
from server.executions.rerun import RerunRequest, rerun
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from server.tools.base import Tool, ToolContext
from tests.support.dying import INPUT
from tests.support.rooms import Home, open_home
from tests.support.waiting import until


class Counter:
    """A tool that holds its calls until they are let go."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.gate = asyncio.Semaphore(0)

    async def __call__(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        self.came.append(arguments["text"])
        await self.gate.acquire()
        return "done"

    @property
    def tool(self) -> Tool:
        return Tool("slow", "Takes long.", self, input=INPUT, idempotent=True)


@pytest.fixture
async def home(database_url: str, tmp_path: Path) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, database_url=database_url) as home:
        yield home


async def test_it_is_kept_by_what_an_execution_starts_and_by_what_is_done_again(
    home: Home,
) -> None:
    await home.bot('processor ("same") { "result" }', "Helper")
    caller = await home.bot('use spawn_baleybot with { baleybot: "Helper", input: "x" }', "Caller")
    first = await home.ended(await home.start(caller, "x", priority=8))
    assert (first.status, first.priority) == (ExecutionStatus.COMPLETED, 8)
    assert (await Execution.get(parent_id=first.id)).priority == 8
    again = await rerun(home.owner, home.rooms.engine, RerunRequest(first.id))
    assert (await Execution.get(id=again.id)).priority == 8
    await home.ended(again)


async def test_while_it_waits_it_can_be_changed_and_the_log_says_who(home: Home) -> None:
    bot = await home.bot('use ask with { message: "?" }')
    row = await home.start(bot, "x")
    assert row.priority == 5
    await home.until(row, ExecutionStatus.WAITING)
    changed = await set_priority(home.owner, home.rooms.engine, row.id, 9)
    assert (changed.priority, changed.status) == (9, ExecutionStatus.WAITING)
    assert changed.waiting_reason is not None, "what it waits for has not changed"
    for wrong in (0, 10):
        with pytest.raises(Invalid, match="1 to 9"):
            await set_priority(home.owner, home.rooms.engine, row.id, wrong)
    await home.control(row, "cancel")
    told = [one for one in await home.events(row) if one["type"] == "execution.prioritized"]
    assert [one["data"] for one in told] == [{"priority": 9, "by": home.owner.email}]
    with pytest.raises(InvalidState, match="cancelled"):
        await set_priority(home.owner, home.rooms.engine, row.id, 1)
    with pytest.raises(Invalid, match="9 goes first"):
        await home.start(bot, "x", priority=11)


async def test_in_one_process_the_highest_has_the_next_place(tmp_path: Path) -> None:
    """Also one that was made the highest while it waited."""
    slow = Counter()
    async with open_home(tmp_path, tools=[slow.tool]) as home:
        home.rooms.engine.runner.runs.max_running = 1
        bot = await home.bot('use slow with { text: "{{input}}" }')
        await home.start(bot, "first")
        await until(lambda: slow.came == ["first"])
        await until(lambda: not home.rooms.bus.queue.nothing_waits)
        rows = [
            await home.start(bot, name, priority=priority)
            for name, priority in (("low", 1), ("plain", 5), ("late", 5), ("high", 9))
        ]
        await set_priority(home.owner, home.rooms.engine, rows[2].id, 9)
        for _ in range(5):
            slow.gate.release()
        for row in rows:
            await home.ended(row)
    assert slow.came == ["first", "late", "high", "plain", "low"]
