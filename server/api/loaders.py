"""What many rows of one answer need from another table, in one statement for all of them.

Made anew for each operation, so that nothing that is remembered gets old."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from server.bots import authors, journal, publishing, tags
from server.bots import service as bots
from server.costs.service import Office, Standing, standings
from server.executions import calls, chats, figures, kinship, service
from server.executions.first_pages import first_pages
from server.models import tables
from server.workspaces import sessions
from server.workspaces.access import Viewer
from server.workspaces.listing import Page

if TYPE_CHECKING:
    from server.executions.calls import Words
    from server.executions.figures import BotFigures, Group

Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")
Columns = tuple[str, ...] | None
FirstPages = DataLoader[tuple[UUID, int, Columns], Page[tables.Execution]]


class Loaders:
    def __init__(self, viewer: Viewer, office: Callable[[], Office]) -> None:
        self.bot: DataLoader[UUID, tables.Bot | None] = _by_id(viewer, bots.many)
        self.version: DataLoader[UUID, tables.BotVersion | None] = _by_id(
            viewer, bots.many_versions
        )
        self.version_before: DataLoader[tuple[UUID, int], tables.BotVersion | None] = _by_id(
            viewer, authors.versions_by_number
        )
        self.version_count: DataLoader[tuple[UUID, UUID], int | None] = _by_id(
            viewer, publishing.execution_counts
        )
        self.steps: DataLoader[tuple[UUID, int], tuple[bool, bool] | None] = _by_id(
            viewer, lambda _, places: journal.steps_possible(places)
        )
        self.author: DataLoader[UUID, tables.User | None] = _by_id(viewer, authors.authors)
        self.tags: DataLoader[UUID, list[str] | None] = _by_id(viewer, tags.of_seen_bots)
        self.chat: DataLoader[UUID, tables.ChatSession | None] = _by_id(viewer, chats.many)
        self.execution: DataLoader[tuple[UUID, Columns], tables.Execution | None]
        self.execution = _executions(viewer)
        self.figures: DataLoader[UUID, BotFigures | None] = _by_id(viewer, figures.figures)
        self.count: DataLoader[UUID, int | None] = _by_id(viewer, figures.counts)
        self.first_executions: FirstPages = _first_pages(viewer, "bot_id")
        self.first_messages: FirstPages = _first_pages(viewer, "session_id")
        self.standing: DataLoader[tables.Budget, Standing] = _standings(viewer, office)
        self.last_seen: DataLoader[UUID, datetime | None] = _by_id(viewer, sessions.last_seen)
        self.calls: DataLoader[UUID, dict[str, list[tables.ModelCall]]] = _one_by_one(
            lambda execution_id: _calls(viewer, execution_id)
        )
        self.children: DataLoader[UUID, dict[str, tables.Execution]] = _one_by_one(
            lambda execution_id: kinship.children_by_step(viewer, execution_id)
        )
        self.children_taken_over: DataLoader[UUID, dict[str, tables.Execution]] = _one_by_one(
            lambda execution_id: kinship.children_taken_over(viewer, execution_id)
        )
        self.words: DataLoader[tuple[UUID, str], dict[int, Words]] = _one_by_one(
            lambda place: calls.words_of(viewer, *place)
        )

    def remember(self, bot: tables.Bot, versions: Sequence[tables.BotVersion] = ()) -> None:
        """What was just read is not read again for a field below it."""
        self.bot.prime(bot.id, bot)
        self.version_before.prime((bot.id, 0), None)
        for row in versions:
            self.version.prime(row.id, row)
            self.version_before.prime((bot.id, row.number), row)


def _first_pages(viewer: Viewer, of: Group) -> FirstPages:
    """By bot or conversation, size of the page, and what is read of each row; None for all."""

    async def load(keys: list[tuple[UUID, int, Columns]]) -> list[Page[tables.Execution]]:
        found: dict[tuple[UUID, int, Columns], Page[tables.Execution]] = {}
        for size, columns in {(size, columns) for _, size, columns in keys}:
            ids = [one for one, *asked in keys if asked == [size, columns]]
            pages = await first_pages(viewer, ids, size, columns, of)
            found |= {(one, size, columns): page for one, page in pages.items()}
        return [found[key] for key in keys]

    return DataLoader(load_fn=load)


def _executions(viewer: Viewer) -> DataLoader[tuple[UUID, Columns], tables.Execution | None]:
    """By id, and what is read of each row; None for all."""

    async def load(keys: list[tuple[UUID, Columns]]) -> list[tables.Execution | None]:
        found: dict[Columns, dict[UUID, tables.Execution]] = {}
        for columns in {columns for _, columns in keys}:
            ids = [one for one, asked in keys if asked == columns]
            found[columns] = await service.many(viewer, ids, columns)
        return [found[columns].get(one) for one, columns in keys]

    return DataLoader(load_fn=load)


def _standings(viewer: Viewer, office: Callable[[], Office]) -> DataLoader[tables.Budget, Standing]:
    async def load(rows: list[tables.Budget]) -> list[Standing]:
        found = await standings(viewer, office(), rows)
        return [found[row.id] for row in rows]

    return DataLoader(load_fn=load, cache=False)  # a second change in one request moves it


async def _calls(viewer: Viewer, execution_id: UUID) -> dict[str, list[tables.ModelCall]]:
    return calls.by_step(await calls.of_execution(viewer, execution_id))


def _one_by_one(read: Callable[[Any], Awaitable[Found]]) -> DataLoader[Any, Found]:
    """What is large by itself: each is read once, however many fields want it."""

    async def load(keys: list[Any]) -> list[Found]:
        return [await read(key) for key in keys]

    return DataLoader(load_fn=load)


def _by_id(
    viewer: Viewer, read: Callable[[Viewer, Any], Awaitable[Mapping[Key, Found]]]
) -> DataLoader[Key, Found | None]:
    async def load(ids: list[Key]) -> list[Found | None]:
        found = await read(viewer, ids)
        return [found.get(one) for one in ids]

    return DataLoader(load_fn=load)
