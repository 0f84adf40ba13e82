"""Bots on their way out: which ones, what they need elsewhere, and never with a secret."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from server.bots import tags
from server.bots.bundle import MOST_BOTS, BundledBot, Contents, Stub, pack
from server.bots.readings import Reading, readings
from server.bots.versions import hash_of_source
from server.connections.uses import names_connection
from server.core.errors import InvalidState, LimitReached, NotFound
from server.core.logs import REDACTION
from server.models.tables import Bot, BotVersion, Connection
from server.workspaces.access import Viewer, mine, require
from server.workspaces.audit import Change, Subject, record

_SHORTEST_KEY = 16


class HoldsSecret(InvalidState):
    """A text holds what looks like a key."""


async def export(viewer: Viewer, bot_ids: Sequence[UUID] | None = None) -> bytes:
    """The bundle of these bots; of all that are not archived or deleted without ids."""
    data = pack(await contents(viewer, bot_ids))
    subject = Subject("bundle", None, "Bundle of bots")
    named = None if bot_ids is None else [str(one) for one in bot_ids]
    await record(viewer, "bundle.exported", subject, Change(after={"bots": named or "all"}))
    return data


async def contents(viewer: Viewer, bot_ids: Sequence[UUID] | None = None) -> Contents:
    require(viewer, "bots:read")
    bots = await _chosen(viewer, bot_ids)
    await asyncio.to_thread(_refuse_secrets, bots)
    words = await _words(bots)
    tagged = await tags.of_bots([bot.id for bot in bots])
    read = await readings(bot.source for bot in bots)
    stubs = await _stubs(viewer, bots, read)
    bundled = [_bundled(bot, tagged[bot.id], words.get(bot.id), read[bot.source]) for bot in bots]
    return Contents(tuple(bundled), tuple(stubs))


async def _chosen(viewer: Viewer, bot_ids: Sequence[UUID] | None) -> list[Bot]:
    rows = mine(viewer, Bot).filter(deleted_at=None)
    if bot_ids is not None:
        rows = rows.filter(id__in=list(bot_ids))
    found = await rows.order_by("name_key").limit(MOST_BOTS + 1)
    if len(found) > MOST_BOTS:
        raise LimitReached(
            f"A bundle holds at most {MOST_BOTS} bots.", hint="Export them in several bundles."
        )
    if bot_ids is not None and len(found) != len(set(bot_ids)):
        raise NotFound("One of these bots is not here.", path=["botIds"])
    return found


def _refuse_secrets(bots: Sequence[Bot]) -> None:
    """A goal may speak of keys; what has the length and the digits of one is not words."""
    for bot in bots:
        if any(map(_like_a_key, REDACTION.found(bot.source))):
            raise HoldsSecret(
                f"The text of {bot.name} holds what looks like a key, so it is not exported.",
                hint="Take it out of the text and put it into a connection.",
            )


def _like_a_key(text: str) -> bool:
    return len(text) >= _SHORTEST_KEY and any(letter.isdigit() for letter in text)


async def _words(bots: Sequence[Bot]) -> dict[UUID, BotVersion]:
    """What was said about the version with the text of the draft."""
    hashes = {bot.id: hash_of_source(bot.source) for bot in bots}
    rows = await BotVersion.filter(
        bot_id__in=list(hashes), source_hash__in=list(set(hashes.values()))
    ).only("id", "bot_id", "source_hash", "name", "note")
    return {row.bot_id: row for row in rows if row.source_hash == hashes[row.bot_id]}


async def _stubs(viewer: Viewer, bots: Sequence[Bot], read: Mapping[str, Reading]) -> list[Stub]:
    """Of the connections here, those that the texts name or whose models they use."""
    rows = await mine(viewer, Connection).filter(deleted_at=None).order_by("id")
    wanted = {kind for bot in bots for kind in read[bot.source].providers}
    return [
        Stub(row.kind, row.name)
        for row in rows
        if row.kind in wanted or any(names_connection(bot.source, row.name) for bot in bots)
    ]


def _bundled(
    bot: Bot, tagged: Sequence[str], version: BotVersion | None, read: Reading
) -> BundledBot:
    return BundledBot(
        name=bot.name,
        source=bot.source,
        tags=tuple(tagged),
        retention=bot.retention,
        concurrency=_limits(bot),
        version_name=version.name if version is not None else "",
        version_note=version.note if version is not None else "",
        connections=tuple(sorted(read.providers)),
        tools=tuple(sorted(read.tools)),
    )


def _limits(bot: Bot) -> dict[str, int | None] | None:
    if not bot.limited:
        return None
    return {"limit": bot.max_running, "perKey": bot.max_running_per_key}
