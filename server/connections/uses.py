"""Which bots use a connection: by its name in their text, by a model of its provider, or because
they name no model and it is the default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from server.bal.nodes import Entity, ListValue, Name, Program, Text, Value
from server.bal.parser import parse
from server.bal.properties import property_of
from server.connections.providers import BY_NAME, PROVIDERS, Provider
from server.connections.registry import KINDS
from server.models.tables import Bot, BotVersion, Connection
from server.workspaces.access import Viewer, mine

MOST_BOTS = 2000


@dataclass(frozen=True, slots=True)
class Use:
    """`why` is a sentence's end: `names openai:gpt-4o`."""

    bot_id: UUID
    bot_name: str
    why: str
    published: bool


async def uses_of(viewer: Viewer, row: Connection) -> list[Use]:
    """Drafts and published texts. A provider with two connections is used through one of them:
    the default, else the older one."""
    answering = await _answering(viewer, row)
    found: list[Use] = []
    bots = await mine(viewer, Bot).filter(deleted_at=None).order_by("name").limit(MOST_BOTS)
    live = await _live_sources(bots)
    for bot in bots:
        published = live.get(bot.id)
        texts = [(published, True)] if published else []
        for source, is_live in [*texts, (bot.source, False)]:
            why = _why(source, row, answering)
            if why:
                found.append(Use(bot.id, bot.name, why, is_live))
                break
    return found


async def _answering(viewer: Viewer, row: Connection) -> bool:
    """Whether a model of its provider goes through this connection."""
    rows = await mine(viewer, Connection).filter(deleted_at=None, kind=row.kind).order_by("id")
    first = next((one for one in rows if one.is_default), rows[0] if rows else None)
    return first is not None and first.id == row.id


async def _live_sources(bots: list[Bot]) -> dict[UUID, str]:
    ids = [bot.published_version_id for bot in bots if bot.published_version_id]
    rows = await BotVersion.filter(id__in=ids) if ids else []
    sources = {row.id: row.source for row in rows}
    return {
        bot.id: sources[version_id]
        for bot in bots
        if (version_id := bot.published_version_id) is not None and version_id in sources
    }


def _why(source: str, row: Connection, answering: bool) -> str | None:
    program = parse(source).program
    if names_connection(source, row.name):
        return f"names “{row.name}”"
    provider = KINDS[row.kind].provider
    unnamed = False
    for entity in program.entities:
        models = list(_models(entity, program))
        unnamed = unnamed or not models
        for model in models:
            if answering and provider_of(model) == provider:
                return f"names {model}"
    if unnamed and row.is_default:
        return "names no model, and this is the default"
    return None


def providers_in(program: Program) -> frozenset[str]:
    """Whose models a program names."""
    models = (model for entity in program.entities for model in _models(entity, program))
    return frozenset(found for found in map(provider_of, models) if found is not None)


def names_connection(source: str, name: str) -> bool:
    return f'"{name}"' in source or f"connection={name} " in source


def _models(entity: Entity, program: Program) -> Iterator[str]:
    for key in ("model", "fallbacks"):
        written = property_of(entity, key)
        if written is not None:
            yield from _texts(written.value)
            continue
        defaults = program.defaults
        for entry in defaults.value.entries if defaults is not None else ():
            if entry.key.value == key:
                yield from _texts(entry.value)


def _texts(value: Value) -> Iterator[str]:
    for item in value.items if isinstance(value, ListValue) else (value,):
        if isinstance(item, Text | Name) and item.value.strip():
            yield item.value.strip()


def provider_of(model: str) -> str | None:
    """By its prefix or, for a bare name, by the family that it begins with."""
    prefix, colon, _ = model.partition(":")
    if colon and prefix.lower() in BY_NAME:
        return BY_NAME[prefix.lower()].name
    return next((one.name for one in PROVIDERS if _is_family(one, model)), None)


def _is_family(provider: Provider, model: str) -> bool:
    return bool(provider.families) and model.startswith(provider.families)
