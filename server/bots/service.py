"""Bots: made from a text, found, named, put away. What happens to their drafts and versions stands
in `drafts` and `publishing`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from server.bots.programs import Face, read_face, read_program
from server.core.clock import Clock, SystemClock
from server.core.errors import Conflict, Invalid, NotFound
from server.models.enums import BotState
from server.models.quick_row import keys_and_values, literal, literals
from server.models.tables import Bot, BotTag, BotVersion
from server.workspaces.access import Viewer, mine, require, require_all_bots
from server.workspaces.audit import Change, Subject, record
from server.workspaces.listing import Page, PageAsk, read_page

NAME_LIMIT = 200
CLOCK = SystemClock()
# All but the plan, which is large and for the engine alone.
_VERSION_COLUMNS = (
    "id",
    "bot_id",
    "number",
    "name",
    "note",
    "author_id",
    "created_at",
    "source",
    "source_hash",
    "published_at",
    "published_by_id",
)
OrderKey = Literal["created_at", "updated_at", "name"]


class NameTaken(Conflict):
    """There is a bot with this name already."""


@dataclass(frozen=True, slots=True)
class BotFilter:
    name_contains: str | None = None
    name_is: str | None = None
    name_in: Sequence[str] | None = None
    states: Sequence[BotState] | None = None
    text: str | None = None
    tag_in: Sequence[str] | None = None
    tag_contains: str | None = None
    updated_from: datetime | None = None
    updated_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class BotOrder:
    key: OrderKey = "updated_at"
    descending: bool = True


async def create(viewer: Viewer, source: str, name: str | None = None) -> Bot:
    """Without a name the bot is called after its first entity. Raises ProgramRefused with every
    mistake of the text."""
    require(viewer, "bots:write")
    require_all_bots(viewer)
    source = storable(source)
    read_program(source)
    face = read_face(source)
    given = _checked_name(name) if name is not None else None
    wanted = given or await free_name(viewer, face.name or "Bot")
    async with in_transaction():
        bot = await insert(viewer, wanted, source, face)
        await record(viewer, "bot.created", Subject("bot", bot.id, bot.name), Change())
    return bot


async def create_named_like(viewer: Viewer, source: str, wanted: str) -> Bot:
    """As `create`, but a name that is taken gets a number: `Digest 2`."""
    require(viewer, "bots:write")
    require_all_bots(viewer)
    return await create(viewer, source, await free_name(viewer, _checked_name(wanted)))


async def get(viewer: Viewer, bot_id: UUID) -> Bot:
    require(viewer, "bots:read")
    return await one(viewer, bot_id)


async def find(viewer: Viewer, name: str) -> Bot | None:
    require(viewer, "bots:read")
    return await _living(viewer).get_or_none(name_key=Bot.key_of(name))


async def many(viewer: Viewer, bot_ids: Sequence[UUID]) -> dict[UUID, Bot]:
    """Deleted ones too: an old execution still shows the name of its bot."""
    require(viewer, "bots:read")
    wanted = [one for one in bot_ids if viewer.bot_ids is None or one in viewer.bot_ids]
    if not wanted:
        return {}
    rows = await Bot.read(
        f"SELECT * FROM bots WHERE workspace_id = {literal(viewer.workspace_id)} "
        f"AND id IN ({literals(wanted)})"
    )
    return {row.id: row for row in rows}


async def list_bots(
    viewer: Viewer,
    ask: PageAsk | None = None,
    where: BotFilter | None = None,
    order: BotOrder | None = None,
) -> Page[Bot]:
    require(viewer, "bots:read")
    order = order or BotOrder()
    rows = _chosen(_living(viewer), where or BotFilter())
    return await read_page(rows, ask or PageAsk(), order.key, order.descending)


async def rename(viewer: Viewer, bot_id: UUID, name: str) -> Bot:
    require(viewer, "bots:write")
    bot = await one(viewer, bot_id)
    before, bot.name = bot.name, _checked_name(name)
    bot.name_key = Bot.key_of(bot.name)
    change = Change({"name": before}, {"name": bot.name})
    try:
        async with in_transaction():
            await bot.save(update_fields=["name", "name_key", "updated_at"])
            await record(viewer, "bot.renamed", Subject("bot", bot.id, bot.name), change)
    except IntegrityError:
        raise _taken(bot.name) from None
    return bot


async def delete(viewer: Viewer, bot_id: UUID, clock: Clock = CLOCK) -> Bot:
    """Its executions stay to be looked at; its name is free again."""
    require(viewer, "bots:write")
    bot = await one(viewer, bot_id)
    bot.deleted_at = clock.now()
    bot.name_key = None
    async with in_transaction():
        await bot.save(update_fields=["deleted_at", "name_key", "updated_at"])
        await record(viewer, "bot.deleted", Subject("bot", bot.id, bot.name), Change())
    return bot


async def duplicate(viewer: Viewer, bot_id: UUID, name: str | None = None) -> Bot:
    """The draft, the tags, the retention and the limits under another name; no version, so nothing
    is live."""
    require(viewer, "bots:write")
    require_all_bots(viewer)
    bot = await one(viewer, bot_id)
    given = _checked_name(name) if name is not None else None
    wanted = given or await free_name(viewer, f"{bot.name[:190]} copy")
    async with in_transaction():
        made = await insert(viewer, wanted, bot.source, read_face(bot.source))
        made.retention = bot.retention
        made.max_running, made.max_running_per_key = bot.max_running, bot.max_running_per_key
        await made.save(update_fields=["retention", "max_running", "max_running_per_key"])
        for tag in await BotTag.filter(bot_id=bot.id):
            await BotTag.create(
                bot_id=made.id, workspace_id=made.workspace_id, name=tag.name, key=tag.key
            )
        change = Change(after={"copy of": bot.name})
        await record(viewer, "bot.created", Subject("bot", made.id, made.name), change)
    return made


async def list_versions(viewer: Viewer, bot: Bot, ask: PageAsk | None = None) -> Page[BotVersion]:
    """Of a bot that the viewer was given."""
    require(viewer, "bots:read")
    if bot.deleted:
        raise NotFound.of("bot")
    rows = BotVersion.filter(bot_id=bot.id).only(*_VERSION_COLUMNS)
    return await read_page(rows, ask or PageAsk())


async def many_versions(viewer: Viewer, version_ids: Sequence[UUID]) -> dict[UUID, BotVersion]:
    require(viewer, "bots:read")
    if not version_ids:
        return {}
    rows = await BotVersion.read(
        f"SELECT {', '.join(f'v.{name}' for name in _VERSION_COLUMNS)} FROM bot_versions v "
        f"JOIN bots b ON b.id = v.bot_id WHERE b.workspace_id = {literal(viewer.workspace_id)} "
        f"AND v.id IN ({literals(version_ids)})"
    )
    seen = viewer.bot_ids
    return {row.id: row for row in rows if seen is None or row.bot_id in seen}


async def versions_and_bots(
    viewer: Viewer, version_ids: Sequence[UUID]
) -> tuple[dict[UUID, BotVersion], dict[UUID, Bot]]:
    """Some versions and their bots in one statement: a page of executions shows both."""
    require(viewer, "bots:read")
    if not version_ids:
        return {}, {}
    bot_columns = tuple(Bot._meta.fields_db_projection.values())
    table: Any = Bot
    _, rows = await table._meta.db.execute_query(
        f"SELECT {', '.join(f'v.{name} AS v_{name}' for name in _VERSION_COLUMNS)}, "
        f"{', '.join(f'b.{name} AS b_{name}' for name in bot_columns)} "
        f"FROM bot_versions v JOIN bots b ON b.id = v.bot_id "
        f"WHERE b.workspace_id = {literal(viewer.workspace_id)} "
        f"AND v.id IN ({literals(version_ids)})"
    )
    _, found = keys_and_values(rows)
    seen, own = viewer.bot_ids, len(_VERSION_COLUMNS)
    versions = BotVersion.made_of(_VERSION_COLUMNS, [row[:own] for row in found])
    bots = Bot.made_of(bot_columns, [row[own:] for row in found])
    return (
        {row.id: row for row in versions if seen is None or row.bot_id in seen},
        {row.id: row for row in bots if seen is None or row.id in seen},
    )


# --- inside ---------------------------------------------------------------------------------


def storable(source: str) -> str:
    """As the databases keep it: the places in a draft's journal speak of the stored text."""
    return source.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _living(viewer: Viewer) -> QuerySet[Bot]:
    return mine(viewer, Bot).filter(deleted_at=None)


async def one(viewer: Viewer, bot_id: UUID) -> Bot:
    bot = await _living(viewer).get_or_none(id=bot_id)
    if bot is None:
        raise NotFound.of("bot")
    return bot


async def insert(viewer: Viewer, name: str, source: str, face: Face) -> Bot:
    try:
        return await Bot.create(
            workspace_id=viewer.workspace_id,
            name=name,
            name_key=Bot.key_of(name),
            description=face.description,
            icon=face.icon,
            source=source,
            summary=face.summary,
            edited_by_id=viewer.user_id,
            edited_at=CLOCK.now(),
        )
    except IntegrityError:
        raise _taken(name) from None


async def free_name(viewer: Viewer, wanted: str) -> str:
    """`Writer`, or `Writer 2` where there is one already."""
    wanted = wanted[: NAME_LIMIT - 8]
    taken = set(
        await _living(viewer)
        .filter(name_key__startswith=Bot.key_of(wanted))
        .values_list("name_key", flat=True)
    )
    names = (wanted if number == 1 else f"{wanted} {number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if Bot.key_of(name) not in taken)


def _checked_name(name: str) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > NAME_LIMIT:
        raise Invalid(f"A name has 1 to {NAME_LIMIT} characters.", path=["name"])
    return clean


def _taken(name: str) -> NameTaken:
    return NameTaken(f"There is a bot called {name} already.", path=["name"])


def _chosen(rows: QuerySet[Bot], where: BotFilter) -> QuerySet[Bot]:
    if where.name_contains:
        rows = rows.filter(name__icontains=where.name_contains)
    if where.name_is is not None:
        rows = rows.filter(name_key=Bot.key_of(where.name_is))
    if where.name_in is not None:
        rows = rows.filter(name_key__in=[Bot.key_of(name) for name in where.name_in])
    if where.states is not None:
        rows = rows.filter(state__in=list(where.states))
    if where.tag_in is not None:
        rows = rows.filter(id__in=_tagged(key__in=[tag_key(name) for name in where.tag_in]))
    if where.tag_contains:
        rows = rows.filter(id__in=_tagged(key__contains=tag_key(where.tag_contains)))
    if where.text:
        text = where.text
        told = Q(name__icontains=text) | Q(description__icontains=text)
        rows = rows.filter(told | Q(id__in=_tagged(key__contains=tag_key(text))))
    if where.updated_from is not None:
        rows = rows.filter(updated_at__gte=where.updated_from)
    if where.updated_to is not None:
        rows = rows.filter(updated_at__lte=where.updated_to)
    return rows


def _tagged(**wanted: Any) -> Subquery:
    return Subquery(BotTag.filter(**wanted).values("bot_id"))


def tag_key(name: str) -> str:
    """Two tags with the same key are the same tag to a person."""
    return " ".join(name.replace(",", " ").split()).casefold()
