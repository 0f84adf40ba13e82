"""The tools that the bots of a workspace may be given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from server.api.access import query
from server.api.context import Info
from server.api.kinds import ToolDanger, ToolLayer
from server.api.relay import Connection, connection_of
from server.api.scalars import Cursor
from server.core.errors import Invalid
from server.core.paging import decode_cursor, encode_cursor, page_size
from server.tools.base import Tool as Row
from server.tools.catalogue import catalogue
from server.workspaces.listing import Page, PageAsk

NOBODY = UUID(int=0)


@strawberry.type(description="Something that a bot can do besides asking a model.")
class Tool:
    name: str = strawberry.field(description="What programs call it; unique in the workspace.")
    description: str = strawberry.field(description="What a model is told about it.")
    layer: ToolLayer = strawberry.field(description="Where it comes from.")
    danger: ToolDanger = strawberry.field(description="What it may do to the world.")
    needs_approval: bool = strawberry.field(description="Whether a person has to agree each time.")
    idempotent: bool = strawberry.field(
        description="Whether a second call with the same idempotency key does no harm. For others "
        "a person is asked after a crash in the middle of a call."
    )
    timeout_seconds: float = strawberry.field(description="How long one call may take, in seconds.")
    input_schema: JSON = strawberry.field(description="JSON Schema of its arguments.")

    @classmethod
    def of(cls, tool: Row) -> Tool:
        return cls(
            name=tool.name,
            description=tool.description,
            layer=tool.layer,
            danger=tool.danger,
            needs_approval=tool.needs_approval,
            idempotent=tool.idempotent,
            timeout_seconds=tool.timeout,
            input_schema=JSON(tool.schema),
        )


@strawberry.type
class ToolQueries:
    @query("bots:read", "The tools that a bot may be given, by name.")
    async def tools(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Tool]:
        found = await catalogue(info.context.asker.workspace_id)
        rows = sorted(found.tools, key=lambda tool: tool.name)
        page = _page(rows, PageAsk(first, after, last, before))
        return connection_of(page, Connection[Tool], Tool.of)


def _page(tools: Sequence[Row], ask: PageAsk) -> Page[Any]:
    """As `read_page` does it for rows of a table: a tool that comes or goes moves no other."""
    if ask.first is not None and ask.last is not None:
        raise Invalid("Ask for first or for last, not for both.", path=["last"])
    size = page_size(ask.last, path="last") if ask.backwards else page_size(ask.first)
    chosen = list(tools)
    if ask.after is not None:
        chosen = [tool for tool in chosen if tool.name > str(decode_cursor(ask.after).key)]
    if ask.before is not None:
        behind = str(decode_cursor(ask.before, "before").key)
        chosen = [tool for tool in chosen if tool.name < behind]
    kept = chosen[max(0, len(chosen) - size) :] if ask.backwards else chosen[:size]
    more = len(kept) < len(chosen)

    async def count() -> int:
        return len(tools)

    return Page(
        rows=kept,
        has_next=bool(ask.before) if ask.backwards else more,
        has_previous=more if ask.backwards else bool(ask.after),
        cursor=lambda tool: encode_cursor(tool.name, NOBODY),
        count=count,
    )
