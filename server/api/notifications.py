"""What the viewer should know, and what was told from outside."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from server.api.access import ONESELF, mutation, query
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.kinds import Priority
from server.api.relay import Connection, Node, connection_of
from server.api.scalars import Cursor
from server.core.ids import public_id, read_id
from server.executions import happenings
from server.executions.happenings import Emitting
from server.models import tables
from server.workspaces import notifications as service
from server.workspaces.listing import PageAsk


@strawberry.type(description="What the viewer may do with a notification now.")
class NotificationPermissions:
    read: bool = strawberry.field(description="Mark it as read: it is not yet.")
    dismiss: bool = strawberry.field(description="Put it away.")


@strawberry.type(description="Something that the viewer should know.")
class Notification(Node):
    title: str = strawberry.field(description="In a few words.")
    message: str = strawberry.field(description="In full.")
    priority: Priority = strawberry.field(description="How much it matters.")
    source: JSON | None = strawberry.field(
        description="Where it comes from: `{kind: tool | approval, executionId, stepKey}`, of an "
        "approval also `approvalId`, `choices` and the `diagnosis` of what failed; or of a budget "
        "`{kind: budget, budgetId, percent, path}`."
    )
    created_at: datetime = strawberry.field(description="When it was sent.")
    read_at: datetime | None = strawberry.field(description="When the viewer read it.")

    @strawberry.field(description="What the viewer may do with it now.")
    def viewer_can(self) -> NotificationPermissions:
        return NotificationPermissions(read=self.read_at is None, dismiss=True)

    @classmethod
    def of(cls, row: tables.Notification) -> Notification:
        return cls(
            id=strawberry.ID(public_id("notification", row.id)),
            title=row.title,
            message=row.message,
            priority=row.priority,
            source=row.source,
            created_at=row.created_at,
            read_at=row.read_at,
        )


@strawberry.input(description="Which notifications.")
class NotificationFilter:
    unread: bool | None = strawberry.field(
        default=None, description="True: only those that the viewer has not read."
    )


@strawberry.type
class NotificationQueries:
    @query(ONESELF, "The viewer's notifications, the latest first, without those put away.")
    async def notifications(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: NotificationFilter | None = None,
    ) -> Connection[Notification]:
        unread = bool(filter and filter.unread)
        ask = PageAsk(first, after, last, before)
        page = await service.list_notifications(info.context.asker, ask, unread=unread)
        return connection_of(page, Connection[Notification], Notification.of)


@strawberry.input(description="Input of `readNotifications`.")
class ReadNotificationsInput:
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Which ones; all when absent."
    )


@strawberry.type(description="Answer of `readNotifications`.")
class ReadNotificationsPayload:
    unread: int | None = strawberry.field(
        default=None, description="How many are unread afterwards."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `dismissNotifications`.")
class DismissNotificationsInput:
    ids: list[strawberry.ID] = strawberry.field(description="Which ones.")


@strawberry.type(description="Answer of `dismissNotifications`.")
class DismissNotificationsPayload:
    unread: int | None = strawberry.field(
        default=None, description="How many are unread afterwards."
    )
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Something that happened outside, told with `emitEvent`.")
class EmittedEvent:
    id: strawberry.ID = strawberry.field(
        description="`evt_…`; the same one again for the same `dedupeKey`."
    )
    name: str = strawberry.field(description="Its name.")
    data: JSON | None = strawberry.field(description="What came with it.")
    at: datetime = strawberry.field(description="When it was told.")
    woken: int = strawberry.field(description="How many executions waited for it and go on now.")


@strawberry.input(description="Input of `emitEvent`.")
class EmitEventInput:
    name: str = strawberry.field(description="1 to 200 characters, as in `use wait`.")
    data: JSON | None = strawberry.field(
        default=None, description="At most 1 MiB of JSON; whoever waited gets it."
    )
    dedupe_key: str | None = strawberry.field(
        default=None,
        description="1 to 200 characters. The same event told again with the same key does "
        "nothing more, for 30 days.",
    )


@strawberry.type(description="Answer of `emitEvent`.")
class EmitEventPayload:
    event: EmittedEvent | None = strawberry.field(default=None, description="As it is kept.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class NotificationMutations:
    @mutation(
        ONESELF,
        ReadNotificationsPayload,
        "Marks the viewer's notifications as read. Errors: NOT_FOUND.",
    )
    async def read_notifications(
        self, info: Info, input: ReadNotificationsInput
    ) -> ReadNotificationsPayload:
        rooms = info.context.rooms
        ids = None if input.ids is None else [read_id("notification", one) for one in input.ids]
        unread = await service.mark_read(info.context.asker, rooms.notifier, rooms.clock, ids)
        return ReadNotificationsPayload(unread=unread)

    @mutation(
        ONESELF,
        DismissNotificationsPayload,
        "Puts notifications of the viewer away. Errors: NOT_FOUND.",
    )
    async def dismiss_notifications(
        self, info: Info, input: DismissNotificationsInput
    ) -> DismissNotificationsPayload:
        rooms = info.context.rooms
        ids = [read_id("notification", one) for one in input.ids]
        unread = await service.put_away(info.context.asker, rooms.notifier, rooms.clock, ids)
        return DismissNotificationsPayload(unread=unread)

    @mutation(
        "executions:run",
        EmitEventPayload,
        "Tells that something has happened; executions that wait for an event of this name go on. "
        "A token for some bots wakes only these. Errors: INVALID_INPUT, TOO_LARGE, "
        "IDEMPOTENCY_MISMATCH when the key was used for another event.",
    )
    async def emit_event(self, info: Info, input: EmitEventInput) -> EmitEventPayload:
        given = Emitting(input.name, input.data, input.dedupe_key)
        row, woken = await happenings.emit(info.context.asker, info.context.rooms.engine, given)
        event = EmittedEvent(
            id=strawberry.ID(public_id("event", row.id)),
            name=row.name,
            data=row.data,
            at=row.created_at,
            woken=woken,
        )
        return EmitEventPayload(event=event)
