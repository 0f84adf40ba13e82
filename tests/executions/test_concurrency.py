"""How many executions of a bot run at once, as who starts them sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from server.bots import service as bots
from server.core.errors import Conflict, Invalid, InvalidState
from server.executions.concurrency import set_concurrency
from server.models.enums import ExecutionStatus, WaitingReason
from server.models.tables import Bot, Execution
from server.tools.base import Tool, ToolContext
from tests.support.dying import INPUT
from tests.support.rooms import Home, open_home
from tests.support.waiting import until

SOURCE = 'use slow with { text: "{{input}}" }'
COMPLETED = ExecutionStatus.COMPLETED


class Counting:
    """A tool that knows how many of its calls were under way at once."""

    def __init__(self) -> None:
        self.now, self.most, self.came = 0, 0, list[str]()
        self.gate = asyncio.Semaphore(0)

    async def __call__(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        self.now += 1
        self.most = max(self.most, self.now)
        self.came.append(arguments["text"])
        try:
            await self.gate.acquire()
        finally:
            self.now -= 1
        return "done"

    def let_go(self, count: int) -> None:
        for _ in range(count):
            self.gate.release()


@pytest.fixture
def slow() -> Counting:
    return Counting()


@pytest_asyncio.fixture
async def home(tmp_path: Path, slow: Counting) -> AsyncIterator[Home]:
    tool = Tool("slow", "Takes long.", slow, input=INPUT, idempotent=True)
    async with open_home(tmp_path, tools=[tool]) as home:
        yield home


async def limited(home: Home, limit: int | None = None, per_key: int | None = None) -> Bot:
    bot = await home.bot(SOURCE, "Limited")
    return await set_concurrency(home.owner, home.rooms.engine, bot.id, limit, per_key)


async def parked(bot: Bot) -> int:
    return await Execution.filter(bot_id=bot.id, waiting_reason=WaitingReason.QUEUE).count()


async def test_never_more_at_once_and_the_end_of_one_lets_the_next_go(
    home: Home, slow: Counting
) -> None:
    bot = await limited(home, limit=2)
    rows = [await home.start(bot, f"n{number}") for number in range(6)]
    assert all(row.status is ExecutionStatus.PENDING for row in rows)
    await until(lambda: len(slow.came) == 2)
    await until(lambda: _is(parked(bot), 4))
    slow.let_go(1)
    await until(lambda: len(slow.came) == 3, 2)  # at once: the look for lost ones comes later
    slow.let_go(10)
    assert {(await home.ended(row)).status for row in rows} == {COMPLETED}
    assert slow.most == 2


async def test_of_each_key_only_so_many_and_the_others_pass_by(home: Home, slow: Counting) -> None:
    bot = await limited(home, per_key=1)
    ann = [await home.start(bot, f"ann{n}", concurrency_key=" ann ") for n in range(3)]
    bob = await home.start(bot, "bob", concurrency_key="bob")
    free = await home.start(bot, "free")
    await until(lambda: {"ann0", "bob", "free"} == set(slow.came))
    assert (await Execution.get(id=ann[0].id)).concurrency_key == "ann"
    slow.let_go(10)
    for row in (*ann, bob, free):
        assert (await home.ended(row)).status is COMPLETED
    assert slow.came[-2:] == ["ann1", "ann2"]
    for wrong in ("", " ", "x" * 201, "a\x00b", "a\nb"):
        with pytest.raises(Invalid, match="1 to 200"):
            await home.start(bot, "x", concurrency_key=wrong)


async def test_what_waits_or_is_paused_takes_no_place(home: Home) -> None:
    bot = await home.bot('use ask with { message: "?" }', "Asking")
    await set_concurrency(home.owner, home.rooms.engine, bot.id, 1, None)
    rows = [await home.start(bot, "x") for _ in range(3)]
    for row in rows:
        await home.until(row, ExecutionStatus.WAITING)
    reasons = {row.waiting_reason for row in await Execution.filter(bot_id=bot.id)}
    assert reasons == {WaitingReason.APPROVAL}
    with pytest.raises(InvalidState, match="waiting; it is not paused") as refused:
        await home.control(rows[0], "resume")
    assert refused.value.hint is None


async def test_a_bot_that_starts_itself_does_not_wait_for_itself(home: Home) -> None:
    source = """use spawn_baleybot with { baleybot: "Leaf", input: "x" }"""
    leaf = await home.bot('processor ("same") { "result" }', "Leaf")
    top = await home.bot(source, "Top")
    for bot in (leaf, top):
        await set_concurrency(home.owner, home.rooms.engine, bot.id, 1, 1)
    row = await home.ended(await home.start(top, "x", concurrency_key="one"))
    assert row.status is COMPLETED
    child = await Execution.get(parent_id=row.id)
    assert (child.concurrency_key, child.status) == ("one", COMPLETED)


async def test_a_lost_message_is_found_by_the_look_for_lost_ones(
    home: Home, slow: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(bot_id: object) -> None:
        return None

    bot = await limited(home, limit=1)
    rows = [await home.start(bot, "x") for _ in range(2)]
    await until(lambda: _is(parked(bot), 1))
    monkeypatch.setattr(home.rooms.engine.runner.runs, "_freed", lost)
    slow.let_go(2)
    assert (await home.ended(rows[0])).status is COMPLETED
    await home.rooms.engine.places.look()
    assert (await home.ended(rows[1])).status is COMPLETED
    assert slow.most == 1


async def test_more_places_are_given_at_once_and_who_runs_goes_on(
    home: Home, slow: Counting
) -> None:
    bot = await limited(home, limit=1)
    rows = [await home.start(bot, "x") for _ in range(4)]
    await until(lambda: _is(parked(bot), 3))
    await set_concurrency(home.owner, home.rooms.engine, bot.id, 3, None)
    await until(lambda: len(slow.came) == 3, 2)
    await set_concurrency(home.owner, home.rooms.engine, bot.id, None, None)
    await until(lambda: len(slow.came) == 4, 2)
    slow.let_go(4)
    assert {(await home.ended(row)).status for row in rows} == {COMPLETED}


async def test_what_waits_for_a_place_can_be_cancelled_and_held(home: Home, slow: Counting) -> None:
    bot = await limited(home, limit=1)
    rows = [await home.start(bot, f"n{n}") for n in range(3)]
    await until(lambda: _is(parked(bot), 2))
    await home.control(rows[1], "cancel")
    await home.control(rows[2], "pause")
    slow.let_go(3)
    assert (await home.ended(rows[0])).status is COMPLETED
    assert slow.came == ["n0"]
    await home.control(rows[2], "resume")
    assert (await home.ended(rows[2])).status is COMPLETED
    assert slow.came == ["n0", "n2"]


async def test_a_limit_is_set_by_who_has_seen_the_last_one(home: Home) -> None:
    bot = await limited(home, limit=2, per_key=1)
    engine = home.rooms.engine
    with pytest.raises(Conflict):
        await set_concurrency(home.owner, engine, bot.id, 5, None, expected_version=1)
    for wrong in (0, -1, 10_001):
        with pytest.raises(Invalid, match="1 to 10,000"):
            await set_concurrency(home.owner, engine, bot.id, wrong, None)
    copy = await bots.duplicate(home.owner, bot.id)
    assert (copy.max_running, copy.max_running_per_key) == (2, 1)


async def _is(counted: Any, number: int) -> bool:
    return await counted == number
