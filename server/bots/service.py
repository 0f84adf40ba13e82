"""Bots: made from a text, edited as a draft, frozen as versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.queryset import QuerySet

from server.bots.programs import Face, read_face, read_program, refuse_too_large
from server.bots.versions import freeze, version_of
from server.core.clock import Clock, SystemClock
from server.core.errors import Conflict, Invalid, InvalidState, NotFound
from server.models.enums import BotState
from server.models.tables import Bot, BotVersion
from server.workspaces.access import Viewer, mine, require
from server.workspaces.listing import Page, PageAsk, read_page

NAME_LIMIT = 200
CLOCK = SystemClock()
OrderKey = Literal["created_at", "updated_at", "name"]


class NameTaken(Conflict):
    """There is a bot with this name already."""


class DraftMoved(Conflict):
    """Somebody else saved this bot in the meantime; load it again."""

    def __init__(self, current_version: int) -> None:
        super().__init__(path=["expectedVersion"])
        self.current_version = current_version


@dataclass(frozen=True, slots=True)
class BotFilter:
    name_contains: str | None = None
    name_is: str | None = None
    name_in: Sequence[str] | None = None
    states: Sequence[BotState] | None = None
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
    read_program(source)
    face = read_face(source)
    given = _checked_name(name) if name is not None else None
    wanted = given or await _free_name(viewer, face.name or "Bot")
    return await _insert(viewer, wanted, source, face)


async def create_named_like(viewer: Viewer, source: str, wanted: str) -> Bot:
    """As `create`, but a name that is taken gets a number: `Digest 2`."""
    require(viewer, "bots:write")
    return await create(viewer, source, await _free_name(viewer, _checked_name(wanted)))


async def get(viewer: Viewer, bot_id: UUID) -> Bot:
    require(viewer, "bots:read")
    return await _one(viewer, bot_id)


async def find(viewer: Viewer, name: str) -> Bot | None:
    require(viewer, "bots:read")
    return await _living(viewer).get_or_none(name_key=Bot.key_of(name))


async def many(viewer: Viewer, bot_ids: Sequence[UUID]) -> dict[UUID, Bot]:
    """Deleted ones too: an old execution still shows the name of its bot."""
    require(viewer, "bots:read")
    rows = await mine(viewer, Bot).filter(id__in=list(bot_ids))
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


async def save_draft(viewer: Viewer, bot_id: UUID, source: str, expected_version: int) -> Bot:
    """A draft may have mistakes: it is somebody's work in progress. It cannot be run then."""
    require(viewer, "bots:write")
    refuse_too_large(source)
    bot = await _one(viewer, bot_id)
    return await _set_draft(bot, source, expected_version)


async def rename(viewer: Viewer, bot_id: UUID, name: str) -> Bot:
    require(viewer, "bots:write")
    bot = await _one(viewer, bot_id)
    bot.name = _checked_name(name)
    bot.name_key = Bot.key_of(bot.name)
    try:
        await bot.save(update_fields=["name", "name_key", "updated_at"])
    except IntegrityError:
        raise _taken(bot.name) from None
    return bot


async def publish(viewer: Viewer, bot_id: UUID) -> Bot:
    """The draft becomes the version that triggers start."""
    require(viewer, "bots:publish")
    bot = await _one(viewer, bot_id)
    version = await freeze(bot, viewer.user_id)
    bot.published_version_id = version.id
    if bot.state is BotState.DRAFT:
        bot.state = BotState.ACTIVE
    await bot.save(update_fields=["published_version_id", "state", "updated_at"])
    return bot


async def restore(viewer: Viewer, bot_id: UUID, version_id: UUID) -> Bot:
    """An earlier text becomes the draft; what is published stays."""
    require(viewer, "bots:write")
    bot = await _one(viewer, bot_id)
    version = await version_of(bot, version_id)
    return await _set_draft(bot, version.source, bot.draft_version)


async def archive(viewer: Viewer, bot_id: UUID) -> Bot:
    require(viewer, "bots:write")
    bot = await _one(viewer, bot_id)
    bot.state = BotState.ARCHIVED
    await bot.save(update_fields=["state", "updated_at"])
    return bot


async def unarchive(viewer: Viewer, bot_id: UUID) -> Bot:
    require(viewer, "bots:write")
    bot = await _one(viewer, bot_id)
    if bot.state is not BotState.ARCHIVED:
        raise InvalidState(f"{bot.name} is not archived.")
    bot.state = BotState.ACTIVE if bot.published_version_id else BotState.DRAFT
    await bot.save(update_fields=["state", "updated_at"])
    return bot


async def delete(viewer: Viewer, bot_id: UUID, clock: Clock = CLOCK) -> Bot:
    """Its executions stay to be looked at; its name is free again."""
    require(viewer, "bots:write")
    bot = await _one(viewer, bot_id)
    bot.deleted_at = clock.now()
    bot.name_key = None
    await bot.save(update_fields=["deleted_at", "name_key", "updated_at"])
    return bot


async def list_versions(
    viewer: Viewer, bot_id: UUID, ask: PageAsk | None = None
) -> Page[BotVersion]:
    require(viewer, "bots:read")
    bot = await _one(viewer, bot_id)
    return await read_page(BotVersion.filter(bot_id=bot.id), ask or PageAsk())


async def many_versions(viewer: Viewer, version_ids: Sequence[UUID]) -> dict[UUID, BotVersion]:
    require(viewer, "bots:read")
    rows = await BotVersion.filter(
        id__in=list(version_ids), bot__workspace_id=viewer.workspace_id
    ).only("id", "bot_id", "number", "name", "note", "author_id", "created_at", "source")
    return {row.id: row for row in rows}


# --- inside ---------------------------------------------------------------------------------


def _living(viewer: Viewer) -> QuerySet[Bot]:
    return mine(viewer, Bot).filter(deleted_at=None)


async def _one(viewer: Viewer, bot_id: UUID) -> Bot:
    bot = await _living(viewer).get_or_none(id=bot_id)
    if bot is None:
        raise NotFound("There is no such bot.")
    return bot


async def _insert(viewer: Viewer, name: str, source: str, face: Face) -> Bot:
    try:
        return await Bot.create(
            workspace_id=viewer.workspace_id,
            name=name,
            name_key=Bot.key_of(name),
            description=face.description,
            icon=face.icon,
            source=source,
            summary=face.summary,
        )
    except IntegrityError:
        raise _taken(name) from None


async def _set_draft(bot: Bot, source: str, expected_version: int) -> Bot:
    face = read_face(source)
    changes: dict[str, Any] = {"source": source, "draft_version": expected_version + 1}
    changes["updated_at"] = CLOCK.now()
    # While the text has mistakes the card keeps what was last known of the bot.
    changes["summary"] = face.summary if face.valid else {**bot.summary, "valid": False}
    if face.valid:
        changes |= {"description": face.description, "icon": face.icon}
    rows = Bot.filter(id=bot.id, draft_version=expected_version, deleted_at=None)
    if not await rows.update(**changes):
        await bot.refresh_from_db(fields=["draft_version"])
        raise DraftMoved(bot.draft_version)
    return bot.update_from_dict(changes)  # type: ignore[return-value]


async def _free_name(viewer: Viewer, wanted: str) -> str:
    """`Writer`, or `Writer 2` where there is one already."""
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
    if where.updated_from is not None:
        rows = rows.filter(updated_at__gte=where.updated_from)
    if where.updated_to is not None:
        rows = rows.filter(updated_at__lte=where.updated_to)
    return rows
