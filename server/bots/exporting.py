"""Bots on their way out: which ones, what they need elsewhere, and never with a secret."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from server.bal.parser import parse
from server.bal.properties import entity_spec
from server.bots import tags
from server.bots.bundle import MOST_BOTS, BundledBot, Contents, Stub, pack
from server.bots.versions import hash_of_source
from server.connections.uses import names_connection, providers_in
from server.core.errors import InvalidState, LimitReached, NotFound
from server.core.logs import REDACTION
from server.models.tables import Bot, BotVersion, Connection
from server.tools.catalogue import BUILT_IN
from server.workspaces.access import Viewer, mine, require
from server.workspaces.audit import Change, Subject, record

_SHORTEST_KEY = 16
_BUILT_IN = frozenset(tool.name for tool in BUILT_IN)


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
    for bot in bots:
        _refuse_secrets(bot)
    words = await _words(bots)
    tagged = await tags.of_bots([bot.id for bot in bots])
    stubs = await _stubs(viewer, bots)
    bundled = [_bundled(bot, tagged[bot.id], words.get(bot.id)) for bot in bots]
    return Contents(tuple(bundled), tuple(stubs))


def tools_in(source: str) -> set[str]:
    """Those that do not come with every installation."""
    program = parse(source).program
    specs = [entity_spec(entity, program.defaults) for entity in program.entities]
    return {name for spec in specs for name in (*spec.tools, *spec.can_request)} - _BUILT_IN


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


def _refuse_secrets(bot: Bot) -> None:
    """A goal may speak of keys; what has the length and the digits of one is not words."""
    for text in REDACTION.found(bot.source):
        if len(text) >= _SHORTEST_KEY and any(letter.isdigit() for letter in text):
            raise HoldsSecret(
                f"The text of {bot.name} holds what looks like a key, so it is not exported.",
                hint="Take it out of the text and put it into a connection.",
            )


async def _words(bots: Sequence[Bot]) -> dict[UUID, BotVersion]:
    """What was said about the version with the text of the draft."""
    hashes = {bot.id: hash_of_source(bot.source) for bot in bots}
    rows = await BotVersion.filter(
        bot_id__in=list(hashes), source_hash__in=list(set(hashes.values()))
    ).only("id", "bot_id", "source_hash", "name", "note")
    return {row.bot_id: row for row in rows if row.source_hash == hashes[row.bot_id]}


async def _stubs(viewer: Viewer, bots: Sequence[Bot]) -> list[Stub]:
    """Of the connections here, those that the texts name or whose models they use."""
    rows = await mine(viewer, Connection).filter(deleted_at=None).order_by("id")
    wanted = {kind for bot in bots for kind in providers_in(bot.source)}
    return [
        Stub(row.kind, row.name)
        for row in rows
        if row.kind in wanted or any(names_connection(bot.source, row.name) for bot in bots)
    ]


def _bundled(bot: Bot, tagged: Sequence[str], version: BotVersion | None) -> BundledBot:
    return BundledBot(
        name=bot.name,
        source=bot.source,
        tags=tuple(tagged),
        retention=bot.retention,
        version_name=version.name if version is not None else "",
        version_note=version.note if version is not None else "",
        connections=tuple(sorted(providers_in(bot.source))),
        tools=tuple(sorted(tools_in(bot.source))),
    )
