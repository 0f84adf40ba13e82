"""Who changed what, when and from where."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from server.api.access import query
from server.api.comparators import DateComparator, StringComparator
from server.api.context import Info
from server.api.kinds import AuditVia
from server.api.relay import Connection, Node, connection_of
from server.api.scalars import Cursor
from server.core.errors import Invalid
from server.core.ids import public_id, read_id, split_id
from server.models import tables
from server.workspaces import audit
from server.workspaces.audit import AuditFilter as Where
from server.workspaces.audit import Words
from server.workspaces.audit_export import subject_id_of
from server.workspaces.listing import PageAsk


@strawberry.type(description="One entry of the audit log. It is never changed or deleted.")
class AuditEntry(Node):
    created_at: datetime = strawberry.field(description="When it happened.")
    actor: str = strawberry.field(description="Who did it, by the name they had then.")
    actor_id: strawberry.ID | None = strawberry.field(
        description="The person, `usr_…`; null for the command line and the server itself."
    )
    via: AuditVia = strawberry.field(description="How they came in.")
    address: str = strawberry.field(description="Where from; empty for the command line.")
    action: str = strawberry.field(description="What was done, such as `connection.changed`.")
    subject_kind: str = strawberry.field(description="To what kind of thing.")
    subject_id: str | None = strawberry.field(description="Its id, where it has one.")
    subject: str = strawberry.field(description="Its name as it was then.")
    before: JSON | None = strawberry.field(description="As it was; secrets are left out.")
    after: JSON | None = strawberry.field(description="As it became; secrets are left out.")
    reason: str | None = strawberry.field(description="Why, where somebody had to say.")

    @classmethod
    def of(cls, row: tables.AuditEntry) -> AuditEntry:
        actor = None if row.actor_id is None else strawberry.ID(public_id("user", row.actor_id))
        return cls(
            id=strawberry.ID(public_id("audit", row.id)),
            created_at=row.created_at,
            actor=row.actor,
            actor_id=actor,
            via=AuditVia(row.via),
            address=row.address,
            action=row.action,
            subject_kind=row.subject_kind,
            subject_id=subject_id_of(row),
            subject=row.subject,
            before=row.before,
            after=row.after,
            reason=row.reason,
        )


@strawberry.input(description="Compares how somebody came in.")
class AuditViaComparator:
    eq: AuditVia | None = strawberry.field(default=None, description="Exactly this way.")
    in_: list[AuditVia] | None = strawberry.field(
        name="in", default=None, description="One of these."
    )


@strawberry.input(description="Narrows the audit log. Everything that is given must hold.")
class AuditFilter:
    action: StringComparator | None = strawberry.field(
        default=None, description="What was done, such as `connection.changed`."
    )
    actor: StringComparator | None = strawberry.field(
        default=None, description="Who did it, by the name they had then."
    )
    actor_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who did it, `usr_…`."
    )
    via: AuditViaComparator | None = strawberry.field(default=None, description="How they came in.")
    subject_kind: StringComparator | None = strawberry.field(
        default=None, description="To what kind of thing."
    )
    subject: StringComparator | None = strawberry.field(
        default=None, description="To what, by the name it had then."
    )
    subject_id: strawberry.ID | None = strawberry.field(
        default=None, description="What happened to one thing, by its id."
    )
    address: StringComparator | None = strawberry.field(default=None, description="Where from.")
    created_at: DateComparator | None = strawberry.field(default=None, description="When.")
    text: StringComparator | None = strawberry.field(
        default=None,
        description="Looks into names, actions, addresses and reasons; takes `contains`.",
    )


@strawberry.type
class AuditQueries:
    @query("audit:read", "Who changed what in this workspace, the latest first.")
    async def audit_log(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: AuditFilter | None = None,
    ) -> Connection[AuditEntry]:
        ask = PageAsk(first, after, last, before)
        page = await audit.list_entries(info.context.asker, ask, _where(filter or AuditFilter()))
        return connection_of(page, Connection[AuditEntry], AuditEntry.of)


def _where(given: AuditFilter) -> Where:
    if given.text is not None and (given.text.eq is not None or given.text.in_ is not None):
        raise Invalid("Here `contains` is the only comparison.", path=["filter", "text"])
    when = given.created_at or DateComparator()
    moments = {"gte": when.gte, "gt": when.gt, "lte": when.lte, "lt": when.lt}
    return Where(
        action=_words(given.action),
        actor=_words(given.actor),
        actor_id=None if given.actor_id is None else read_id("user", given.actor_id),
        via=None if given.via is None else _ways(given.via),
        subject_kind=_words(given.subject_kind),
        subject=_words(given.subject),
        subject_id=_any_id(given.subject_id),
        address=_words(given.address),
        moments={side: at for side, at in moments.items() if at is not None},  # pyright: ignore[reportArgumentType]
        text=given.text.contains if given.text else None,
    )


def _words(given: StringComparator | None) -> Words | None:
    return None if given is None else Words(given.eq, given.in_, given.contains)


def _ways(given: AuditViaComparator) -> list[str] | None:
    ways = given.in_ if given.in_ is not None else [given.eq] if given.eq else None
    return None if ways is None else [way.value for way in ways if given.eq in (None, way)]


def _any_id(text: str | None) -> UUID | None:
    if text is None:
        return None
    found = split_id(text)
    if found is None:
        raise Invalid("This is no id.", path=["filter", "subjectId"])
    return found[1]
