"""A bot replayed from a recording: nobody is asked, nothing is done, and it says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.core.errors import Invalid, InvalidState
from server.core.ids import public_id
from server.costs import health
from server.executions import recordings
from server.executions.rerun import RerunRequest, rerun
from server.executions.retention import delete_executions
from server.executions.service import StartRequest
from server.healing import service as healing
from server.llm import kept_answers
from server.models.enums import ExecutionMode, ExecutionStatus
from server.models.tables import Bot, Execution, ModelCall, Recording, Usage
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks

SOURCE = """
finder { "goal": "Find", "model": "m", "tools": ["store_memory"] }
writer { "goal": "Write", "model": "n", "output": { "title": "string" } }
chain { finder writer use store_memory with { action: "set", key: "k", value: "{{result.title}}" } }
"""
MAPPED = """
one { "goal": "Say a number", "model": "m" }
map result { one }
"""


def answering() -> ScriptedGateway:
    setting = asks(("store_memory", {"action": "set", "key": "a", "value": "1"}))
    return ScriptedGateway({"m": [setting, "Found."], "n": ["No JSON", '{"title": "T"}']})


async def replayed(home: Home, bot: Bot, **more: Any) -> Execution:
    request = StartRequest(bot.id, mode=ExecutionMode.RECORDED, **more)
    return await home.ended(await recordings.start(home.owner, home.rooms.engine, request))


async def test_a_replay_asks_nobody_does_nothing_and_says_the_same(
    tmp_path: Path, database_url: str
) -> None:
    gateway = answering()
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        bot = await home.bot(SOURCE)
        live = await home.ended(await home.start(bot, "tea"))
        assert live.status is ExecutionStatus.COMPLETED
        asked, paid = gateway.calls.total(), await Usage.all().count()
        kept = await recordings.keep(home.owner, home.rooms.clock, live.id, "Tea")
        assert (kept.name, kept.answers) == ("Tea", 6)
        await delete_executions([live.id])
        again = await replayed(home, bot)
        assert (again.status, again.output) == (live.status, live.output)
        assert (again.input, again.cost_nano, again.total_tokens) == ("tea", 0, 0)
        assert gateway.calls.total() == asked
        assert await Usage.all().count() == paid
        calls = await ModelCall.filter(execution_id=again.id).order_by("id")
        assert {(one.source, one.cost_nano) for one in calls} == {("recorded", 0)}
        assert [one.repair for one in calls] == [False, False, False, True]
        assert all(call.messages is not None for call in calls)
        assert again.trigger["recording"]["name"] == "Tea"
        now = home.rooms.clock.now()
        assert (await kept_answers.size_of(home.owner, now)).answers == 0
        found = await health.provider_health(home.owner, home.rooms.clock)
        assert [one.requests for one in found] == []
        assert await healing.rates(home.owner, home.rooms.clock) == []


async def test_each_item_gets_its_own_answer_again(tmp_path: Path) -> None:
    gateway = ScriptedGateway({"m": [str(number) for number in range(8)]})
    async with open_home(tmp_path, gateway=gateway) as home:
        bot = await home.bot(MAPPED)
        live = await home.ended(await home.start(bot, ["same"] * 8))
        again = await replayed(home, bot)
        assert again.output == live.output
        assert gateway.calls.total() == 8


async def test_what_is_not_recorded_says_what_to_do(tmp_path: Path) -> None:
    async with open_home(tmp_path, gateway=answering()) as home:
        bot = await home.bot(SOURCE)
        with pytest.raises(InvalidState, match="Nothing of this bot is recorded") as nothing:
            await replayed(home, bot)
        assert "Run it live once" in (nothing.value.hint or "")
        live = await home.ended(await home.start(bot, "tea"))
        other = await replayed(home, bot, input="coffee")
        assert other.status is ExecutionStatus.FAILED
        assert other.error["kind"] == "not_recorded"
        assert "keep that execution as a recording" in other.error["hint"]
        (row,) = await Recording.all()
        assert row.execution_id == live.id


async def test_the_recording_of_the_same_input_is_the_one_that_is_meant(tmp_path: Path) -> None:
    gateway = ScriptedGateway({"m": ["one", "two"]})
    async with open_home(tmp_path, gateway=gateway) as home:
        bot = await home.bot('writer { "goal": "Write", "model": "m" }')
        for given in ("tea", "coffee"):
            live = await home.ended(await home.start(bot, given))
            await recordings.keep(home.owner, home.rooms.clock, live.id)
        assert (await replayed(home, bot, input="tea")).output == "one"
        assert (await replayed(home, bot)).output == "two"
        elsewhere = await home.bot('writer { "goal": "Write", "model": "m" }')
        named = public_id("recording", (await Recording.first()).id)  # type: ignore[union-attr]
        with pytest.raises(Invalid, match="another bot"):
            await replayed(home, elsewhere, recording=named)


async def test_a_repeat_is_kept_with_what_it_took_over(tmp_path: Path) -> None:
    source = """
    first { "goal": "First", "model": "m" }
    second { "goal": "Second", "model": "n" }
    chain { first second }
    """
    gateway = ScriptedGateway({"m": ["one"], "n": ["two", "three"]})
    async with open_home(tmp_path, gateway=gateway) as home:
        bot = await home.bot(source)
        live = await home.ended(await home.start(bot, "tea"))
        request = RerunRequest(live.id, from_step="chain/second")
        again = await home.ended(await rerun(home.owner, home.rooms.engine, request))
        kept = await recordings.keep(home.owner, home.rooms.clock, again.id)
        assert kept.answers == 2
        assert (await replayed(home, bot)).output == "three"
        assert gateway.calls.total() == 3
