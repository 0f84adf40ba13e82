from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.bots import drafts, exporting, importing, publishing, tags, uploads
from server.bots import service as bots
from server.bots.bundle import BundledBot, Contents, Stub, pack
from server.bots.exporting import HoldsSecret
from server.bots.importing import Decisions, ItemStatus, Preview, Resolution, Undecided
from server.bots.publishing import Words
from server.core.errors import Conflict, Denied, NotFound
from server.core.ids import new_uuid
from server.models.enums import BotState, Role
from server.models.tables import (
    Bot,
    BotVersion,
    Bundle,
    Connection,
    DraftEdit,
    Execution,
    Workspace,
)
from server.workspaces.access import ROLE_SCOPES, Viewer
from tests.bots.test_bundle import bundle as bundle_of
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

WRITER = 'writer { "goal": "Write", "model": "openai:gpt-4o-mini" }\n'
BROKEN = "writer {"


@pytest.fixture
async def home(tmp_path: Path, database_url: str) -> AsyncIterator[Home]:
    async with open_home(
        tmp_path, gateway=ScriptedGateway(), database_url=database_url, worker=False
    ) as home:
        yield home


@pytest.fixture
async def elsewhere(home: Home) -> Viewer:
    """Another workspace: where bundles arrive."""
    place = await Workspace.create(name="Elsewhere")
    return replace(home.owner, workspace_id=place.id)


async def brought(viewer: Viewer, *bundled: BundledBot) -> Bundle:
    return await uploads.keep(viewer, "b.zip", pack(Contents(bundled)))


async def looked_at(viewer: Viewer, bundle: Bundle) -> Preview:
    return await importing.preview(viewer, bundle.id, ())


async def living(viewer: Viewer) -> dict[str, Bot]:
    return {bot.name: bot for bot in (await bots.list_bots(viewer)).rows}


async def test_bots_travel_whole_and_come_back_equal(  # S57
    home: Home, elsewhere: Viewer
) -> None:
    news = await bots.create(home.owner, WRITER, "News / daily")
    await tags.set_tags(home.owner, news.id, ["b", "A"])
    await publishing.publish(home.owner, news.id, words=Words("First", "It writes."))
    broken = await bots.create(home.owner, WRITER, "Broken")
    await drafts.save(home.owner, broken.id, BROKEN, 1)
    data = await exporting.export(home.owner)

    bundle = await uploads.keep(elsewhere, "bots.zip", data)
    found = await looked_at(elsewhere, bundle)
    assert [(item.bundled.name, item.status, item.mistakes > 0) for item in found.items] == [
        ("Broken", ItemStatus.CREATE, True),
        ("News / daily", ItemStatus.CREATE, False),
    ]
    assert found.items[1].missing_connections == ("openai",)
    assert await living(elsewhere) == {}

    await importing.apply(elsewhere, bundle.id)
    there = (await living(elsewhere))["News / daily"]
    assert (there.state, there.published_version_id) == (BotState.DRAFT, None)
    version = await BotVersion.get(bot_id=there.id)
    assert (version.name, version.note) == ("First", "It writes.")
    assert await exporting.export(elsewhere) == data


async def test_the_same_bundle_again_changes_nothing(elsewhere: Viewer) -> None:
    bundle = await brought(elsewhere, BundledBot("A", WRITER, ("x",)), BundledBot("B", BROKEN))
    await importing.apply(elsewhere, bundle.id)
    before = await Bot.filter(workspace_id=elsewhere.workspace_id).order_by("id").values()
    again = await looked_at(elsewhere, bundle)
    assert again.count(ItemStatus.UNCHANGED) == 2
    await importing.apply(elsewhere, bundle.id)
    assert await Bot.filter(workspace_id=elsewhere.workspace_id).order_by("id").values() == before
    assert await DraftEdit.all().count() == 0


async def test_a_newer_bundle_replaces_drafts_that_nobody_touched(elsewhere: Viewer) -> None:
    await importing.apply(elsewhere, (await brought(elsewhere, BundledBot("A", WRITER))).id)
    bot = (await living(elsewhere))["A"]
    live = (await publishing.publish(elsewhere, bot.id)).published_version_id
    newer = await brought(elsewhere, BundledBot("A", WRITER + "# 2", ("new",)))
    assert (await looked_at(elsewhere, newer)).items[0].status is ItemStatus.UPDATE
    await importing.apply(elsewhere, newer.id)
    bot = (await living(elsewhere))["A"]
    assert (bot.source, bot.published_version_id) == (WRITER + "# 2", live)
    assert (await drafts.undo(elsewhere, bot.id, bot.draft_version)).source == WRITER


async def test_what_was_changed_here_waits_for_a_word(elsewhere: Viewer) -> None:
    for name in ("A", "B", "C"):
        await bots.create(elsewhere, WRITER + f"# mine {name}", name)
    theirs = [BundledBot(name, WRITER + f"# theirs {name}") for name in ("A", "B", "C", "New")]
    bundle = await brought(elsewhere, *theirs)
    assert (await looked_at(elsewhere, bundle)).count(ItemStatus.CONFLICT) == 3
    with pytest.raises(Undecided, match="A, B, C"):
        await importing.apply(elsewhere, bundle.id)
    assert "New" not in await living(elsewhere)
    with pytest.raises(Undecided, match=r"bundle: C\."):
        await importing.apply(
            elsewhere,
            bundle.id,
            Decisions(by_name={"a": Resolution.SKIP, "B": Resolution.SKIP}),
        )
    decided = Decisions(Resolution.SKIP, {"B": Resolution.OVERWRITE, "C": Resolution.COPY})
    await importing.apply(elsewhere, bundle.id, decided)
    texts = {name: bot.source.partition("# ")[2] for name, bot in (await living(elsewhere)).items()}
    assert texts == {
        "A": "mine A",
        "B": "theirs B",
        "C": "mine C",
        "C 2": "theirs C",
        "New": "theirs New",
    }


async def test_all_of_it_or_nothing(elsewhere: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = await brought(elsewhere, BundledBot("A", WRITER, ("x",)), BundledBot("B", WRITER))
    real = tags.put

    async def fails(bot: Bot, names: object) -> None:
        await real(bot, names)  # type: ignore[arg-type]
        if bot.name == "B":
            raise Conflict("The last one fails.")

    monkeypatch.setattr(tags, "put", fails)
    with pytest.raises(Conflict):
        await importing.apply(elsewhere, bundle.id)
    assert await living(elsewhere) == {}
    assert await tags.all_tags(elsewhere) == []


async def test_a_bundle_never_makes_a_bot_forget_its_executions(elsewhere: Viewer) -> None:
    rule = {"maxAgeDays": None, "maxCount": 0, "statuses": ["completed"]}
    await bots.create(elsewhere, WRITER, "Old")
    named = [BundledBot("Old", WRITER, retention=rule), BundledBot("New", WRITER, retention=rule)]
    await importing.apply(elsewhere, (await brought(elsewhere, *named)).id)
    found = await living(elsewhere)
    assert found["Old"].retention is None
    assert found["New"].retention == rule


async def test_what_a_bundle_smuggles_in_does_nothing(elsewhere: Viewer) -> None:  # S57
    """Ids, a schedule, a webhook, keys and whatever else a stranger wrote beside the program."""
    name, key = "<script>alert(1)</script>", "sk-canary-0123456789abcdef"
    more = {
        "name": name,
        "id": "bot_00000000000000000000000001",
        "workspaceId": "wsp_00000000000000000000000001",
        "state": "ACTIVE",
        "publishedVersionId": "ver_00000000000000000000000001",
        "schedule": {"cron": "* * * * *", "active": True},
        "webhook": {"secret": key},
        "onImport": "run()",
    }
    stub = {"kind": "model", "provider": "openai", "name": "openai", "apiKey": key}
    data = bundle_of(bot=more, connections=[stub], env={"K": key})
    bundle = await uploads.keep(elsewhere, "b.zip", data)
    found = await looked_at(elsewhere, bundle)
    assert await living(elsewhere) == {}
    assert key not in repr(found)

    await importing.apply(elsewhere, bundle.id)
    bot = (await living(elsewhere))[name]
    assert (bot.state, bot.published_version_id) == (BotState.DRAFT, None)
    assert (bot.workspace_id, bot.id.int > 1) == (elsewhere.workspace_id, True)
    assert key not in repr(dict(bot))
    assert await Execution.all().count() == 0
    assert await Connection.all().count() == 0


async def test_a_key_in_a_text_is_not_exported(home: Home) -> None:  # S63
    await bots.create(home.owner, 'w { "goal": "Explain Bearer authentication" }', "Words")
    assert len(await exporting.export(home.owner)) > 0
    bot = await bots.create(home.owner, 'w { "goal": "Use sk-canary-4f9a8b7c6d5e4f3a" }', "Leaky")
    with pytest.raises(HoldsSecret, match="Leaky"):
        await exporting.export(home.owner)
    with pytest.raises(HoldsSecret):
        await exporting.export(home.owner, [bot.id])


async def test_only_ones_own_bots_and_bundles(  # S57, S63
    home: Home, elsewhere: Viewer
) -> None:
    bot = await bots.create(home.owner, WRITER, "Mine")
    with pytest.raises(NotFound):
        await exporting.export(elsewhere, [bot.id])
    bundle = await brought(home.owner, BundledBot("A", WRITER))
    for stranger in (elsewhere, replace(home.owner, user_id=new_uuid())):
        with pytest.raises(NotFound):
            await looked_at(stranger, bundle)
        with pytest.raises(NotFound):
            await importing.apply(stranger, bundle.id)
    viewer = replace(home.owner, role=Role.VIEWER, scopes=ROLE_SCOPES[Role.VIEWER])
    with pytest.raises(Denied):
        await uploads.keep(viewer, "b.zip", pack(Contents()))


async def test_few_bundles_are_kept(home: Home) -> None:
    for number in range(uploads.MOST_KEPT + 3):
        await uploads.keep(home.owner, f"{number}.zip", pack(Contents()))
    assert await Bundle.all().count() == uploads.MOST_KEPT


async def test_only_what_is_used_is_named(home: Home) -> None:
    from server.models.enums import ConnectionStatus
    from server.models.tables import Connection

    for kind, name in (("openai", "Ours"), ("groq", "Unused")):
        await Connection.create(
            workspace_id=home.owner.workspace_id,
            kind=kind,
            name=name,
            name_key=name.casefold(),
            settings={"baseUrl": "https://user:hunter22@example.org"},
            status=ConnectionStatus.UNCONFIGURED,
        )
    await bots.create(home.owner, WRITER, "News")
    data = await exporting.export(home.owner)
    assert (await exporting.contents(home.owner)).connections == (Stub("openai", "Ours"),)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"hunter22" not in everything
    assert b"example.org" not in everything
