"""The record of what was changed: written in the transaction of the change, never rewritten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from server.core.clock import Clock, SystemClock
from server.core.logs import REDACTION
from server.models.tables import AuditEntry
from server.workspaces.access import Viewer, mine, require
from server.workspaces.listing import Page, PageAsk, read_page

CLOCK = SystemClock()
BATCH = 500

Via = Literal["session", "token", "command line", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, how they came in and where from."""

    id: UUID | None
    name: str
    via: Via
    address: str = ""

    @staticmethod
    def of(viewer: Viewer) -> Actor:
        via: Via = "token" if viewer.via_token else "session"
        return Actor(viewer.user_id, viewer.name or viewer.email, via, viewer.address)


COMMAND_LINE = Actor(None, "command line", "command line")


@dataclass(frozen=True, slots=True)
class Subject:
    """What was changed, with its name as it is now."""

    kind: str
    id: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class Change:
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str | None = None


NO_CHANGE = Change()


async def record(
    viewer: Viewer,
    action: str,
    subject: Subject,
    change: Change = NO_CHANGE,
    clock: Clock = CLOCK,
) -> AuditEntry:
    """`action` is `connection.created` and the like."""
    return await record_by(
        Actor.of(viewer), viewer.workspace_id, action, subject, change, clock=clock
    )


async def record_by(
    actor: Actor,
    workspace_id: UUID,
    action: str,
    subject: Subject,
    change: Change = NO_CHANGE,
    clock: Clock = CLOCK,
) -> AuditEntry:
    """Values that look like secrets are masked, in case one was put where none belongs."""
    return await AuditEntry.create(
        workspace_id=workspace_id,
        actor_id=actor.id,
        actor=actor.name[:300],
        via=actor.via,
        address=actor.address[:64],
        action=action,
        subject_kind=subject.kind,
        subject_id=subject.id,
        subject=REDACTION.text(subject.name)[:300],
        before=REDACTION.value(change.before),
        after=REDACTION.value(change.after),
        reason=REDACTION.text(change.reason) if change.reason else None,
        created_at=clock.now(),
    )


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Everything named must hold. `contains` looks into names, actions and reasons."""

    actions: Sequence[str] | None = None
    action_contains: str | None = None
    actor_ids: Sequence[UUID] | None = None
    actor_contains: str | None = None
    via: Sequence[str] | None = None
    subject_kinds: Sequence[str] | None = None
    subject_id: UUID | None = None
    address: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    contains: str | None = None


async def list_entries(
    viewer: Viewer, ask: PageAsk | None = None, where: AuditFilter | None = None
) -> Page[AuditEntry]:
    """The latest first."""
    require(viewer, "audit:read")
    return await read_page(
        chosen(mine(viewer, AuditEntry), where or AuditFilter()), ask or PageAsk()
    )


async def get(viewer: Viewer, entry_id: UUID) -> AuditEntry | None:
    require(viewer, "audit:read")
    return await mine(viewer, AuditEntry).get_or_none(id=entry_id)


async def every_entry(workspace_id: UUID, where: AuditFilter) -> AsyncIterator[list[AuditEntry]]:
    """From the oldest to the latest, a batch at a time, however many there are."""
    rows = chosen(AuditEntry.filter(workspace_id=workspace_id), where).order_by("id")
    last: UUID | None = None
    while True:
        batch = await (rows if last is None else rows.filter(id__gt=last)).limit(BATCH)
        if batch:
            yield batch
        if len(batch) < BATCH:
            return
        last = batch[-1].id


def chosen(rows: QuerySet[AuditEntry], where: AuditFilter) -> QuerySet[AuditEntry]:
    exact: dict[str, Any] = {
        "action__in": where.actions,
        "action__icontains": where.action_contains,
        "actor_id__in": where.actor_ids,
        "actor__icontains": where.actor_contains,
        "via__in": where.via,
        "subject_kind__in": where.subject_kinds,
        "subject_id": where.subject_id,
        "address": where.address,
        "created_at__gte": where.since,
        "created_at__lt": where.before,
    }
    given = {name: _plain(value) for name, value in exact.items() if value is not None}
    rows = rows.filter(**given)
    if words := (where.contains or "").strip():
        rows = rows.filter(
            Q(actor__icontains=words)
            | Q(subject__icontains=words)
            | Q(action__icontains=words)
            | Q(reason__icontains=words)
        )
    return rows


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple | set | frozenset) else value
