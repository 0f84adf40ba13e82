"""Fields that are read from the row behind an object when they are asked for. A page has fifty rows
and a client asks for a handful of their thirty fields: what nobody asks for is not made."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

import strawberry

_STRAIGHT = "_reads_straight"
_row: Callable[[Any], Any] = attrgetter("row")

Column = list[Any]
Resolver = TypeVar("Resolver", bound=Callable[..., Any])


def of_row(column: str, description: str) -> Any:
    """As it stands in the row."""
    read = attrgetter(f"row.{column}")
    return _field(read, lambda sources: list(map(read, sources)), description)


def made_of_row(make: Callable[[Any], Any], description: str) -> Any:
    """Made of the row, by what neither waits nor asks anything else."""
    return _field(
        lambda source: make(source.row),
        lambda sources: list(map(make, map(_row, sources))),
        description,
    )


def reads_all(read: Callable[[Column], Column]) -> Callable[[Resolver], Resolver]:
    """Says how the field is read of many objects at once. What raises is left to the resolver."""

    def said(resolver: Resolver) -> Resolver:
        setattr(resolver, _STRAIGHT, read)
        return resolver

    return said


def straight(call: Any) -> Callable[[Column], Column] | None:
    """How a resolver that was made here reads many objects, without the resolver around it."""
    return getattr(call, _STRAIGHT, None)


def _field(
    read: Callable[[Any], Any], read_all: Callable[[Column], Column], description: str
) -> Any:
    @reads_all(read_all)
    def resolver(self):  # type: ignore[no-untyped-def]  # the field's own type says what it gives
        return read(self)

    return strawberry.field(resolver=resolver, description=description)
