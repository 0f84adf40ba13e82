"""The record of what was changed: written in the transaction of the change, never rewritten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
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
class Words:
    """Of a column of text; everything that is given must hold."""

    eq: str | None = None
    any_of: Sequence[str] | None = None
    contains: str | None = None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Everything that is given must hold. `text` is looked for in names, actions and reasons."""

    action: Words | None = None
    actor: Words | None = None
    actor_id: UUID | None = None
    via: Sequence[str] | None = None
    subject_kind: Words | None = None
    subject: Words | None = None
    subject_id: UUID | None = None
    address: Words | None = None
    moments: Mapping[Literal["gte", "gt", "lte", "lt"], datetime] = field(
        default_factory=dict[Literal["gte", "gt", "lte", "lt"], datetime]
    )
    text: str | None = None


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
    for column in ("action", "actor", "subject_kind", "subject", "address"):
        rows = rows.filter(**_told(column, getattr(where, column)))
    exact = {"actor_id": where.actor_id, "subject_id": where.subject_id}
    rows = rows.filter(**{name: one for name, one in exact.items() if one is not None})
    if where.via is not None:
        rows = rows.filter(via__in=list(where.via))
    rows = rows.filter(**{f"created_at__{side}": at for side, at in where.moments.items()})
    if words := (where.text or "").strip():
        looked_at = ("actor", "subject", "action", "reason", "address")
        found = [Q(**{f"{column}__icontains": words}) for column in looked_at]
        rows = rows.filter(Q(*found, join_type="OR"))
    return rows


def _told(column: str, words: Words | None) -> dict[str, Any]:
    if words is None:
        return {}
    given = {
        column: words.eq,
        f"{column}__in": None if words.any_of is None else list(words.any_of),
        f"{column}__icontains": words.contains,
    }
    return {name: one for name, one in given.items() if one is not None}
