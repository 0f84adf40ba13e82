"""What failed and what helped: kept per step and action, counted per class, and resolvable."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import structlog
from tortoise.exceptions import BaseORMException, IntegrityError
from tortoise.functions import Count
from tortoise.transactions import in_transaction

from server.bal.plan import Plan
from server.bus.turns import Ready
from server.core.clock import Clock
from server.core.errors import Invalid, InvalidState, NotFound, Unavailable
from server.core.ids import public_id
from server.engine.events import StepDelta
from server.engine.store import Store, StoredEvent
from server.healing.diagnosis import diagnosis
from server.healing.learning import Found, incidents_of, modes_of
from server.healing.strategies import priority
from server.models.away import is_away
from server.models.enums import FailureClass
from server.models.tables import Incident
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, one_of_mine, require
from server.workspaces.listing import Page, PageAsk, read_page

Period = Literal["hour", "day", "week", "month"]
READ_AT_ONCE = 5_000
KEPT_AT_ONCE = 100
MOST_ROWS = 20_000
MOST_DAYS = 366
NOTE_LIMIT = 4_000
MESSAGE_LIMIT = 2_000

log = structlog.get_logger("healing")


class Healing:
    """What the engine asks and tells (Diagnosing)."""

    def diagnose(
        self, error: dict[str, Any], step_type: str | None = None, *, waits: bool = False
    ) -> dict[str, Any]:
        found = diagnosis(str(error.get("kind")), error.get("limit"))
        return found.at(step_type, waits=waits).to_json()

    async def learn(self, store: Store, ended: Ready, plan: Plan | None) -> None:
        """After the end of an execution in which something failed. Figures are not worth failing
        for: what cannot be kept is only logged."""
        try:
            events = await _events(store, ended.id)
            found = await asyncio.to_thread(incidents_of, events, modes_of(plan))
            for place in range(0, len(found), KEPT_AT_ONCE):
                await _keep(ended, found[place : place + KEPT_AT_ONCE])
        except Exception as error:  # drivers raise errors of their own when a connection breaks
            if not (isinstance(error, BaseORMException | Unavailable) or is_away(error)):
                raise
            log.warning("incidents_not_kept", execution=str(ended.id), error=str(error))


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    bot_id: UUID | None = None
    execution_id: UUID | None = None
    failure_classes: Sequence[FailureClass] | None = None
    resolved: bool | None = None
    names: Sequence[str] | None = None
    kinds: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Same:
    """What makes failures one pattern: the bot, the step's name and the error's word."""

    bot_id: UUID
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Rate:
    """How often an action was tried for a class, and how often it helped. `provider`: who failed,
    where that was the provider of a model."""

    failure_class: FailureClass
    action: str
    count: int
    healed: int
    provider: str | None = None

    @property
    def success_rate(self) -> float:
        return round(100 * self.healed / self.count, 1)

    @property
    def priority(self) -> int:
        return priority(self.failure_class, self.action)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The same failure at the same place, again and again."""

    bot_id: UUID
    name: str
    kind: str
    failure_class: FailureClass
    count: int
    unresolved: int
    first_at: datetime
    last_at: datetime
    by_period: tuple[tuple[datetime, int], ...]


async def list_incidents(
    viewer: Viewer, ask: PageAsk | None = None, where: IncidentFilter | None = None
) -> Page[Incident]:
    require(viewer, "executions:read")
    where = where or IncidentFilter()
    given: dict[str, Any] = {
        "bot_id": where.bot_id,
        "execution_id": where.execution_id,
        "failure_class__in": where.failure_classes,
        "name__in": where.names,
        "kind__in": where.kinds,
        "resolved_at__isnull": None if where.resolved is None else not where.resolved,
    }
    rows = mine(viewer, Incident)
    rows = rows.filter(**{name: value for name, value in given.items() if value is not None})
    return await read_page(rows, ask or PageAsk())


async def get(viewer: Viewer, incident_id: UUID) -> Incident:
    require(viewer, "executions:read")
    return await one_of_mine(viewer, Incident, incident_id, "incident")


async def resolve(
    viewer: Viewer, clock: Clock, incident_id: UUID, note: str | None = None
) -> Incident:
    require(viewer, "executions:control")
    _check_note(note)
    row = await one_of_mine(viewer, Incident, incident_id, "incident")
    by = viewer.name or viewer.email
    async with in_transaction():
        done = await Incident.filter(id=row.id, resolved_at__isnull=True).update(
            resolved_at=clock.now(), resolved_by=by, note=note
        )
        if done:
            subject = audit.Subject("incident", row.id, row.name)
            change = audit.Change(after={"resolved": True}, reason=note)
            await audit.record(viewer, "incident.resolved", subject, change, clock)
    await row.refresh_from_db()
    if not done:
        raise InvalidState(f"{row.resolved_by} resolved this on {row.resolved_at:%Y-%m-%d}.")
    return row


async def resolve_all(viewer: Viewer, clock: Clock, same: Same, note: str | None = None) -> int:
    """All open ones of a pattern, however old, at once. Returns how many that were."""
    require(viewer, "executions:control")
    _check_note(note)
    of_bot = mine(viewer, Incident).filter(bot_id=same.bot_id)
    rows = of_bot.filter(name=same.name, kind=same.kind, resolved_at__isnull=True)
    by = viewer.name or viewer.email
    async with in_transaction():
        count = await rows.update(resolved_at=clock.now(), resolved_by=by, note=note)
        if count:
            subject = audit.Subject("incident", None, same.name)
            after = {"resolved": True, "count": count, "kind": same.kind}
            after["botId"] = public_id("bot", same.bot_id)
            change = audit.Change(after=after, reason=note)
            await audit.record(viewer, "incident.pattern_resolved", subject, change, clock)
    if not count:
        if not await of_bot.exists():
            raise NotFound("There is no such bot with incidents.", path=["botId"])
        raise InvalidState("None of these is open: somebody has closed them.")
    return count


def _check_note(note: str | None) -> None:
    if note is not None and len(note) > NOTE_LIMIT:
        raise Invalid(f"A note has at most {NOTE_LIMIT} characters.", path=["note"])


async def rates(viewer: Viewer, clock: Clock, days: int = 30) -> list[Rate]:
    """Over the last days, the most frequent first."""
    require(viewer, "executions:read")
    rows: list[dict[str, Any]] = (
        await mine(viewer, Incident)
        .filter(created_at__gte=_since(clock, days))
        .annotate(count=Count("id"))
        .group_by("failure_class", "action", "provider", "healed")
        .values("failure_class", "action", "provider", "healed", "count")
    )
    counts: Counter[tuple[str, str, str | None]] = Counter()
    healed: Counter[tuple[str, str, str | None]] = Counter()
    for row in rows:
        kind = str(FailureClass(row["failure_class"]).value)
        place = (kind, row["action"], row["provider"])
        counts[place] += row["count"]
        healed[place] += row["count"] if row["healed"] else 0
    return [
        Rate(FailureClass(name), action, count, healed[name, action, provider], provider)
        for (name, action, provider), count in counts.most_common()
    ]


async def patterns(
    viewer: Viewer, clock: Clock, period: Period = "day", days: int = 30
) -> list[Pattern]:
    """Failures that came at least twice, the most frequent first."""
    require(viewer, "executions:read")
    rows = await (
        mine(viewer, Incident)
        .filter(created_at__gte=_since(clock, days))
        .order_by("-created_at")
        .limit(MOST_ROWS)
    )
    groups: dict[tuple[UUID, str, str], dict[tuple[UUID, str], Incident]] = {}
    for row in rows:  # one failed step counts once, however much was tried
        same = groups.setdefault((row.bot_id, row.name, row.kind), {})
        same.setdefault((row.execution_id, row.step_key), row)
    found = [_pattern(list(same.values()), period) for same in groups.values() if len(same) > 1]
    return sorted(found, key=lambda pattern: -pattern.count)


# --- inside ---------------------------------------------------------------------------------


def _since(clock: Clock, days: int) -> datetime:
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"Ask for 1 to {MOST_DAYS} days.", path=["days"])
    return clock.now() - timedelta(days=days)


def _pattern(rows: Sequence[Incident], period: Period) -> Pattern:
    """Rows come newest first."""
    times = Counter(_begin(row.created_at, period) for row in rows)
    newest, oldest = rows[0], rows[-1]
    return Pattern(
        bot_id=newest.bot_id,
        name=newest.name,
        kind=newest.kind,
        failure_class=newest.failure_class,
        count=len(rows),
        unresolved=sum(row.resolved_at is None for row in rows),
        first_at=oldest.created_at,
        last_at=newest.created_at,
        by_period=tuple(sorted(times.items())),
    )


def _begin(at: datetime, period: Period) -> datetime:
    hour = at.replace(minute=0, second=0, microsecond=0)
    if period == "hour":
        return hour
    day = hour.replace(hour=0)
    if period == "month":
        return day.replace(day=1)
    return day if period == "day" else day - timedelta(days=day.weekday())


async def _events(store: Store, execution_id: UUID) -> list[StoredEvent]:
    found: list[StoredEvent] = []
    after = 0
    while more := await store.events(execution_id, after, READ_AT_ONCE):
        found += [event for event in more if event.type != StepDelta.TYPE]
        after = more[-1].seq
        if len(more) < READ_AT_ONCE:
            break
    return found


async def _keep(ended: Ready, found: Sequence[Found]) -> None:
    rows = [
        Incident(
            workspace_id=ended.workspace_id,
            bot_id=ended.bot_id,
            execution_id=ended.id,
            step_key=one.step_key,
            name=one.name,
            failure_class=diagnosis(one.kind).failure_class,
            kind=one.kind[:60],
            provider=one.provider,
            message=one.message[:MESSAGE_LIMIT],
            action=one.action,
            automatic=one.automatic,
            healed=one.healed,
            created_at=one.at,
        )
        for one in found
    ]
    try:
        await Incident.bulk_create(rows)
    except IntegrityError:
        log.info("incidents_kept_before", execution=str(ended.id))
