from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.bots import drafts, publishing
from server.bots import service as bots
from server.bots.drafts import DraftMoved
from server.bots.programs import ProgramRefused
from server.bots.service import BotFilter, BotOrder, NameTaken
from server.bots.versions import freeze
from server.core.errors import Denied, Invalid, InvalidState, NotFound, TooLarge
from server.core.ids import new_uuid
from server.models.enums import BotState, Role
from server.models.tables import BotVersion, Workspace
from server.workspaces.access import ROLE_SCOPES, Viewer
from server.workspaces.listing import PageAsk
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

WRITER = 'news_writer { "goal": "Write the news. Keep it short.", "model": "openai:gpt-4o-mini" }'


@pytest.fixture
async def home(tmp_path: Path, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(
        tmp_path, gateway=ScriptedGateway(), database_url=database_url, worker=False
    ) as home:
        yield home


def as_role(viewer: Viewer, role: Role) -> Viewer:
    return replace(viewer, role=role, scopes=ROLE_SCOPES[role])


async def test_a_bot_is_called_after_its_first_entity_and_shows_what_it_is(home: Home) -> None:
    bot = await bots.create(home.owner, WRITER)
    assert bot.name == "News writer"
    assert bot.description == "Write the news"
    assert bot.state is BotState.DRAFT
    [entity] = bot.summary["entities"]
    assert (entity["name"], entity["model"]) == ("news_writer", "openai:gpt-4o-mini")
    again = await bots.create(home.owner, WRITER)
    assert again.name == "News writer 2"


async def test_triggers_are_told_in_words(home: Home) -> None:
    bot = await bots.create(home.owner, 'a { "goal": "Go", "trigger": "schedule:daily@9am" }')
    assert bot.summary["triggers"] == ["Daily at 9am"]


async def test_a_program_with_mistakes_makes_no_bot_and_names_them_all(home: Home) -> None:
    with pytest.raises(ProgramRefused) as refused:
        await bots.create(home.owner, 'a { "goal": "" }\nb { "model": "x" }')
    kinds = [one.kind for one in refused.value.diagnostics if one.severity == "error"]
    assert kinds == ["missing_goal", "missing_goal"]
    assert (await bots.list_bots(home.owner)).rows == []


async def test_two_bots_cannot_have_one_name(home: Home) -> None:
    await bots.create(home.owner, WRITER, "Digest")
    with pytest.raises(NameTaken):
        await bots.create(home.owner, WRITER, "  dIGEST ")
    with pytest.raises(Invalid):
        await bots.create(home.owner, WRITER, "   ")


async def test_a_huge_program_is_refused(home: Home) -> None:
    with pytest.raises(TooLarge):
        await bots.create(home.owner, WRITER + "\n#" + "x" * 600_000)


async def test_a_draft_saved_meanwhile_is_not_overwritten(home: Home) -> None:
    bot = await bots.create(home.owner, WRITER)
    saved = await drafts.save(home.owner, bot.id, WRITER + "\n# mine", 1)
    assert saved.draft_version == 2
    with pytest.raises(DraftMoved) as moved:
        await drafts.save(home.owner, bot.id, WRITER + "\n# yours", 1)
    assert moved.value.current_version == 2
    assert (await bots.get(home.owner, bot.id)).source.endswith("# mine")


async def test_of_two_savers_at_once_one_wins(home: Home) -> None:
    bot = await bots.create(home.owner, WRITER)
    saves = [drafts.save(home.owner, bot.id, f"{WRITER}\n# {n}", 1) for n in range(5)]
    results = await asyncio.gather(*saves, return_exceptions=True)
    assert sum(not isinstance(result, Exception) for result in results) == 1


async def test_a_draft_may_have_mistakes_but_is_not_published(home: Home) -> None:
    bot = await bots.create(home.owner, WRITER)
    saved = await drafts.save(home.owner, bot.id, "a {", 1)
    assert saved.summary["valid"] is False
    assert saved.summary["entities"][0]["name"] == "news_writer"
    with pytest.raises(ProgramRefused):
        await publishing.publish(home.owner, bot.id)


async def test_the_same_text_is_the_same_version(home: Home) -> None:
    bot = await bots.create(home.owner, WRITER)
    first, again = await freeze(bot), await freeze(bot)
    assert first.id == again.id
    changed = await drafts.save(home.owner, bot.id, WRITER + "\n# new", 1)
    second = await freeze(changed)
    assert (first.number, second.number) == (1, 2)
    restored = await drafts.restore(home.owner, bot.id, first.id)
    assert restored.source == WRITER
    assert (await freeze(restored)).id == first.id


async def test_freezing_at_once_makes_one_version(home: Home) -> None:
    bot = await bots.create(home.owner, WRITER)
    versions = await asyncio.gather(*(freeze(bot) for _ in range(5)))
    assert len({version.id for version in versions}) == 1
    assert await BotVersion.filter(bot_id=bot.id).count() == 1


async def test_publishing_makes_a_bot_active(home: Home) -> None:
    bot = await publishing.publish(home.owner, (await bots.create(home.owner, WRITER)).id)
    assert bot.state is BotState.ACTIVE
    assert bot.published_version_id is not None


async def test_a_version_of_another_bot_is_not_found(home: Home) -> None:
    one = await bots.create(home.owner, WRITER)
    two = await bots.create(home.owner, WRITER)
    foreign = await freeze(two)
    with pytest.raises(NotFound):
        await drafts.restore(home.owner, one.id, foreign.id)


async def test_a_deleted_bot_is_gone_and_its_name_is_free(home: Home) -> None:
    bot = await bots.create(home.owner, WRITER, "Digest")
    await bots.delete(home.owner, bot.id)
    with pytest.raises(NotFound):
        await bots.get(home.owner, bot.id)
    assert (await bots.create(home.owner, WRITER, "Digest")).name == "Digest"


async def test_archived_and_back(home: Home) -> None:
    bot = await bots.create(home.owner, WRITER)
    assert (await publishing.archive(home.owner, bot.id)).state is BotState.ARCHIVED
    assert (await publishing.unarchive(home.owner, bot.id)).state is BotState.DRAFT
    with pytest.raises(InvalidState):
        await publishing.unarchive(home.owner, bot.id)


async def test_the_list_pages_both_ways_without_gap_or_repeat(home: Home) -> None:
    for number in range(7):
        await bots.create(home.owner, WRITER, f"Bot {number}")
    order = BotOrder("name", descending=False)
    seen: list[str] = []
    after = None
    while True:
        page = await bots.list_bots(home.owner, PageAsk(first=3, after=after), None, order)
        seen += [row.name for row in page.rows]
        if not page.has_next:
            break
        after = page.cursor(page.rows[-1])
    assert seen == [f"Bot {number}" for number in range(7)]
    end = page.cursor(page.rows[0])
    back = await bots.list_bots(home.owner, PageAsk(last=2, before=end), None, order)
    assert [row.name for row in back.rows] == ["Bot 4", "Bot 5"]
    assert back.has_previous
    assert await page.count() == 7


async def test_the_list_is_filtered_by_name_and_state(home: Home) -> None:
    await bots.create(home.owner, WRITER, "Morning news")
    other = await bots.create(home.owner, WRITER, "Evening NEWS")
    await bots.create(home.owner, WRITER, "Weather")
    await publishing.publish(home.owner, other.id)
    by_name = await bots.list_bots(home.owner, where=BotFilter(name_contains="news"))
    assert {row.name for row in by_name.rows} == {"Morning news", "Evening NEWS"}
    active = await bots.list_bots(home.owner, where=BotFilter(states=[BotState.ACTIVE]))
    assert [row.name for row in active.rows] == ["Evening NEWS"]
    assert (await bots.find(home.owner, "weather")) is not None


async def test_another_workspace_sees_nothing(home: Home) -> None:
    bot = await bots.create(home.owner, WRITER)
    elsewhere = await Workspace.create(name="Elsewhere")
    stranger = replace(home.owner, workspace_id=elsewhere.id, user_id=new_uuid())
    assert (await bots.list_bots(stranger)).rows == []
    with pytest.raises(NotFound):
        await bots.get(stranger, bot.id)
    with pytest.raises(NotFound):
        await drafts.save(stranger, bot.id, WRITER, 1)
    with pytest.raises(NotFound):
        await bots.delete(stranger, bot.id)


async def test_a_viewer_reads_and_changes_nothing(home: Home) -> None:
    bot = await bots.create(home.owner, WRITER)
    viewer = as_role(home.owner, Role.VIEWER)
    assert (await bots.get(viewer, bot.id)).id == bot.id
    for attempt in (
        bots.create(viewer, WRITER),
        drafts.save(viewer, bot.id, WRITER, 1),
        publishing.publish(viewer, bot.id),
        bots.delete(viewer, bot.id),
    ):
        with pytest.raises(Denied):
            await attempt
