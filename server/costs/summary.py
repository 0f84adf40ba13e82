"""Where the money went: sums over the usage rows of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tortoise.expressions import Case, RawSQL, When
from tortoise.functions import Count, Sum
from tortoise.queryset import QuerySet

from server.core.clock import Clock
from server.core.errors import Invalid
from server.costs.operations import entity_of_key, named_entity, named_operation, operation_of_row
from server.costs.periods import zone_of
from server.models.tables import Bot, Connection, Execution, Usage, Workspace
from server.workspaces.access import Viewer, mine, require

MOST_DAYS = 366
# The dearest tools and agents; what is left of them is summed in one line.
MOST_LINES = 50
MOST_EXECUTIONS = 20
OTHER = "other"
ENVIRONMENT = "environment"
DEMO = "demo"
_GONE = "Deleted connection"


@dataclass(frozen=True, slots=True)
class Line:
    """What was paid under one key. `unpriced`: calls without a known price, which the cost does not
    hold."""

    key: str
    name: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_nano: int
    unpriced: int


@dataclass(frozen=True, slots=True)
class Summary:
    total: Line
    by_bot: list[Line]
    by_execution: list[Line]
    by_model: list[Line]
    by_day: list[Line]
    by_provider: list[Line]
    by_connection: list[Line]
    by_operation: list[Line]
    by_entity: list[Line]


async def summary(viewer: Viewer, clock: Clock, days: int = 30) -> Summary:
    """The last days, today included, each as the workspace's time zone has it."""
    require(viewer, "costs:read")
    since = await first_day(viewer, clock, days)
    rows = mine(viewer, Usage).filter(created_at__gte=since.astimezone(UTC))
    entity = entity_of_key(Usage._meta.db.capabilities.dialect)
    entities = await _grouped(rows.annotate(entity=entity), "bot_id", "entity")
    by_bot = _merged(entities, lambda line: line.key.partition(":")[0])
    names = await _bot_names(viewer, [line.key for line in by_bot])
    by_model = await _grouped(rows, "provider", "model")
    paths = await _grouped(
        rows.annotate(operation=operation_of_row()), "connection_id", "provider", "operation"
    )
    return Summary(
        total=_total(by_model),
        by_bot=[_named(line, names.get(line.key, "Deleted bot")) for line in by_bot],
        by_execution=await _by_execution(viewer, rows, names, since),
        by_model=by_model,
        by_day=await _by_day(rows, since, days),
        by_provider=_merged(by_model, lambda line: line.key.partition(":")[0]),
        by_connection=await _by_connection(viewer, paths),
        by_operation=_by_operation(paths),
        by_entity=_by_entity(entities, names),
    )


def _by_operation(paths: list[Line]) -> list[Line]:
    found = _merged(paths, lambda line: line.key.split(":", 2)[2])
    return _cut([_named(line, *named_operation(line.key)) for line in found])


async def _by_execution(
    viewer: Viewer, rows: QuerySet[Usage], bots: dict[str, str], since: datetime
) -> list[Line]:
    """Only the dearest: a month may hold a million of them."""
    dearest: list[Any] = (
        await rows.filter(execution_id__isnull=False)
        .annotate(cost=Sum("cost_nano"))
        .group_by("execution_id")
        .order_by("-cost", "-execution_id")
        .limit(MOST_EXECUTIONS)
        .values_list("execution_id", flat=True)
    )
    if not dearest:
        return []
    lines = await _grouped(rows.filter(execution_id__in=dearest), "execution_id", "bot_id")
    ids = {UUID(line.key.partition(":")[0]) for line in lines}
    begun = dict(await mine(viewer, Execution).filter(id__in=ids).values_list("id", "created_at"))
    found: list[Line] = []
    for line in lines:
        execution, _, bot = line.key.partition(":")
        at = begun.get(UUID(execution))
        when = f"{at.astimezone(since.tzinfo):%d %b, %H:%M}" if at else "deleted"
        found.append(_named(line, f"{bots.get(bot, 'Deleted bot')} · {when}", execution))
    return found


async def _by_connection(viewer: Viewer, paths: list[Line]) -> list[Line]:
    """What tools pay for goes through none. The keys of the environment are told apart by provider:
    each of them is another account."""
    merged = _merged(
        (line for line in paths if line.key.endswith(":")), lambda line: _through(line.key)
    )
    names = await _connection_names(viewer, [line.key for line in merged])
    return _cut([_named(line, names.get(line.key, _GONE)) for line in merged])


def _through(key: str) -> str:
    connection, provider, _ = key.split(":", 2)
    return f"{ENVIRONMENT}:{provider}" if connection == "None" else connection


def _by_entity(lines: list[Line], bots: dict[str, str]) -> list[Line]:
    """Agents of different bots are different ones, whatever they are called."""
    merged = _merged(lines, lambda line: named_entity(line.key))
    found: list[Line] = []
    for line in merged:
        bot, _, entity = line.key.partition(":")
        words = entity.replace("use:", "use ", 1) or "No step"
        found.append(_named(line, f"{words} · {bots.get(bot, 'Deleted bot')}"))
    return _cut(found)


def _merged(lines: Iterable[Line], key_of: Callable[[Line], str]) -> list[Line]:
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(key_of(line), []).append(line)
    return _dearest(_named(_total(group), key, key) for key, group in groups.items())


def _cut(lines: list[Line]) -> list[Line]:
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[: MOST_LINES - 1], _named(_total(lines[MOST_LINES - 1 :]), "Other", OTHER)]


async def first_day(viewer: Viewer, clock: Clock, days: int) -> datetime:
    """The midnight that so many days begin with, in the workspace's time zone."""
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"Ask for 1 to {MOST_DAYS} days.", path=["days"])
    zone = await _zone(viewer)
    today = clock.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days - 1)


async def _zone(viewer: Viewer) -> ZoneInfo:
    return zone_of((await Workspace.get(id=viewer.workspace_id).only("id", "timezone")).timezone)


async def _grouped(rows: QuerySet[Usage], *keys: str) -> list[Line]:
    found: list[dict[str, Any]] = (
        await rows.annotate(
            calls=Count("id"),
            input=Sum("input_tokens"),
            output=Sum("output_tokens"),
            cost=Sum("cost_nano"),
        )
        .group_by(*keys, "unpriced")
        .values(*keys, "unpriced", "calls", "input", "output", "cost")
    )
    lines: dict[str, Line] = {}
    for row in found:
        key = ":".join(str(row[name]) for name in keys)
        lines[key] = _plus(lines.get(key) or _nothing(key), row)
    return _dearest(lines.values())


def _dearest(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (-line.cost_nano, -line.calls, line.key))


def _plus(line: Line, row: dict[str, Any]) -> Line:
    calls = int(row["calls"])
    return Line(
        line.key,
        line.name,
        line.calls + calls,
        line.input_tokens + int(row["input"] or 0),
        line.output_tokens + int(row["output"] or 0),
        line.cost_nano + int(row["cost"] or 0),
        line.unpriced + (calls if row["unpriced"] else 0),
    )


async def _by_day(rows: QuerySet[Usage], since: datetime, days: int) -> list[Line]:
    """In one statement: the days are the workspace's own, with 23 or 25 hours now and then, so
    their beginnings are told to the database."""
    starts = [since + timedelta(days=number) for number in range(days)]
    counted = {line.key: line for line in await _grouped(rows.annotate(day=_day_of(starts)), "day")}
    found: list[Line] = []
    for number, begins in enumerate(starts):
        day = begins.date().isoformat()
        found.append(_named(counted.get(str(number)) or _nothing(day), day, day))
    return found


def _day_of(starts: list[datetime], first: int = 0) -> Any:
    """Which of the days, found by halving: nine comparisons for a year, not 366."""
    if len(starts) == 1:
        return RawSQL(str(first))
    half = len(starts) // 2
    return Case(
        When(created_at__lt=starts[half].astimezone(UTC), then=_day_of(starts[:half], first)),
        default=_day_of(starts[half:], first + half),
    )


def _nothing(key: str) -> Line:
    return Line(key, key, 0, 0, 0, 0, 0)


def _total(lines: Iterable[Line]) -> Line:
    lines = list(lines)
    return Line(
        "total",
        "Total",
        sum(one.calls for one in lines),
        sum(one.input_tokens for one in lines),
        sum(one.output_tokens for one in lines),
        sum(one.cost_nano for one in lines),
        sum(one.unpriced for one in lines),
    )


def _named(line: Line, name: str, key: str | None = None) -> Line:
    return Line(
        line.key if key is None else key,
        name,
        line.calls,
        line.input_tokens,
        line.output_tokens,
        line.cost_nano,
        line.unpriced,
    )


async def _connection_names(viewer: Viewer, keys: list[str]) -> dict[str, str]:
    """A deleted one is still called by its name."""
    known = [UUID(key) for key in keys if not key.startswith(ENVIRONMENT)]
    found = mine(viewer, Connection).filter(id__in=known).only("id", "name", "deleted_at")
    rows = await found if known else []
    names = {str(row.id): f"{row.name} (deleted)" if row.deleted_at else row.name for row in rows}
    return names | {key: _without(key) for key in keys if key.startswith(ENVIRONMENT)}


def _without(key: str) -> str:
    provider = key.partition(":")[2]
    return "Demo model" if provider == DEMO else f"Key of the environment · {provider}"


async def _bot_names(viewer: Viewer, ids: list[str]) -> dict[str, str]:
    known = [UUID(one) for one in ids if one != "None"]
    rows = await mine(viewer, Bot).filter(id__in=known).only("id", "name") if known else []
    return {str(row.id): row.name for row in rows} | {"None": "Tests of connections"}
