"""The record of what was changed: written in the transaction of the change, never rewritten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.core.clock import Clock, SystemClock
from server.core.logs import REDACTION
from server.models.tables import AuditEntry
from server.workspaces.access import Viewer, mine, require
from server.workspaces.listing import Page, PageAsk, read_page

CLOCK = SystemClock()


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


async def record(
    viewer: Viewer, action: str, subject: Subject, change: Change, clock: Clock = CLOCK
) -> AuditEntry:
    """`action` is `connection.created` and the like. Values that look like secrets are masked, in
    case one was put where none belongs."""
    return await AuditEntry.create(
        workspace_id=viewer.workspace_id,
        actor_id=viewer.user_id,
        actor=viewer.name or viewer.email,
        via="token" if viewer.via_token else "session",
        action=action,
        subject_kind=subject.kind,
        subject_id=subject.id,
        subject=REDACTION.text(subject.name)[:300],
        before=REDACTION.value(change.before),
        after=REDACTION.value(change.after),
        reason=change.reason,
        created_at=clock.now(),
    )


async def list_entries(viewer: Viewer, ask: PageAsk | None = None) -> Page[AuditEntry]:
    """The latest first."""
    require(viewer, "audit:read")
    return await read_page(mine(viewer, AuditEntry), ask or PageAsk())
