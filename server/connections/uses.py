"""Who uses a connection: bots, by its name in their text, by a model that goes through it, or
because they name no model and it is the default; and the workspace's own fallbacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from server.bal.nodes import Entity, ListValue, Name, Program, Text, Value
from server.bal.parser import parse
from server.bal.properties import property_of
from server.connections.providers import BY_NAME, PROVIDERS, Provider
from server.models.tables import Bot, BotVersion, Connection
from server.workspaces.access import Viewer, mine

MOST_BOTS = 2000


class Ways(Protocol):
    """How the calls of a workspace find their connection, as the gateway chooses it."""

    @property
    def fallbacks(self) -> tuple[str, ...]: ...

    def connection_of(self, model: str | None) -> UUID | None:
        """None where a call would not go through a connection."""
        ...


@dataclass(frozen=True, slots=True)
class Use:
    """`why` is a sentence's end: `names openai:gpt-4o`."""

    bot_id: UUID
    bot_name: str
    why: str
    published: bool


async def uses_of(viewer: Viewer, row: Connection, ways: Ways) -> list[Use]:
    """Drafts and published texts."""
    found: list[Use] = []
    bots = await mine(viewer, Bot).filter(deleted_at=None).order_by("name").limit(MOST_BOTS)
    live = await _live_sources(bots)
    for bot in bots:
        published = live.get(bot.id)
        texts = [(published, True)] if published else []
        for source, is_live in [*texts, (bot.source, False)]:
            why = _why(source, row, ways)
            if why:
                found.append(Use(bot.id, bot.name, why, is_live))
                break
    return found


def fallbacks_through(row: Connection, ways: Ways) -> list[str]:
    """The models of the workspace's chain that go through it."""
    return [model for model in ways.fallbacks if ways.connection_of(model) == row.id]


async def _live_sources(bots: list[Bot]) -> dict[UUID, str]:
    ids = [bot.published_version_id for bot in bots if bot.published_version_id]
    rows = await BotVersion.filter(id__in=ids) if ids else []
    sources = {row.id: row.source for row in rows}
    return {
        bot.id: sources[version_id]
        for bot in bots
        if (version_id := bot.published_version_id) is not None and version_id in sources
    }


def _why(source: str, row: Connection, ways: Ways) -> str | None:
    program = parse(source).program
    if names_connection(source, row.name):
        return f"names “{row.name}”"
    asked = (model for entity in program.entities for model in _models(entity, program))
    for model in dict.fromkeys(asked):
        if ways.connection_of(model) == row.id:
            return f"names {model}" if model else "names no model, and this is the default"
    return None


def providers_in(program: Program) -> frozenset[str]:
    """Whose models a program names."""
    models = (model for entity in program.entities for model in _models(entity, program))
    named = (provider_of(model) for model in models if model)
    return frozenset(found for found in named if found is not None)


def names_connection(source: str, name: str) -> bool:
    return f'"{name}"' in source or f"connection={name} " in source


def _models(entity: Entity, program: Program) -> Iterator[str | None]:
    """None stands for the default, where it names no model."""
    yield from _written(entity, program, "model") or [None]
    yield from _written(entity, program, "fallbacks")


def _written(entity: Entity, program: Program, key: str) -> list[str]:
    own = property_of(entity, key)
    if own is not None:
        return list(_texts(own.value))
    defaults = program.defaults
    entries = defaults.value.entries if defaults is not None else ()
    return [text for entry in entries if entry.key.value == key for text in _texts(entry.value)]


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
