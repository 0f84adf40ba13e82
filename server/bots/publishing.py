"""Versions and what they are for: frozen, named, made live, taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise.functions import Count
from tortoise.transactions import in_transaction

from server.bots import drafts, service
from server.bots.versions import freeze, version_of
from server.core.clock import Clock, SystemClock
from server.core.errors import Invalid, InvalidState, NotFound
from server.models.enums import BotState
from server.models.tables import Bot, BotVersion, Execution
from server.workspaces.access import Viewer, mine, require
from server.workspaces.audit import Change, Subject, record

CLOCK = SystemClock()
VERSION_NAME_LIMIT = 200
NOTE_LIMIT = 4_000


@dataclass(frozen=True, slots=True)
class Words:
    """What a person says about a version. None leaves what is there."""

    name: str | None = None
    note: str | None = None

    @property
    def columns(self) -> dict[str, str]:
        given = {"name": _name(self.name), "note": _note(self.note)}
        return {key: text for key, text in given.items() if text is not None}


async def publish(
    viewer: Viewer,
    bot_id: UUID,
    version_id: UUID | None = None,
    words: Words | None = None,
    expected_version: int | None = None,
    clock: Clock = CLOCK,
) -> Bot:
    """The draft, or an earlier version, becomes the one that triggers start."""
    require(viewer, "bots:publish")
    bot = await service.one(viewer, bot_id)
    if bot.state is BotState.ARCHIVED:
        raise InvalidState(f"{bot.name} is archived.", hint="Take it out of the archive first.")
    said = (words or Words()).columns
    version = await _wanted(viewer, bot, version_id, expected_version)
    before = bot.published_version_id
    bot.published_version_id = version.id
    if before is None:
        bot.state = BotState.ACTIVE
    live = {"published_at": clock.now(), "published_by_id": viewer.user_id}
    async with in_transaction():
        await BotVersion.filter(id=version.id).update(**said, **live)
        await bot.save(update_fields=["published_version_id", "state", "updated_at"])
        await _told(
            viewer,
            bot,
            "bot.published",
            {"version": await _number(before)},
            {"version": version.number},
        )
    return bot


async def unpublish(viewer: Viewer, bot_id: UUID) -> Bot:
    """Nothing is live any more; every version stays. A draft is what was never published: this one
    was, so it rests."""
    require(viewer, "bots:publish")
    bot = await service.one(viewer, bot_id)
    if bot.published_version_id is None:
        raise InvalidState(f"No version of {bot.name} is live.")
    before = {"version": await _number(bot.published_version_id)}
    bot.published_version_id = None
    if bot.state is not BotState.ARCHIVED:
        bot.state = BotState.PAUSED
    async with in_transaction():
        await bot.save(update_fields=["published_version_id", "state", "updated_at"])
        await _told(viewer, bot, "bot.unpublished", before, {"version": None})
    return bot


async def pause(viewer: Viewer, bot_id: UUID) -> Bot:
    """Its triggers rest; a person can still start it."""
    require(viewer, "bots:publish")
    bot = await service.one(viewer, bot_id)
    if bot.state is not BotState.ACTIVE:
        raise InvalidState(f"Only an active bot can be paused; {bot.name} is {bot.state.value}.")
    return await _enter(viewer, bot, BotState.PAUSED)


async def resume(viewer: Viewer, bot_id: UUID) -> Bot:
    require(viewer, "bots:publish")
    bot = await service.one(viewer, bot_id)
    if bot.state is not BotState.PAUSED:
        raise InvalidState(f"{bot.name} is not paused.")
    if bot.published_version_id is None:
        raise InvalidState(f"No version of {bot.name} is live.", hint="Publish one of them.")
    return await _enter(viewer, bot, BotState.ACTIVE)


async def archive(viewer: Viewer, bot_id: UUID) -> Bot:
    """Put away: not started by anybody, and out of the usual list."""
    require(viewer, "bots:write")
    bot = await service.one(viewer, bot_id)
    return await _enter(viewer, bot, BotState.ARCHIVED)


async def unarchive(viewer: Viewer, bot_id: UUID) -> Bot:
    """Comes back paused when it ever was live: nothing starts without a person's word."""
    require(viewer, "bots:write")
    bot = await service.one(viewer, bot_id)
    if bot.state is not BotState.ARCHIVED:
        raise InvalidState(f"{bot.name} is not archived.")
    was_live = await BotVersion.filter(bot_id=bot.id, published_at__isnull=False).exists()
    return await _enter(viewer, bot, BotState.PAUSED if was_live else BotState.DRAFT)


async def name_draft(
    viewer: Viewer, bot_id: UUID, words: Words, expected_version: int | None = None
) -> BotVersion:
    """Freezes the draft under a name, without making it live."""
    require(viewer, "bots:write")
    bot = await service.one(viewer, bot_id)
    said = words.columns
    frozen = await _wanted(viewer, bot, None, expected_version)
    async with in_transaction():
        if said:
            await BotVersion.filter(id=frozen.id).update(**said)
        await _told(viewer, bot, "bot.version_saved", {}, {"version": frozen.number, **said})
    return await BotVersion.get(id=frozen.id)


async def annotate(viewer: Viewer, version_id: UUID, words: Words) -> BotVersion:
    require(viewer, "bots:write")
    found = await BotVersion.get_or_none(id=version_id).select_related("bot")
    if (
        found is None
        or not await mine(viewer, Bot).filter(id=found.bot_id, deleted_at=None).exists()
    ):
        raise NotFound("There is no such version.", path=["versionId"])
    said = words.columns
    before = {name: getattr(found, name) for name in said}
    if said:
        bot = await service.one(viewer, found.bot_id)
        async with in_transaction():
            await BotVersion.filter(id=found.id).update(**said)
            after = {"version": found.number, **said}
            await _told(viewer, bot, "bot.version_described", before, after)
    return found.update_from_dict(said)  # type: ignore[return-value]


async def execution_counts(
    viewer: Viewer, versions: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], int]:
    """By bot and version; the bot is what the index begins with."""
    require(viewer, "executions:read")
    bots, ids = zip(*versions, strict=True)
    rows: list[Any] = (
        await mine(viewer, Execution)
        .filter(bot_id__in=list(set(bots)), version_id__in=list(ids))
        .annotate(count=Count("id"))
        .group_by("version_id")
        .values_list("version_id", "count")
    )
    found = {UUID(str(version_id)): int(count) for version_id, count in rows}
    return {one: found.get(one[1], 0) for one in versions}


async def _wanted(
    viewer: Viewer, bot: Bot, version_id: UUID | None, expected_version: int | None
) -> BotVersion:
    if version_id is not None:
        return await version_of(bot, version_id)
    if expected_version is not None and expected_version != bot.draft_version:
        raise await drafts.moved(bot)
    return await freeze(bot, viewer.user_id)


async def _enter(viewer: Viewer, bot: Bot, state: BotState) -> Bot:
    before, bot.state = bot.state, state
    async with in_transaction():
        await bot.save(update_fields=["state", "updated_at"])
        if before is not state:
            await _told(
                viewer, bot, f"bot.{state.value}", {"state": before.value}, {"state": state.value}
            )
    return bot


async def _told(
    viewer: Viewer, bot: Bot, action: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    await record(viewer, action, Subject("bot", bot.id, bot.name), Change(before, after))


async def _number(version_id: UUID | None) -> int | None:
    """As people know a version."""
    found = await BotVersion.filter(id=version_id).only("id", "number").first()
    return found.number if found else None


def _name(text: str | None) -> str | None:
    clean = " ".join(text.split()) if text is not None else None
    if clean and len(clean) > VERSION_NAME_LIMIT:
        raise Invalid(f"A version's name has up to {VERSION_NAME_LIMIT} characters.", path=["name"])
    return clean


def _note(text: str | None) -> str | None:
    clean = text.strip() if text is not None else None
    if clean and len(clean) > NOTE_LIMIT:
        raise Invalid(f"A note has up to {NOTE_LIMIT} characters.", path=["note"])
    return clean
