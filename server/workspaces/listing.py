"""Pages of rows by keyset: as quick on page one thousand as on the first, and stable while rows
come and go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from tortoise.expressions import Q
from tortoise.fields import BigIntField
from tortoise.models import Model
from tortoise.queryset import QuerySet

from server.core.errors import Invalid
from server.core.paging import Cursor, decode_cursor, encode_cursor, page_size

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class PageAsk:
    """As in a Relay connection: `first`/`after` forwards, `last`/`before` backwards."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    @property
    def plain(self) -> bool:
        """From the beginning on."""
        return self.after is None and self.last is None and self.before is None

    @property
    def backwards(self) -> bool:
        return self.last is not None or (self.before is not None and self.first is None)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: list[Row]
    has_next: bool
    has_previous: bool
    cursor: Callable[[Row], str]
    count: Callable[[], Awaitable[int]]


async def read_page(
    rows: QuerySet[Row],
    ask: PageAsk,
    key: str = "id",
    descending: bool = True,
    *,
    ties_descending: bool | None = None,
) -> Page[Row]:
    """Sorted by `key` and then by id, so that equal keys have an order too: the same, unless
    `ties_descending` says another."""
    if ask.first is not None and ask.last is not None:
        raise Invalid("Ask for first or for last, not for both.", path=["last"])
    size = page_size(ask.last, path="last") if ask.backwards else page_size(ask.first)
    ways = {"id": descending if ties_descending is None else ties_descending, key: descending}
    chosen = _between(rows, ask, key, ways)
    sorted_by = [key] if key == "id" else [key, "id"]
    order = [f"{'-' if ways[by] != ask.backwards else ''}{by}" for by in sorted_by]
    found = await chosen.order_by(*order).limit(size + 1)
    more, found = len(found) > size, found[:size]
    if ask.backwards:
        found.reverse()
    return Page(
        rows=found,
        has_next=bool(ask.before) if ask.backwards else more,
        has_previous=more if ask.backwards else bool(ask.after),
        cursor=lambda row: encode_cursor(_key_of(row, key), _as_uuid(row.pk)),
        count=rows.count,
    )


def _between(rows: QuerySet[Row], ask: PageAsk, key: str, ways: dict[str, bool]) -> QuerySet[Row]:
    """`ways`: by what it is sorted, and whether that falls."""
    if ask.after is not None:
        cursor = decode_cursor(ask.after)
        rows = rows.filter(_behind(rows, cursor, key, ways))
    if ask.before is not None:
        cursor = decode_cursor(ask.before, "before")
        other_way = {by: not falls for by, falls in ways.items()}
        rows = rows.filter(_behind(rows, cursor, key, other_way))
    return rows


def _behind(rows: QuerySet[Any], cursor: Cursor, key: str, ways: dict[str, bool]) -> Q:
    sides = {by: "lt" if falls else "gt" for by, falls in ways.items()}
    numbered = isinstance(rows.model._meta.pk, BigIntField)
    behind: dict[str, Any] = {f"id__{sides['id']}": cursor.id.int if numbered else cursor.id}
    if key == "id":
        return Q(**behind)
    further: dict[str, Any] = {f"{key}__{sides[key]}": cursor.key}
    same: dict[str, Any] = {key: cursor.key, **behind}
    return Q(**further) | Q(**same)


def _as_uuid(pk: Any) -> UUID:
    """A numbered row's cursor has the form of all cursors."""
    return UUID(int=pk) if isinstance(pk, int) else pk


def _key_of(row: Any, key: str) -> Any:
    return None if key == "id" else getattr(row, key)
