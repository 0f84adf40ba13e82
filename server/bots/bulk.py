"""One act on many bots. Each succeeds or fails for itself, and says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from server.bots import publishing, service, tags
from server.core.errors import AppError, Denied, Invalid, LimitReached
from server.models.tables import Bot
from server.workspaces.access import Viewer, require

MOST_AT_ONCE = 100


class BotAction(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    UNPUBLISH = "unpublish"
    DELETE = "delete"
    TAG = "tag"
    UNTAG = "untag"


@dataclass(frozen=True, slots=True)
class Outcome:
    bot_id: UUID
    bot: Bot | None = None
    error: AppError | None = None


_ACTS: dict[BotAction, Callable[[Viewer, UUID], Awaitable[Bot]]] = {
    BotAction.PAUSE: publishing.pause,
    BotAction.RESUME: publishing.resume,
    BotAction.ARCHIVE: publishing.archive,
    BotAction.UNARCHIVE: publishing.unarchive,
    BotAction.UNPUBLISH: publishing.unpublish,
    BotAction.DELETE: service.delete,
}


async def act(
    viewer: Viewer, bot_ids: Sequence[UUID], action: BotAction, words: Sequence[str] = ()
) -> list[Outcome]:
    """`words`: the tags to put on or take away."""
    require(viewer, "bots:write")
    if len(bot_ids) > MOST_AT_ONCE:
        raise LimitReached(f"At most {MOST_AT_ONCE} bots at once.", path=["botIds"])
    if (action in (BotAction.TAG, BotAction.UNTAG)) != bool(words):
        raise Invalid("Give tags with TAG and UNTAG, and with nothing else.", path=["tags"])
    checked = tags.checked(words)
    return [await _one(viewer, bot_id, action, checked) for bot_id in dict.fromkeys(bot_ids)]


async def _one(viewer: Viewer, bot_id: UUID, action: BotAction, words: Sequence[str]) -> Outcome:
    try:
        return Outcome(bot_id, await do(viewer, bot_id, action, words))
    except Denied:
        raise
    except AppError as error:
        return Outcome(bot_id, error=error)


async def do(viewer: Viewer, bot_id: UUID, action: BotAction, words: Sequence[str] = ()) -> Bot:
    if action is BotAction.TAG:
        return await tags.change_tags(viewer, bot_id, add=words)
    if action is BotAction.UNTAG:
        return await tags.change_tags(viewer, bot_id, remove=words)
    return await _ACTS[action](viewer, bot_id)
