"""Words on bots, to find them by. Two spellings of one word are one tag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tortoise.expressions import Subquery
from tortoise.functions import Count, Min
from tortoise.transactions import in_transaction

from server.bots import service
from server.core.errors import Invalid, LimitReached
from server.models.tables import Bot, BotTag
from server.workspaces.access import Viewer, mine, require
from server.workspaces.audit import Change, Subject, record

TAG_LIMIT = 50
MOST_TAGS = 20
MOST_LISTED = 200


async def set_tags(viewer: Viewer, bot_id: UUID, names: Sequence[str]) -> Bot:
    """These and no others."""
    require(viewer, "bots:write")
    wanted = checked(names)
    bot = await service.one(viewer, bot_id)
    there = (await of_bots([bot.id]))[bot.id]
    async with in_transaction():
        await put(bot, wanted)
        await _note(viewer, bot, there, wanted)
    return bot


async def change_tags(
    viewer: Viewer, bot_id: UUID, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> Bot:
    require(viewer, "bots:write")
    more, less = checked(add), {service.tag_key(name) for name in remove}
    bot = await service.one(viewer, bot_id)
    there = (await of_bots([bot.id]))[bot.id]
    wanted = {
        service.tag_key(name): name for name in [*more, *there] if service.tag_key(name) not in less
    }
    async with in_transaction():
        await put(bot, checked(list(wanted.values())))
        await _note(viewer, bot, there, list(wanted.values()))
    return bot


async def _note(viewer: Viewer, bot: Bot, before: Sequence[str], after: Sequence[str]) -> None:
    change = Change({"tags": sorted(before)}, {"tags": sorted(after)})
    await record(viewer, "bot.tagged", Subject("bot", bot.id, bot.name), change)


async def of_bots(bot_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """By name. The bots were read with the viewer's rights before."""
    rows = await BotTag.filter(bot_id__in=list(bot_ids)).order_by("key")
    found: dict[UUID, list[str]] = defaultdict(list)
    for row in rows:
        found[row.bot_id].append(row.name)
    return {bot_id: found[bot_id] for bot_id in bot_ids}


async def of_seen_bots(viewer: Viewer, bot_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    require(viewer, "bots:read")
    return await of_bots(bot_ids)


async def all_tags(viewer: Viewer) -> list[tuple[str, int]]:
    """Every tag with the number of its bots, by name."""
    require(viewer, "bots:read")
    bots = mine(viewer, Bot).filter(deleted_at=None)
    rows: list[Any] = (
        await BotTag.filter(
            workspace_id=viewer.workspace_id, bot_id__in=Subquery(bots.values("id"))
        )
        .annotate(count=Count("id"), shown=Min("name"))
        .group_by("key")
        .order_by("key")
        .limit(MOST_LISTED)
        .values_list("key", "shown", "count")
    )
    return [(str(shown), int(count)) for _, shown, count in rows]


async def put(bot: Bot, names: Sequence[str]) -> None:
    """Inside a transaction. `names` were checked."""
    there = {row.key: row for row in await BotTag.filter(bot_id=bot.id)}
    wanted = {service.tag_key(name): name for name in names}
    gone = [row.id for key, row in there.items() if key not in wanted]
    if gone:
        await BotTag.filter(id__in=gone).delete()
    for key, name in wanted.items():
        if key not in there:
            await BotTag.create(bot_id=bot.id, workspace_id=bot.workspace_id, name=name, key=key)


def checked(names: Sequence[str]) -> list[str]:
    found: dict[str, str] = {}
    for name in names:
        clean = " ".join(name.replace(",", " ").split())
        if not clean or len(clean) > TAG_LIMIT or len(service.tag_key(clean)) > TAG_LIMIT:
            raise Invalid(f"A tag has 1 to {TAG_LIMIT} characters and no comma.", path=["tags"])
        found.setdefault(service.tag_key(clean), clean)
    if len(found) > MOST_TAGS:
        raise LimitReached(f"A bot has at most {MOST_TAGS} tags.", path=["tags"])
    return list(found.values())
