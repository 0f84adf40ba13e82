"""Figures over many executions, in a few statements however many bots are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal
from uuid import UUID

from tortoise.functions import Count, Sum
from tortoise.queryset import QuerySet, ValuesListQuery

from server.models.enums import FINAL_STATUSES, OPEN_STATUSES, ExecutionStatus
from server.models.tables import Execution, Workspace
from server.workspaces.access import Viewer, mine, require

RECENT = 200
NAMED_AT_ONCE = 500
Group = Literal["bot_id", "session_id"]


@dataclass(frozen=True, slots=True)
class BotFigures:
    """`success_rate` in percent of what has ended, null while nothing has; the median is over
    the last completed executions. `cost_nano` in nano-dollars."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    success_rate: float | None = None
    median_duration_ms: int | None = None
    cost_nano: int = 0


async def figures(viewer: Viewer, bot_ids: Sequence[UUID]) -> dict[UUID, BotFigures]:
    require(viewer, "executions:read")
    rows: list[dict[str, Any]] = (
        await mine(viewer, Execution)
        .filter(bot_id__in=list(bot_ids))
        .annotate(count=Count("id"), cost=Sum("cost_nano"))
        .group_by("bot_id", "status")
        .values("bot_id", "status", "count", "cost")
    )
    counted: dict[UUID, list[dict[str, Any]]] = {bot_id: [] for bot_id in bot_ids}
    for row in rows:
        counted[_uuid(row["bot_id"])].append(row)
    seen_bots = [bot_id for bot_id, seen in counted.items() if seen]
    durations = await _recent_durations(viewer, seen_bots)
    return {bot_id: _figures(seen, durations.get(bot_id, [])) for bot_id, seen in counted.items()}


async def counts(viewer: Viewer, bot_ids: Sequence[UUID]) -> dict[UUID, int]:
    require(viewer, "executions:read")
    rows: list[Any] = (
        await mine(viewer, Execution)
        .filter(bot_id__in=list(bot_ids))
        .annotate(count=Count("id"))
        .group_by("bot_id")
        .values_list("bot_id", "count")
    )
    found = {_uuid(bot_id): int(count) for bot_id, count in rows}
    return {bot_id: found.get(bot_id, 0) for bot_id in bot_ids}


def open_ones(workspace_ids: Sequence[UUID]) -> QuerySet[Execution]:
    """Workspaces and statuses are named, as the index begins with them."""
    return Execution.filter(workspace_id__in=workspace_ids, status__in=list(OPEN_STATUSES))


def since(rows: QuerySet[Execution], first: UUID) -> QuerySet[Execution]:
    """Of a workspace, whatever their status: an index by status is gone through in one piece, from
    the first one on, only where each status is named."""
    return rows.filter(status__in=list(ExecutionStatus), id__gte=first)


def counted(rows: QuerySet[Execution]) -> ValuesListQuery[Any]:
    """Status and how many there are. The index alone answers it."""
    return rows.annotate(count=Count("id")).group_by("status").values_list("status", "count")


async def by_status(rows: QuerySet[Execution]) -> Counter[ExecutionStatus]:
    found: list[Any] = await counted(rows)
    return Counter({ExecutionStatus(status): int(count) for status, count in found})


async def open_counts() -> dict[str, int]:
    """All workspaces, for the operator's metrics."""
    found: Counter[ExecutionStatus] = Counter()
    workspaces: list[Any] = await Workspace.all().values_list("id", flat=True)
    for place in range(0, len(workspaces), NAMED_AT_ONCE):
        found += await by_status(open_ones(workspaces[place : place + NAMED_AT_ONCE]))
    return {status.value: count for status, count in found.items()}


async def _recent_durations(viewer: Viewer, bot_ids: Sequence[UUID]) -> dict[UUID, list[int]]:
    ended = "AND status = 'completed'"
    found: dict[UUID, list[int]] = {bot_id: [] for bot_id in bot_ids}
    for row in await latest_rows(viewer, bot_ids, "bot_id, duration_ms", RECENT, ended):
        if row["duration_ms"] is not None:
            found[_uuid(row["bot_id"])].append(int(row["duration_ms"]))
    return found


async def latest_rows(
    viewer: Viewer,
    ids: Sequence[UUID],
    columns: str,
    limit: int,
    more: str = "",
    of: Group = "bot_id",
) -> list[dict[str, Any]]:
    """The latest of each bot, or of each conversation: one statement with a bounded part for each,
    which the index of the group and the id answers. Nothing but ids of ours is written into it."""
    parts = [
        f"SELECT * FROM (SELECT {columns} FROM executions WHERE {of} = '{one}' "
        f"AND workspace_id = '{viewer.workspace_id}' {more} ORDER BY id DESC LIMIT {limit}) AS t"
        for one in map(str, ids)
    ]
    if not parts:
        return []
    return await Execution._meta.db.execute_query_dict(" UNION ALL ".join(parts))


def _figures(rows: list[dict[str, Any]], durations: list[int]) -> BotFigures:
    by_status = {ExecutionStatus(row["status"]): int(row["count"]) for row in rows}
    ended = sum(by_status.get(status, 0) for status in FINAL_STATUSES)
    completed = by_status.get(ExecutionStatus.COMPLETED, 0)
    unfinished = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)
    return BotFigures(
        total=sum(by_status.values()),
        completed=completed,
        failed=sum(by_status.get(status, 0) for status in unfinished),
        success_rate=round(100 * completed / ended, 1) if ended else None,
        median_duration_ms=round(median(durations)) if durations else None,
        cost_nano=sum(int(row["cost"] or 0) for row in rows),
    )


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))
