"""A bundle arrives: first what it would do, then all of it or nothing.

Nothing that arrives is live. A bot that is new here comes as a draft; one that is here already gets
another draft, and its live version stays. What was changed here since the last import is a conflict
that a person decides. To apply the same bundle again changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from server.bots import drafts, service, tags, uploads
from server.bots.bundle import BundledBot, Contents, Stub
from server.bots.journal import Writing
from server.bots.readings import Reading, readings
from server.bots.versions import freeze, hash_of_source
from server.connections.registry import KINDS
from server.core.clock import Clock, SystemClock
from server.core.errors import Conflict
from server.models.enums import DraftCause
from server.models.tables import Bot, BotTag, BotVersion, Connection
from server.workspaces.access import Viewer, mine, require, require_all_bots
from server.workspaces.audit import Change, Subject, record

CLOCK = SystemClock()


class ItemStatus(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"


class Resolution(StrEnum):
    SKIP = "skip"
    OVERWRITE = "overwrite"
    COPY = "copy"


class Undecided(Conflict):
    """Bots were changed here and in the bundle; say for each what shall happen."""


@dataclass(frozen=True, slots=True)
class Item:
    """One bot of the bundle. `there`: the bot of this name here. A text with mistakes arrives as
    any draft with mistakes."""

    bundled: BundledBot
    status: ItemStatus
    there: Bot | None
    read: Reading
    missing_connections: tuple[str, ...]
    missing_tools: tuple[str, ...]

    @property
    def mistakes(self) -> int:
        return self.read.mistakes


@dataclass(frozen=True, slots=True)
class Preview:
    items: tuple[Item, ...]
    missing_connections: tuple[Stub, ...]

    def count(self, status: ItemStatus) -> int:
        return sum(item.status is status for item in self.items)


@dataclass(frozen=True, slots=True)
class Applied:
    """`bot` is None where the bundle's was left out."""

    item: Item
    bot: Bot | None


@dataclass(frozen=True, slots=True)
class Decisions:
    """What happens to conflicts: for all of them, and by name."""

    general: Resolution | None = None
    by_name: Mapping[str, Resolution] | None = None

    def of(self, item: Item) -> Resolution | None:
        named = {Bot.key_of(name): one for name, one in (self.by_name or {}).items()}
        return named.get(Bot.key_of(item.bundled.name), self.general)


async def preview(viewer: Viewer, bundle_id: UUID, tool_names: Collection[str]) -> Preview:
    """What applying it would do now; changes nothing."""
    require(viewer, "bots:write")
    require_all_bots(viewer)
    _, contents = await uploads.opened(viewer, bundle_id)
    read = await readings(bot.source for bot in contents.bots)
    return await _planned(viewer, contents, read, tool_names)


async def apply(
    viewer: Viewer,
    bundle_id: UUID,
    decisions: Decisions | None = None,
    clock: Clock = CLOCK,
) -> list[Applied]:
    """All of it in one transaction. Raises Undecided with every bot that needs a word."""
    require(viewer, "bots:write")
    require_all_bots(viewer)
    bundle, contents = await uploads.opened(viewer, bundle_id)
    chosen = decisions or Decisions()
    read = await readings(bot.source for bot in contents.bots)
    try:
        async with in_transaction():
            plan = await _planned(viewer, contents, read, ())
            _refuse_undecided(plan, chosen)
            applied = [await _applied(viewer, item, chosen, clock) for item in plan.items]
            subject = Subject("bundle", bundle.id, bundle.name)
            await record(viewer, "bundle.imported", subject, Change(after=_told(applied)))
    except IntegrityError:
        raise Conflict(
            "A bot with one of these names was made in the meantime; nothing was imported.",
            hint="Look at the preview again.",
        ) from None
    return applied


# --- the plan -------------------------------------------------------------------------------


async def _planned(
    viewer: Viewer,
    contents: Contents,
    read: Mapping[str, Reading],
    tool_names: Collection[str],
) -> Preview:
    keys = [Bot.key_of(bot.name) for bot in contents.bots]
    rows = await mine(viewer, Bot).filter(deleted_at=None, name_key__in=keys) if keys else []
    there = {row.name_key: row for row in rows}
    tagged = await _tag_keys(rows)
    words = await _versions(rows)
    here = await mine(viewer, Connection).filter(deleted_at=None).values_list("kind", "name")
    kinds = {str(kind) for kind, _ in here}
    items: list[Item] = []
    for bundled in contents.bots:
        row = there.get(Bot.key_of(bundled.name))
        status = ItemStatus.CREATE
        if row is not None:
            same = _same(bundled, row, tagged[row.id], words, read[bundled.source])
            status = ItemStatus.UNCHANGED if same else _meeting(bundled, row)
        items.append(_item(bundled, status, row, read[bundled.source], kinds, tool_names))
    missing = tuple(stub for stub in contents.connections if stub.kind not in kinds)
    return Preview(tuple(items), missing)


def _meeting(bundled: BundledBot, row: Bot) -> ItemStatus:
    """Nobody touched it here since a bundle brought it, or only its tags and notes differ."""
    untouched = row.imported_hash == hash_of_source(row.source)
    same_text = row.source == service.storable(bundled.source)
    return ItemStatus.UPDATE if untouched or same_text else ItemStatus.CONFLICT


def _item(
    bundled: BundledBot,
    status: ItemStatus,
    row: Bot | None,
    read: Reading,
    kinds: Collection[str],
    tool_names: Collection[str],
) -> Item:
    wanted = {kind for kind in read.providers if KINDS[kind].fields}
    missing = sorted(wanted - set(kinds)), sorted(read.tools - set(tool_names))
    return Item(bundled, status, row, read, tuple(missing[0]), tuple(missing[1]))


def _same(
    bundled: BundledBot,
    row: Bot,
    tag_keys: set[str],
    words: Mapping[tuple[UUID, str], BotVersion],
    read: Reading,
) -> bool:
    """The retention of a bot that is here is its own: a bundle never makes it delete anything. A
    text with mistakes has no version that anything could be said about."""
    if row.source != service.storable(bundled.source):
        return False
    if tag_keys != {service.tag_key(name) for name in bundled.tags}:
        return False
    version = words.get((row.id, hash_of_source(row.source)))
    said = (version.name, version.note) if version is not None else ("", "")
    return read.plan is None or said == (bundled.version_name, bundled.version_note)


async def _tag_keys(rows: Sequence[Bot]) -> dict[UUID, set[str]]:
    found: dict[UUID, set[str]] = {row.id: set() for row in rows}
    for tag in await BotTag.filter(bot_id__in=list(found)) if found else []:
        found[tag.bot_id].add(tag.key)
    return found


async def _versions(rows: Sequence[Bot]) -> dict[tuple[UUID, str], BotVersion]:
    hashes = {row.id: hash_of_source(row.source) for row in rows}
    if not hashes:
        return {}
    found = await BotVersion.filter(
        bot_id__in=list(hashes), source_hash__in=list(set(hashes.values()))
    ).only("id", "bot_id", "source_hash", "name", "note")
    return {(row.bot_id, row.source_hash): row for row in found}


def _refuse_undecided(plan: Preview, chosen: Decisions) -> None:
    conflicts = [item for item in plan.items if item.status is ItemStatus.CONFLICT]
    open_ones = [item.bundled.name for item in conflicts if chosen.of(item) is None]
    if open_ones:
        shown = ", ".join(open_ones[:5]) + (" …" if len(open_ones) > 5 else "")
        raise Undecided(
            f"Changed here and in the bundle: {shown}. Nothing was imported.",
            hint="Say whether to skip, overwrite or copy.",
            path=["onConflict"],
        )


# --- applying -------------------------------------------------------------------------------


async def _applied(viewer: Viewer, item: Item, chosen: Decisions, clock: Clock) -> Applied:
    match item.status:
        case ItemStatus.CREATE:
            return Applied(item, await _made(viewer, item, item.bundled.name, clock))
        case ItemStatus.CONFLICT:
            resolution = chosen.of(item)
            if resolution is Resolution.COPY:
                name = await service.free_name(viewer, item.bundled.name)
                return Applied(item, await _made(viewer, item, name, clock))
            if resolution is Resolution.SKIP:
                return Applied(item, None)
            return Applied(item, await _changed(viewer, item, clock))
        case ItemStatus.UPDATE:
            return Applied(item, await _changed(viewer, item, clock))
        case ItemStatus.UNCHANGED:
            assert item.there is not None
            await _seen(item.there)
            return Applied(item, item.there)


async def _made(viewer: Viewer, item: Item, name: str, clock: Clock) -> Bot:
    bundled, source = item.bundled, service.storable(item.bundled.source)
    bot = await service.insert(viewer, name, source, item.read.face)
    bot.retention = bundled.retention
    limits = bundled.concurrency or {}
    bot.max_running, bot.max_running_per_key = limits.get("limit"), limits.get("perKey")
    bot.imported_hash = hash_of_source(source)
    await bot.save(
        update_fields=["retention", "max_running", "max_running_per_key", "imported_hash"]
    )
    await tags.put(bot, bundled.tags)
    await _say(viewer, bot, item)
    return bot


async def _changed(viewer: Viewer, item: Item, clock: Clock) -> Bot:
    assert item.there is not None
    source = service.storable(item.bundled.source)
    writing = Writing(source, viewer.user_id, clock.now(), DraftCause.IMPORTED)
    bot = await drafts.put(item.there, writing, item.there.draft_version, item.read.face)
    await _seen(bot)
    await tags.put(bot, item.bundled.tags)
    await _say(viewer, bot, item)
    return bot


async def _seen(bot: Bot) -> None:
    digest = hash_of_source(bot.source)
    if bot.imported_hash != digest:
        bot.imported_hash = digest
        await bot.save(update_fields=["imported_hash"])


async def _say(viewer: Viewer, bot: Bot, item: Item) -> None:
    """A name or a note belongs to a version, so the text is frozen for it; it is not live."""
    if item.read.plan is None:
        return
    said = {"name": item.bundled.version_name, "note": item.bundled.version_note}
    rows = BotVersion.filter(bot_id=bot.id, source_hash=hash_of_source(bot.source))
    if any(said.values()):
        await freeze(bot, viewer.user_id, item.read.plan)
    await rows.update(**said)


def _told(applied: Sequence[Applied]) -> dict[str, Any]:
    done = [one for one in applied if one.bot is not None]
    changed = [one for one in done if one.item.status is not ItemStatus.UNCHANGED]
    return {"bots": [one.bot.name for one in changed if one.bot is not None]}
