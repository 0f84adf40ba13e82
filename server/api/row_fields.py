"""Fields that are read from the row behind an object when they are asked for. A page has fifty rows
and a client asks for a handful of their thirty fields: what nobody asks for is not made."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import strawberry

_STRAIGHT = "_reads_straight"


def of_row(column: str, description: str) -> Any:
    """As it stands in the row."""
    return _field(attrgetter(f"row.{column}"), description)


def made_of_row(make: Callable[[Any], Any], description: str) -> Any:
    """Made of the row, by what neither waits nor asks anything else."""
    return _field(lambda source: make(source.row), description)


def straight(call: Any) -> Callable[[Any], Any] | None:
    """How a resolver that was made here reads, without the resolver around it."""
    return getattr(call, _STRAIGHT, None)


def _field(read: Callable[[Any], Any], description: str) -> Any:
    def resolver(self):  # type: ignore[no-untyped-def]  # the field's own type says what it gives
        return read(self)

    setattr(resolver, _STRAIGHT, read)
    return strawberry.field(resolver=resolver, description=description)
