from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from server.core.errors import Denied
from server.models.enums import ExecutionStatus
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

WAITS = "use wait with { seconds: 3600 }"


@pytest.fixture
async def home(tmp_path: Path, database_url: str) -> AsyncIterator[Home]:
    async with open_home(tmp_path, gateway=ScriptedGateway(), database_url=database_url) as home:
        yield home


async def test_what_is_open_and_what_the_last_minute_brought(home: Home) -> None:
    signs = home.rooms.vital_signs
    async with aclosing(signs.watch(home.owner)) as seen:
        quiet = await anext(seen)
        assert (quiet.queued, quiet.running, quiet.waiting, quiet.started) == (0, 0, 0, 0)
        await home.run('a { "goal": "Greet", "model": "one" }', "x")
        resting = await home.start(await home.bot(WAITS, "Rests"))
        await home.until(resting, ExecutionStatus.WAITING)
        busy = await anext(seen)
    assert (busy.queued, busy.running, busy.waiting) == (0, 0, 1)
    assert (busy.started, busy.failed, busy.calls) == (2, 0, 1)
    assert busy.tokens > 0
    assert busy.at > quiet.at


async def test_a_token_for_some_bots_counts_those_only(home: Home) -> None:
    await home.run('processor ("same") { "result" }', "x")
    other = await home.bot('processor ("same") { "result" }', "Other")
    narrow = replace(home.owner, bot_ids=frozenset({other.id}))
    async with aclosing(home.rooms.vital_signs.watch(narrow)) as seen:
        assert (await anext(seen)).started == 0


async def test_it_needs_the_right_to_see_executions(home: Home) -> None:
    nobody = replace(home.owner, scopes=frozenset())
    with pytest.raises(Denied):
        await anext(home.rooms.vital_signs.watch(nobody))
