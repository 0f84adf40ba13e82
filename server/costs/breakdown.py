"""What the executions of one bot have cost: by version, and by what started them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

from tortoise.functions import Count, Sum
from tortoise.queryset import QuerySet

from server.core.clock import Clock
from server.costs.summary import first_day
from server.models.tables import Bot, BotVersion, Execution
from server.workspaces.access import Viewer, mine, one_of_mine, require


@dataclass(frozen=True, slots=True)
class Part:
    """`unpriced`: executions with a call without a known price, which the cost does not hold."""

    key: str
    name: str
    executions: int
    input_tokens: int
    output_tokens: int
    cost_nano: int
    unpriced: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    total: Part
    by_version: list[Part]
    by_trigger: list[Part]


async def breakdown(viewer: Viewer, clock: Clock, bot_id: UUID, days: int = 30) -> Breakdown:
    """Of the executions that were started in the last days, today included."""
    require(viewer, "costs:read")
    bot = await one_of_mine(viewer, Bot, bot_id, "bot")
    since = await first_day(viewer, clock, days)
    rows = mine(viewer, Execution).filter(bot_id=bot.id, created_at__gte=since.astimezone(UTC))
    versions = await _grouped(rows, "version_id", str)
    numbers = await _numbers([part.key for part in versions])
    triggers = await _grouped(rows, "trigger_kind", lambda kind: str(getattr(kind, "value", kind)))
    return Breakdown(
        total=_total(versions),
        by_version=[_named(part, numbers.get(part.key, "Deleted version")) for part in versions],
        by_trigger=triggers,
    )


async def _grouped(
    rows: QuerySet[Execution], key: str, text_of: Callable[[Any], str]
) -> list[Part]:
    """The dearest first."""
    found: list[dict[str, Any]] = (
        await rows.annotate(
            count=Count("id"),
            input=Sum("input_tokens"),
            output=Sum("output_tokens"),
            cost=Sum("cost_nano"),
        )
        .group_by(key, "unpriced")
        .values(key, "unpriced", "count", "input", "output", "cost")
    )
    parts: dict[str, list[Part]] = {}
    for row in found:
        name, count = text_of(row[key]), int(row["count"])
        unpriced = count if row["unpriced"] else 0
        sums = (int(row["input"] or 0), int(row["output"] or 0), int(row["cost"] or 0))
        parts.setdefault(name, []).append(Part(name, name, count, *sums, unpriced))
    summed = [_named(_total(group), name, name) for name, group in parts.items()]
    return sorted(summed, key=lambda part: (-part.cost_nano, -part.executions, part.key))


async def _numbers(ids: list[str]) -> dict[str, str]:
    rows = await BotVersion.filter(id__in=[UUID(one) for one in ids]) if ids else []
    return {str(row.id): row.name or f"Version {row.number}" for row in rows}


def _total(parts: list[Part]) -> Part:
    return Part(
        "total",
        "Total",
        sum(one.executions for one in parts),
        sum(one.input_tokens for one in parts),
        sum(one.output_tokens for one in parts),
        sum(one.cost_nano for one in parts),
        sum(one.unpriced for one in parts),
    )


def _named(part: Part, name: str, key: str | None = None) -> Part:
    return Part(
        key or part.key,
        name,
        part.executions,
        part.input_tokens,
        part.output_tokens,
        part.cost_nano,
        part.unpriced,
    )
