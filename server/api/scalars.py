"""How single values look on the wire. Money is text and instants end in Z, so no client rounds
or guesses a zone."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

BigInt = NewType("BigInt", int)
"""Counts and milliseconds: GraphQL's own Int ends at 2^31, a run that waits 25 days does not."""

Cursor = NewType("Cursor", str)
BalSource = NewType("BalSource", str)
Duration = NewType("Duration", timedelta)

_SAFE = 2**53 - 1
_DURATION = re.compile(
    r"P(?=[\dT])(?:(\d{1,6})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})(?:[.,](\d{1,6}))?S)?)?"
)


def dollars(nano: int) -> Decimal:
    """Stored nano-dollars as the exact amount."""
    return Decimal(nano).scaleb(-9)


def whole(number: int | None) -> BigInt | None:
    return None if number is None else BigInt(number)


def _write_instant(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value.isoformat(timespec="milliseconds")[:-6] + "Z"


def _read_instant(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise GraphQLError(
            "A DateTime is text such as 2026-11-03T09:30:00Z (RFC 3339, with a zone)."
        ) from None
    if moment.tzinfo is None:
        raise GraphQLError("This DateTime has no zone: end it with Z or an offset like +02:00.")
    return moment.astimezone(UTC)


def _read_decimal(value: Any) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise GraphQLError('A Decimal is sent as text such as "0.25".')
    return number


def _read_whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _SAFE:
        raise GraphQLError(
            "A BigInt is a whole number between -(2^53-1) and 2^53-1, sent as a number and not as "
            "text."
        )
    return value


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("This is sent as text.")
    return value


def _read_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    """Written out in the document, where a number beyond what JSON readers take would become an
    infinity, and that nothing. Variables come from a body that is checked as it is read."""
    value: Any = value_from_ast_untyped(node, variables)
    left: list[Any] = [value]
    while left:
        one = left.pop()
        if isinstance(one, float) and not math.isfinite(one):
            raise GraphQLError("A number in this is too large for JSON; send it as text.")
        if isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return value


def _read_duration(value: Any) -> timedelta:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise GraphQLError(
            "A Duration is text such as P7D or PT1H30M (ISO 8601, weeks to seconds)."
        )
    weeks, days, hours, minutes, seconds, part = found.groups(default="0")
    return timedelta(
        weeks=int(weeks),
        days=int(days),
        hours=int(hours),
        minutes=int(minutes),
        seconds=float(f"{seconds}.{part}"),
    )


def _write_duration(value: timedelta) -> str:
    return f"PT{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "S"


DateTime: ScalarDefinition = strawberry.scalar(
    name="DateTime",
    description="An instant in UTC as RFC 3339 text with milliseconds, e.g. "
    "`2026-11-03T09:30:00.000Z`. Any offset is accepted on the way in.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    serialize=_write_instant,
    parse_value=_read_instant,
)
JsonScalar: ScalarDefinition = strawberry.scalar(
    name="JSON",
    description="Any JSON value: object, list, text, number, true, false or null.",
    serialize=lambda value: value,
    parse_value=lambda value: value,
    parse_literal=_read_json_literal,
)
DecimalScalar: ScalarDefinition = strawberry.scalar(
    name="Decimal",
    description='An exact decimal number as text, e.g. `"0.000125"`. Money is in US dollars.',
    serialize=lambda value: format(value, "f"),
    parse_value=_read_decimal,
)
BigIntScalar: ScalarDefinition = strawberry.scalar(
    name="BigInt",
    description="A whole number up to 2^53-1, as a JSON number: token counts, milliseconds.",
    serialize=int,
    parse_value=_read_whole,
)

CursorScalar: ScalarDefinition = strawberry.scalar(
    name="Cursor",
    description="A place in a list, as a list gave it out; its form may change. A variable for it "
    "may also be declared as String.",
    serialize=str,
    parse_value=_read_text,
)
BalSourceScalar: ScalarDefinition = strawberry.scalar(
    name="BalSource",
    description="A program in BAL, as text of at most 512 KiB. A variable for it may also be "
    "declared as String.",
    serialize=str,
    parse_value=_read_text,
)
DurationScalar: ScalarDefinition = strawberry.scalar(
    name="Duration",
    description="A length of time as ISO 8601 text in weeks, days, hours, minutes and seconds, "
    "such as `P7D` or `PT1H30M`.",
    specified_by_url="https://scalars.graphql.org/andimarek/duration",
    serialize=_write_duration,
    parse_value=_read_duration,
)

# A String variable fits where one of these is expected, when reading it changes nothing.
TEXTS = frozenset({"Cursor", "BalSource"})

SCALARS: dict[object, ScalarDefinition] = {
    datetime: DateTime,
    JSON: JsonScalar,
    Decimal: DecimalScalar,
    BigInt: BigIntScalar,
    Cursor: CursorScalar,
    BalSource: BalSourceScalar,
    Duration: DurationScalar,
}
