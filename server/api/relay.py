"""Relay: nodes, connections and the arguments that page through them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, TypeVar

import strawberry

from server.api.scalars import Cursor
from server.workspaces.listing import Page

NodeType = TypeVar("NodeType")


@strawberry.interface(description="Anything with an id that `node` and `nodes` can fetch.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Type prefix and a UUIDv7 in base32, e.g. `bot_…`; the same everywhere."
    )


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="More follow after `endCursor`.")
    has_previous_page: bool = strawberry.field(description="More stand before `startCursor`.")
    start_cursor: Cursor | None = strawberry.field(
        default=None, description="Cursor of the first edge; pass it as `before`."
    )
    end_cursor: Cursor | None = strawberry.field(
        default=None, description="Cursor of the last edge; pass it as `after`."
    )


@strawberry.type(description="One place in a list.")
class Edge(Generic[NodeType]):
    cursor: Cursor = strawberry.field(
        description="Where this node stands; stays valid when others are added or removed."
    )
    node: NodeType = strawberry.field(description="What stands there.")


@strawberry.type(
    description="A page of a list. `first`/`after` walk forwards, `last`/`before` backwards; "
    "25 by default, 100 at most, and not both directions in one request."
)
class Connection(Generic[NodeType]):
    rows: strawberry.Private[list[NodeType]]
    cursors: strawberry.Private[Callable[[], Iterable[str]]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="Nodes with their cursors.")
    def edges(self) -> list[Edge[NodeType]]:
        pairs = zip(self.cursors(), self.rows, strict=True)
        return [Edge(cursor=Cursor(cursor), node=node) for cursor, node in pairs]

    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @strawberry.field(description="The nodes alone, where the cursors are of no interest.")
    def nodes(self) -> list[NodeType]:
        return self.rows

    @strawberry.field(description="How many the whole list holds; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.count()


def connection_of(
    page: Page[Any], made: type[Connection[NodeType]], of: Callable[[Any], NodeType]
) -> Connection[NodeType]:
    info = PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=Cursor(page.cursor(page.rows[0])) if page.rows else None,
        end_cursor=Cursor(page.cursor(page.rows[-1])) if page.rows else None,
    )
    return made(
        rows=[of(row) for row in page.rows],
        cursors=lambda: map(page.cursor, page.rows),
        page_info=info,
        count=page.count,
    )
