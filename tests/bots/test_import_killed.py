"""F44: a process that is killed in the middle of an import leaves all of it or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.bots import importing
from server.bots import service as bots
from server.bots.importing import Decisions, Resolution
from server.core.paging import MAX_PAGE
from server.models.tables import Bot, BotVersion, Bundle, DraftEdit
from server.workspaces.listing import PageAsk
from tests.bots.dying_import import COUNT, dies
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def sources(home: Home) -> dict[str, str]:
    rows = (await bots.list_bots(home.owner, PageAsk(first=MAX_PAGE))).rows
    return {bot.name: bot.source for bot in rows}


@pytest.mark.parametrize("at", [1, COUNT, COUNT + 1], ids=["first", "last", "after the commit"])
async def test_all_or_nothing_and_then_all(  # F44
    tmp_path: Path, database_url: str | None, at: int
) -> None:
    await dies(tmp_path, database_url, at)
    async with open_home(
        tmp_path, gateway=ScriptedGateway(), database_url=database_url, worker=False
    ) as home:
        left = await sources(home)
        if at <= COUNT:
            assert left == {"Bot 0": 'a { "goal": "Mine" }'}
            assert await BotVersion.all().count() == await DraftEdit.all().count() == 0
        bundle = await Bundle.get()
        await importing.apply(home.owner, bundle.id, Decisions(Resolution.OVERWRITE))
        found = await sources(home)
        assert len(found) == COUNT
        assert found["Bot 0"] == 'a { "goal": "Do 0" }\n'
        assert await BotVersion.filter(name="one").count() == COUNT
        assert await Bot.filter(deleted_at=None).count() == COUNT
