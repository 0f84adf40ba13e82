"""What many rows of one answer need from another table, in one statement for all of them.

Made anew for each operation, so that nothing that is remembered gets old."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from server.bots import service as bots
from server.executions import figures
from server.models import tables
from server.workspaces.access import Viewer

if TYPE_CHECKING:
    from server.executions.figures import BotFigures

Found = TypeVar("Found")


class Loaders:
    def __init__(self, viewer: Viewer) -> None:
        self.bot: DataLoader[UUID, tables.Bot | None] = _by_id(viewer, bots.many)
        self.version: DataLoader[UUID, tables.BotVersion | None] = _by_id(
            viewer, bots.many_versions
        )
        self.figures: DataLoader[UUID, BotFigures | None] = _by_id(viewer, figures.figures)
        self.count: DataLoader[UUID, int | None] = _by_id(viewer, figures.counts)
        self.last_execution: DataLoader[UUID, tables.Execution | None] = _by_id(
            viewer, figures.last_executions
        )


def _by_id(
    viewer: Viewer, read: Callable[[Viewer, Any], Awaitable[Mapping[UUID, Found]]]
) -> DataLoader[UUID, Found | None]:
    async def load(ids: list[UUID]) -> list[Found | None]:
        found = await read(viewer, ids)
        return [found.get(one) for one in ids]

    return DataLoader(load_fn=load)
