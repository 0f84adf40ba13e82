from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.bots import bulk, drafts, publishing, tags
from server.bots import service as bots
from server.bots.bulk import BotAction
from server.bots.comparing import compare
from server.bots.publishing import Words
from server.bots.service import BotFilter
from server.core.errors import Denied, Invalid, InvalidState, LimitReached, NotFound
from server.core.ids import new_uuid
from server.models.enums import BotState, Role
from server.models.tables import AuditEntry, BotVersion
from server.workspaces.access import ROLE_SCOPES
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

WRITER = 'writer { "goal": "Write" }\n'
PURE = 'processor ("same") { "result" }'


@pytest.fixture
async def home(tmp_path: Path, database_url: str) -> AsyncIterator[Home]:
    async with open_home(tmp_path, gateway=ScriptedGateway(), database_url=database_url) as home:
        yield home


async def versions(home: Home, bot_id: object) -> list[BotVersion]:
    return await BotVersion.filter(bot_id=bot_id).order_by("number")


async def test_a_version_goes_live_with_words_and_an_earlier_one_again(home: Home) -> None:
    bot = await home.bot(WRITER)
    await publishing.publish(home.owner, bot.id, words=Words(" First  one ", "It writes."))
    await drafts.save(home.owner, bot.id, WRITER + "# new", 1)
    live = await publishing.publish(home.owner, bot.id)
    one, two = await versions(home, bot.id)
    assert (one.name, one.note, one.author_id) == ("First one", "It writes.", home.owner.user_id)
    assert live.published_version_id == two.id
    back = await publishing.publish(home.owner, bot.id, one.id)
    assert back.published_version_id == one.id
    assert back.source == WRITER + "# new"
    assert len(await versions(home, bot.id)) == 2
    told = await AuditEntry.filter(subject_id=bot.id, action="bot.published").order_by("id")
    passed = [(entry.before, entry.after) for entry in told]
    none, first, second = {"version": None}, {"version": 1}, {"version": 2}
    assert passed == [(none, first), (first, second), (second, first)]


async def test_unpublished_nothing_is_live_and_nothing_is_lost(home: Home) -> None:
    bot = await home.bot(WRITER)
    with pytest.raises(InvalidState):
        await publishing.unpublish(home.owner, bot.id)
    await publishing.publish(home.owner, bot.id)
    gone = await publishing.unpublish(home.owner, bot.id)
    assert (gone.published_version_id, gone.state) == (None, BotState.PAUSED)
    assert len(await versions(home, bot.id)) == 1


async def test_what_was_live_once_is_never_again_called_unpublished(home: Home) -> None:
    bot = await home.bot(WRITER)
    await publishing.publish(home.owner, bot.id)
    await publishing.unpublish(home.owner, bot.id)
    with pytest.raises(InvalidState, match="No version of"):
        await publishing.resume(home.owner, bot.id)
    await publishing.archive(home.owner, bot.id)
    assert (await publishing.unarchive(home.owner, bot.id)).state is BotState.PAUSED
    assert (await publishing.publish(home.owner, bot.id)).state is BotState.ACTIVE


async def test_the_states_of_a_life(home: Home) -> None:
    bot = await home.bot(WRITER)
    with pytest.raises(InvalidState):
        await publishing.pause(home.owner, bot.id)
    await publishing.publish(home.owner, bot.id)
    assert (await publishing.pause(home.owner, bot.id)).state is BotState.PAUSED
    assert (await publishing.publish(home.owner, bot.id)).state is BotState.PAUSED
    assert (await publishing.resume(home.owner, bot.id)).state is BotState.ACTIVE
    await publishing.archive(home.owner, bot.id)
    with pytest.raises(InvalidState, match="archived"):
        await publishing.publish(home.owner, bot.id)
    assert (await publishing.unarchive(home.owner, bot.id)).state is BotState.PAUSED


async def test_a_draft_is_named_without_being_live(home: Home) -> None:
    bot = await home.bot(WRITER)
    named = await publishing.name_draft(home.owner, bot.id, Words("Before the holidays"), 1)
    assert (named.number, named.name) == (1, "Before the holidays")
    again = await publishing.name_draft(home.owner, bot.id, Words("Better name", "A note"))
    assert (again.id, again.name, again.note) == (named.id, "Better name", "A note")
    told = await publishing.annotate(home.owner, named.id, Words(note=""))
    assert (told.name, told.note) == ("Better name", "")
    with pytest.raises(Invalid, match="4000"):
        await publishing.annotate(home.owner, named.id, Words(note="x" * 4001))
    stranger = replace(home.owner, workspace_id=new_uuid())
    with pytest.raises(NotFound):
        await publishing.annotate(stranger, named.id, Words("Mine"))
    other = replace(home.owner, bot_ids=frozenset({new_uuid()}))
    with pytest.raises(NotFound):
        await publishing.annotate(other, named.id, Words("Mine"))


async def test_executions_are_counted_by_version(home: Home) -> None:
    bot = await home.bot(PURE)
    await home.ended(await home.start(bot, 1))
    await drafts.save(home.owner, bot.id, PURE + "\n# two", 1)
    for _ in range(2):
        await home.ended(await home.start(bot, 1))
    one, two = await versions(home, bot.id)
    await home.ended(await home.start(bot, 1, version_id=one.id))
    places = [(bot.id, version_id) for version_id in (one.id, two.id, new_uuid())]
    counted = await publishing.execution_counts(home.owner, places)
    assert list(counted.values()) == [2, 2, 0]


def test_two_texts_are_compared_by_line_and_by_meaning() -> None:
    found = compare(WRITER + "# a\n", WRITER.replace("Write", "Sum up") + "# a\n")
    assert [(line.kind, line.old, line.new) for line in found.lines] == [
        ("removed", 1, None),
        ("added", None, 1),
        ("same", 2, 2),
    ]
    assert (found.added, found.removed) == (1, 1)
    assert found.changes is not None
    assert [change.kind for change in found.changes] == ["goal_changed"]
    assert "goal" in found.summary
    assert compare("a {", WRITER).changes is None
    assert compare("x\n" * 10_001, "y\n" * 10_001).removed == 10_001


async def test_bots_are_found_by_tag_and_by_text(home: Home) -> None:
    news = await bots.create(home.owner, WRITER, "News")
    other = await bots.create(home.owner, WRITER, "Weather")
    await tags.set_tags(home.owner, news.id, ["Daily ", "daily", "Customer  service"])
    await tags.change_tags(home.owner, other.id, add=["DAILY"])
    assert (await tags.of_bots([news.id]))[news.id] == ["Customer service", "Daily"]
    assert await tags.all_tags(home.owner) == [("Customer service", 1), ("DAILY", 2)]

    async def found(**where: object) -> set[str]:
        page = await bots.list_bots(home.owner, where=BotFilter(**where))  # type: ignore[arg-type]
        return {bot.name for bot in page.rows}

    assert await found(tag_in=["dAily"]) == {"News", "Weather"}
    assert await found(tag_contains="serv") == {"News"}
    assert await found(text="custom") == {"News"}
    assert await found(text="weath") == {"Weather"}
    await tags.change_tags(home.owner, news.id, remove=["daily"])
    assert await found(tag_in=["daily"]) == {"Weather"}
    with pytest.raises(LimitReached):
        await tags.set_tags(home.owner, news.id, [f"t{n}" for n in range(21)])
    with pytest.raises(Invalid):
        await tags.set_tags(home.owner, news.id, ["x" * 51])


async def test_a_copy_has_all_but_the_versions(home: Home) -> None:
    bot = await bots.create(home.owner, WRITER, "News")
    await tags.set_tags(home.owner, bot.id, ["daily"])
    await publishing.publish(home.owner, bot.id)
    copy = await bots.duplicate(home.owner, bot.id)
    assert (copy.name, copy.source, copy.state) == ("News copy", WRITER, BotState.DRAFT)
    assert (await tags.of_bots([copy.id]))[copy.id] == ["daily"]
    assert (await bots.duplicate(home.owner, bot.id)).name == "News copy 2"


async def test_one_act_on_many_says_what_became_of_each(home: Home) -> None:
    one, two = await bots.create(home.owner, WRITER), await bots.create(home.owner, WRITER)
    await publishing.publish(home.owner, one.id)
    gone = new_uuid()
    outcomes = await bulk.act(home.owner, [one.id, two.id, gone], BotAction.PAUSE)
    assert [outcome.bot.state if outcome.bot else None for outcome in outcomes] == [
        BotState.PAUSED,
        None,
        None,
    ]
    assert isinstance(outcomes[1].error, InvalidState)
    assert isinstance(outcomes[2].error, NotFound)
    await bulk.act(home.owner, [one.id, two.id], BotAction.TAG, ["x"])
    assert await tags.all_tags(home.owner) == [("x", 2)]
    await bulk.act(home.owner, [one.id, two.id], BotAction.DELETE)
    assert (await bots.list_bots(home.owner)).rows == []
    assert await tags.all_tags(home.owner) == []
    for wrong in (
        bulk.act(home.owner, [one.id], BotAction.TAG),
        bulk.act(home.owner, [one.id], BotAction.PAUSE, ["x"]),
    ):
        with pytest.raises(Invalid):
            await wrong
    operator = replace(home.owner, role=Role.OPERATOR, scopes=ROLE_SCOPES[Role.OPERATOR])
    with pytest.raises(Denied):
        await bulk.act(operator, [one.id], BotAction.ARCHIVE)
