"""The first page of executions of each of many bots, or conversations, in one statement: a list of
those shows them, and would need a statement for each of its rows otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from server.core.paging import encode_cursor
from server.executions.figures import Group, latest_rows
from server.models.quick_row import literals
from server.models.tables import Execution
from server.workspaces.access import Viewer, mine, require
from server.workspaces.listing import Page


async def first_pages(
    viewer: Viewer,
    ids: Sequence[UUID],
    size: int,
    columns: Sequence[str] | None,
    of: Group = "bot_id",
) -> dict[UUID, Page[Execution]]:
    """As `list_executions` without a filter and a cursor gives them, the newest first."""
    require(viewer, "executions:read")
    found: dict[UUID, list[Execution]] = {one: [] for one in ids}
    if viewer.bot_ids != frozenset():
        chosen = "*" if columns is None else ", ".join(sorted({*columns, of}))
        narrow = "" if viewer.bot_ids is None else f"AND bot_id IN ({literals(viewer.bot_ids)})"
        for row in await latest_rows(viewer, ids, chosen, size + 1, narrow, of):
            made = Execution._init_from_db(**row)
            found[getattr(made, of)].append(made)
    return {one: _page(viewer, {of: one}, rows, size) for one, rows in found.items()}


def _page(viewer: Viewer, of: dict[str, UUID], rows: list[Execution], size: int) -> Page[Execution]:
    rows.sort(key=lambda row: row.id, reverse=True)
    return Page(
        rows=rows[:size],
        has_next=len(rows) > size,
        has_previous=False,
        cursor=lambda row: encode_cursor(None, row.id),
        count=mine(viewer, Execution).filter(**of).count,
    )
