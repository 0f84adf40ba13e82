"""One execution that kills its process does not take its neighbours with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from server.bus.turns import Ready
from server.core.ids import new_uuid
from server.engine import isolation
from server.executions import service as executions
from server.models.enums import ExecutionStatus
from server.models.tables import Bot, Execution, Step
from server.tools.base import Tool, ToolContext
from tests.support.dying import INPUT
from tests.support.poisoned import lives
from tests.support.rooms import Home, open_home
from tests.support.waiting import until

NEIGHBOURS = 5


@pytest.mark.slow
async def test_only_the_execution_that_kills_its_process_ends_as_worker_lost(
    tmp_path: Path, database_url: str
) -> None:
    work = {"folder": str(tmp_path), "url": database_url, "neighbours": NEIGHBOURS}
    lived: list[int] = []
    for life in range(4):
        together = life < 2
        lived.append(await lives({**work, "first": life == 0, "long_enough": together}))
    assert lived == [-9, -9, -9, 0]
    async with open_home(tmp_path, database_url=database_url, worker=False):
        rows = await Execution.all().prefetch_related("bot")
        ends = {(row.bot.name, row.status.value) for row in rows}
        guilty = next(row for row in rows if row.bot.name == "Poison")
    assert ends == {("Poison", "failed"), ("Innocent", "completed")}
    assert guilty.error["kind"] == "worker_lost"
    alone = (tmp_path / "diary").read_text().splitlines()[2 * (NEIGHBOURS + 1) :]
    assert all(line.endswith("beside 0") for line in alone), alone
    assert len([line for line in alone if line.startswith("poison")]) == 1


class Calls:
    """How many calls are under way at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.go = asyncio.Event()

    async def __call__(self, arguments: dict[str, object], context: ToolContext) -> str:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.go.wait()
        finally:
            self.now -= 1
        return "done"


async def test_one_that_does_no_harm_for_a_while_is_acquitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "ALONE_SECONDS", 0.2)
    calls = Calls()
    tool = Tool("long", "Takes long.", calls, input=INPUT, idempotent=True)
    async with open_home(tmp_path, tools=[tool], worker=False) as home:
        suspects = [await waiting_suspect(home) for _ in range(2)]
        await home.rooms.engine.runner.isolate_left()
        await until(lambda: calls.now == 2)
        losses = await Execution.filter(status=ExecutionStatus.RUNNING).values_list(
            "losses", flat=True
        )
        assert next(iter(losses)) == 0
        calls.go.set()
        ends = [(await home.ended(row)).status for row in suspects]
    assert ends == [ExecutionStatus.COMPLETED] * 2


async def test_a_long_call_beside_it_does_not_keep_it_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has run for a while without harm needs no more proof; else one call of an hour would
    stop a worker from taking anything for an hour."""
    monkeypatch.setattr(isolation, "ALONE_SECONDS", 0.2)
    calls = Calls()
    tool = Tool("long", "Takes long.", calls, input=INPUT, idempotent=True)
    async with open_home(tmp_path, tools=[tool], worker=False) as home:
        suspect = await waiting_suspect(home)
        other = await home.start(await home.bot("use long with { text: 'i' }"), {"text": "y"})
        await until(lambda: calls.now == 1)
        await home.rooms.engine.runner.isolate_left()
        await until(lambda: calls.now == 2)
        calls.go.set()
        ends = [(await home.ended(row)).status for row in (suspect, other)]
    assert ends == [ExecutionStatus.COMPLETED] * 2


async def waiting_suspect(home: Home) -> Execution:
    """As it lies there after two processes were lost with it."""
    bot = await home.bot("use long with { text: 'i' }", f"Long {new_uuid()}")
    home.rooms.engine.runner.runs.max_running = 0
    row = await home.start(bot, {"text": "x"})
    await Execution.filter(id=row.id).update(losses=2)
    home.rooms.engine.runner.runs.max_running = 8
    home.rooms.engine.runner.runs.changed()
    return row


async def test_what_is_started_meanwhile_waits_and_then_runs(tmp_path: Path) -> None:
    calls = Calls()
    tool = Tool("long", "Takes long.", calls, input=INPUT, idempotent=True)
    async with open_home(tmp_path, tools=[tool]) as home:
        suspect = await waiting_suspect(home)
        home.rooms.bus.queue.ready(Ready(suspect.id, suspect.workspace_id, suspect.bot_id))
        await until(lambda: calls.now == 1)
        other = await home.start(await home.bot("use long with { text: 'i' }"), {"text": "y"})
        assert (await executions.get(home.owner, other.id)).status is ExecutionStatus.PENDING
        calls.go.set()
        assert (await home.ended(suspect)).status is ExecutionStatus.COMPLETED
        assert (await home.ended(other)).status is ExecutionStatus.COMPLETED
        assert await Step.filter(execution_id=suspect.id, key="#acquitted").count() == 0
    assert calls.most == 1


async def test_of_a_bot_with_a_limit_a_suspect_runs_alone_in_its_place(tmp_path: Path) -> None:
    calls = Calls()
    tool = Tool("long", "Takes long.", calls, input=INPUT, idempotent=True)
    async with open_home(tmp_path, tools=[tool]) as home:
        suspect = await waiting_suspect(home)
        await Bot.filter(id=suspect.bot_id).update(max_running=1)
        home.rooms.bus.queue.ready(Ready(suspect.id, suspect.workspace_id, suspect.bot_id))
        await until(lambda: calls.now == 1)
        row = await executions.get(home.owner, suspect.id)
        assert (row.status, row.attempt) == (ExecutionStatus.RUNNING, 1)
        calls.go.set()
        assert (await home.ended(suspect)).status is ExecutionStatus.COMPLETED
