"""The draft of a bot: saved as it is typed, walked back and forth, never over somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.transactions import in_transaction

from server.bots import journal, service
from server.bots.journal import Entry, Writing
from server.bots.programs import Face, read_face, refuse_too_large
from server.bots.versions import version_of
from server.core.clock import Clock, SystemClock
from server.core.errors import Conflict, Invalid, InvalidState
from server.models.enums import DraftCause
from server.models.tables import Bot, DraftEdit, User
from server.workspaces.access import Viewer, require
from server.workspaces.audit import Change, Subject, record
from server.workspaces.listing import Page, PageAsk, read_page

CLOCK = SystemClock()
BURST_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Editor:
    name: str
    at: datetime


class DraftMoved(Conflict):
    """Somebody else saved this bot in the meantime; load it again."""

    def __init__(self, current_version: int, editor: Editor | None = None) -> None:
        who = editor.name if editor and editor.name else "Somebody else"
        super().__init__(
            f"{who} saved this bot in the meantime; nothing of yours was stored.",
            hint="Load it again, look at the difference, and repeat your change.",
            path=["expectedVersion"],
        )
        self.current_version = current_version
        self.changed_by = editor.name if editor else None
        self.changed_at = editor.at if editor else None


async def save(
    viewer: Viewer,
    bot_id: UUID,
    source: str,
    expected_version: int,
    *,
    stepping: bool = False,
    burst: str = "",
    clock: Clock = CLOCK,
) -> Bot:
    """A draft may have mistakes: it is somebody's work in progress. It cannot be run then."""
    require(viewer, "bots:write")
    refuse_too_large(source)
    bot = await service.one(viewer, bot_id)
    if len(burst) > BURST_LIMIT:
        raise Invalid(f"It has at most {BURST_LIMIT} characters.", path=["burst"])
    text, now = service.storable(source), clock.now()
    writing = Writing(text, viewer.user_id, now, stepping=stepping, burst=burst)
    return await put(bot, writing, expected_version)


async def restore(viewer: Viewer, bot_id: UUID, version_id: UUID, clock: Clock = CLOCK) -> Bot:
    """An earlier text becomes the draft; what is published stays, and undo brings back the draft
    that was there."""
    require(viewer, "bots:write")
    bot = await service.one(viewer, bot_id)
    version = await version_of(bot, version_id)
    writing = Writing(version.source, viewer.user_id, clock.now(), DraftCause.RESTORED)
    async with in_transaction():
        restored = await put(bot, writing, bot.draft_version)
        change = Change(after={"version": version.number})
        await record(viewer, "bot.version_restored", Subject("bot", bot.id, bot.name), change)
    return restored


async def undo(viewer: Viewer, bot_id: UUID, expected_version: int, clock: Clock = CLOCK) -> Bot:
    require(viewer, "bots:write")
    bot = await _unmoved(viewer, bot_id, expected_version)
    step = await journal.undo_step(bot)
    if step is None:
        raise InvalidState("There is nothing to undo in this draft.")
    return await _step(bot, step, viewer.user_id, clock)


async def redo(viewer: Viewer, bot_id: UUID, expected_version: int, clock: Clock = CLOCK) -> Bot:
    require(viewer, "bots:write")
    bot = await _unmoved(viewer, bot_id, expected_version)
    step = await journal.redo_step(bot)
    if step is None:
        raise InvalidState("There is nothing to redo in this draft.")
    return await _step(bot, step, viewer.user_id, clock)


async def list_edits(viewer: Viewer, bot_id: UUID, ask: PageAsk | None = None) -> Page[DraftEdit]:
    """The latest first, those that were undone among them."""
    require(viewer, "bots:read")
    bot = await service.one(viewer, bot_id)
    return await read_page(DraftEdit.filter(bot_id=bot.id), ask or PageAsk(), "number")


async def put(bot: Bot, writing: Writing, expected_version: int, face: Face | None = None) -> Bot:
    """Also inside a greater transaction. The same text again is no change. `face`: where the text
    was read already."""
    if bot.draft_version != expected_version:
        raise await moved(bot)
    if writing.source == bot.source:
        return bot
    return await _write(bot, writing, await journal.entry_for(bot, writing), face)


async def moved(bot: Bot) -> DraftMoved:
    await bot.refresh_from_db(fields=["draft_version", "edited_by_id", "edited_at"])
    if bot.edited_by_id is None or bot.edited_at is None:
        return DraftMoved(bot.draft_version)
    user = await User.get_or_none(id=bot.edited_by_id)
    name = (user.name or user.email) if user is not None else ""
    return DraftMoved(bot.draft_version, Editor(name, bot.edited_at))


async def _unmoved(viewer: Viewer, bot_id: UUID, expected_version: int) -> Bot:
    bot = await service.one(viewer, bot_id)
    if bot.draft_version != expected_version:
        raise await moved(bot)
    return bot


async def _step(bot: Bot, step: tuple[str, Entry], author_id: UUID, clock: Clock) -> Bot:
    text, entry = step
    return await _write(bot, Writing(text, author_id, clock.now()), entry)


async def _write(bot: Bot, writing: Writing, entry: Entry, face: Face | None = None) -> Bot:
    """The bot's row is taken first: whoever comes second finds another version and stops."""
    changes = draft_columns(bot, writing.source, face or read_face(writing.source)) | {
        "draft_version": bot.draft_version + 1,
        "draft_edit": entry.number,
        "edited_by_id": writing.author_id,
        "edited_at": writing.at,
        "updated_at": writing.at,
    }
    async with in_transaction():
        rows = Bot.filter(id=bot.id, draft_version=bot.draft_version, deleted_at=None)
        taken = await rows.update(**changes)
        if taken:
            await journal.write(bot, writing, entry)
    if not taken:
        raise await moved(bot)
    return bot.update_from_dict(changes)  # type: ignore[return-value]


def draft_columns(bot: Bot, source: str, face: Face) -> dict[str, Any]:
    """While the text has mistakes the card keeps what was last known of the bot."""
    changes: dict[str, Any] = {"source": source}
    changes["summary"] = face.summary if face.valid else {**bot.summary, "valid": False}
    if face.valid:
        changes |= {"description": face.description, "icon": face.icon}
    return changes
