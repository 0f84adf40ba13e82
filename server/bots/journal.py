"""The journal of a draft: every change with its author and time, to be walked back and forth.

Bursts of typing by one person are one entry. A change after an undo takes the undone entries away,
as in any editor. What is old goes first when the journal gets long or heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from server.bots.patches import Patch, patch_between
from server.bots.versions import hash_of_source
from server.models.enums import DraftCause
from server.models.tables import Bot, DraftEdit

BURST_PAUSE = timedelta(seconds=4)
BURST_LENGTH = timedelta(seconds=60)
MOST_ENTRIES = 500
MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Writing:
    """A change that is to be written down. `stepping`: the editor's own undo or redo made it, so
    a text that the journal knows is a place in it and not a new entry. `burst`: where it was typed;
    only what comes from one place is merged, for two pages do not continue each other."""

    source: str
    author_id: UUID | None
    at: datetime
    cause: DraftCause = DraftCause.TYPED
    stepping: bool = False
    burst: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is done to the journal: `number` becomes the bot's place in it. Without a patch only
    the place moves. `cut`: entries above this number go. `merged`: the entry that is rewritten."""

    number: int
    patch: Patch | None = None
    cut: int | None = None
    merged: DraftEdit | None = None


async def entry_for(bot: Bot, writing: Writing) -> Entry:
    """Reads only. What it found stays true as long as the draft has the same version."""
    if writing.stepping:
        place = await _known_place(bot, writing.source)
        if place is not None:
            return Entry(place)
    top = await _at(bot, bot.draft_edit)
    above = await DraftEdit.exists(bot_id=bot.id, number__gt=bot.draft_edit)
    if top is not None and not above and _same_burst(top, writing):
        base = patch_of(top).undone(bot.source)
        if base == writing.source:
            return Entry(top.number - 1, cut=top.number - 1)
        return Entry(top.number, patch_between(base, writing.source), merged=top)
    patch = patch_between(bot.source, writing.source)
    return Entry(bot.draft_edit + 1, patch, cut=bot.draft_edit)


async def write(bot: Bot, writing: Writing, entry: Entry) -> None:
    """Inside the transaction that changed the draft. `bot` is as it was before."""
    if entry.cut is not None:
        await DraftEdit.filter(bot_id=bot.id, number__gt=entry.cut).delete()
    if entry.patch is None:
        return
    known: dict[str, Any] = _columns(entry.patch)
    known |= {"changed_at": writing.at, "after_hash": hash_of_source(writing.source)}
    if entry.merged is not None:
        await DraftEdit.filter(id=entry.merged.id).update(**known)
        return
    await DraftEdit.create(
        bot_id=bot.id,
        number=entry.number,
        cause=writing.cause,
        author_id=writing.author_id,
        burst=writing.burst,
        started_at=writing.at,
        before_hash=hash_of_source(bot.source),
        **known,
    )
    await _trim(bot.id)


async def undo_step(bot: Bot) -> tuple[str, Entry] | None:
    """The text before the latest entry; None when there is nothing to undo."""
    top = await _at(bot, bot.draft_edit)
    return None if top is None else (patch_of(top).undone(bot.source), Entry(top.number - 1))


async def redo_step(bot: Bot) -> tuple[str, Entry] | None:
    above = await _at(bot, bot.draft_edit + 1)
    return None if above is None else (patch_of(above).redone(bot.source), Entry(above.number))


async def steps_possible(
    places: Sequence[tuple[UUID, int]],
) -> dict[tuple[UUID, int], tuple[bool, bool]]:
    """Whether there is something to undo, and to redo, by bot and its `draft_edit`."""
    rows = DraftEdit.filter(
        bot_id__in=list({bot_id for bot_id, _ in places}),
        number__in=list({near for _, now in places for near in (now, now + 1)}),
    )
    found = set(await rows.values_list("bot_id", "number"))
    return {
        (bot_id, now): ((bot_id, now) in found, (bot_id, now + 1) in found)
        for bot_id, now in places
    }


def patch_of(row: DraftEdit) -> Patch:
    return Patch(row.place, row.removed, row.inserted)


def _columns(patch: Patch) -> dict[str, Any]:
    return {
        "place": patch.place,
        "removed": patch.removed,
        "inserted": patch.inserted,
        "size": patch.size,
        "lines_added": patch.lines_added,
        "lines_removed": patch.lines_removed,
    }


def _same_burst(top: DraftEdit, writing: Writing) -> bool:
    return (
        top.cause is DraftCause.TYPED
        and writing.cause is DraftCause.TYPED
        and top.author_id == writing.author_id
        and bool(writing.burst)
        and top.burst == writing.burst
        and writing.at - top.changed_at <= BURST_PAUSE
        and writing.at - top.started_at <= BURST_LENGTH
    )


async def _at(bot: Bot, number: int) -> DraftEdit | None:
    return await DraftEdit.get_or_none(bot_id=bot.id, number=number)


async def _known_place(bot: Bot, source: str) -> int | None:
    """The nearest place in the journal whose text this is."""
    digest = hash_of_source(source)
    rows = DraftEdit.filter(bot_id=bot.id)
    before: list[Any] = await rows.filter(before_hash=digest).values_list("number", flat=True)
    after: list[Any] = await rows.filter(after_hash=digest).values_list("number", flat=True)
    places: set[int] = {number - 1 for number in before} | set(after)
    return min(places, key=lambda place: abs(place - bot.draft_edit), default=None)


async def _trim(bot_id: UUID) -> None:
    rows = await DraftEdit.filter(bot_id=bot_id).order_by("-number").values_list("number", "size")
    kept = weight = 0
    for _, size in rows:
        weight += size
        if kept and (kept == MOST_ENTRIES or weight > MOST_BYTES):
            oldest = rows[kept - 1][0]
            await DraftEdit.filter(bot_id=bot_id, number__lt=oldest).delete()
            return
        kept += 1
