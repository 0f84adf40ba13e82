"""A page of executions by one statement that is written here: putting it together by way of
Tortoise takes longer than the database needs to answer it. For lists by workspace and bot; what is
filtered further goes the ordinary way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from server.core.errors import Invalid
from server.core.paging import decode_cursor, encode_cursor, page_size
from server.models.quick_row import literal, literals
from server.models.tables import Execution
from server.workspaces.access import Viewer
from server.workspaces.listing import Page, PageAsk


async def quick_page(
    viewer: Viewer,
    ask: PageAsk,
    bot_id: UUID | None,
    columns: Sequence[str],
    count: Callable[[], Awaitable[int]],
    *,
    descending: bool,
) -> Page[Execution]:
    """As `read_page` gives it, with these columns of each row."""
    if ask.first is not None and ask.last is not None:
        raise Invalid("Ask for first or for last, not for both.", path=["last"])
    size = page_size(ask.last, path="last") if ask.backwards else page_size(ask.first)
    falling = descending != ask.backwards
    look = Execution.read if "*" in columns else Execution.glance
    found = await look(
        f"SELECT {', '.join(columns)} FROM executions "
        f"WHERE {' AND '.join(_conditions(viewer, ask, bot_id, descending))} "
        f"ORDER BY id {'DESC' if falling else 'ASC'} LIMIT {size + 1}"
    )
    more, found = len(found) > size, found[:size]
    if ask.backwards:
        found.reverse()
    return Page(
        rows=found,
        has_next=bool(ask.before) if ask.backwards else more,
        has_previous=more if ask.backwards else bool(ask.after),
        cursor=lambda row: encode_cursor(None, row.id),
        count=count,
    )


def _conditions(viewer: Viewer, ask: PageAsk, bot_id: UUID | None, descending: bool) -> list[str]:
    found = [f"workspace_id = {literal(viewer.workspace_id)}"]
    if viewer.bot_ids is not None:
        found.append(f"bot_id IN ({literals(viewer.bot_ids)})" if viewer.bot_ids else "1 = 0")
    if bot_id is not None:
        found.append(f"bot_id = {literal(bot_id)}")
    for given, path, behind in ((ask.after, "after", True), (ask.before, "before", False)):
        if given is not None:
            side = "<" if descending is behind else ">"
            found.append(f"id {side} {literal(decode_cursor(given, path).id)}")
    return found
