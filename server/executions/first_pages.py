"""The first page of executions of each of many bots in one statement: a list of bots shows them,
and would need a statement for each of its rows otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from server.core.paging import encode_cursor
from server.executions.figures import latest_rows
from server.models.tables import Execution
from server.workspaces.access import Viewer, mine, require
from server.workspaces.listing import Page


async def first_pages(
    viewer: Viewer, bot_ids: Sequence[UUID], size: int, columns: Sequence[str] | None
) -> dict[UUID, Page[Execution]]:
    """As `list_executions` without a filter and a cursor gives them, the newest first."""
    require(viewer, "executions:read")
    seen = [one for one in bot_ids if viewer.bot_ids is None or one in viewer.bot_ids]
    found: dict[UUID, list[Execution]] = {bot_id: [] for bot_id in bot_ids}
    chosen = "*" if columns is None else ", ".join(columns)
    for row in await latest_rows(viewer, seen, chosen, size + 1):
        made = Execution._init_from_db(**row)
        found[made.bot_id].append(made)
    return {bot_id: _page(viewer, bot_id, rows, size) for bot_id, rows in found.items()}


def _page(viewer: Viewer, bot_id: UUID, rows: list[Execution], size: int) -> Page[Execution]:
    rows.sort(key=lambda row: row.id, reverse=True)
    return Page(
        rows=rows[:size],
        has_next=len(rows) > size,
        has_previous=False,
        cursor=lambda row: encode_cursor(None, row.id),
        count=mine(viewer, Execution).filter(bot_id=bot_id).count,
    )
