"""What happens to questions and notifications while somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

import strawberry

from server.api.access import ONESELF, subscription
from server.api.context import Info
from server.approvals import telling
from server.bus.notices import Notices
from server.core.ids import public_id
from server.models.tables import Approval
from server.workspaces import notifications
from server.workspaces.access import Viewer, mine

CHANGES_SECONDS = 30.0
CHANGES_PAUSE = 0.5


@strawberry.type(description="Some approvals of the workspace are not what they were.")
class ApprovalsChanged:
    ids: list[strawberry.ID] = strawberry.field(description="Which ones; look at them again.")
    resync: bool = strawberry.field(
        description="Look at the whole list again: what changed before this began is not named, "
        "nor is what was missed."
    )


@strawberry.type(description="The notifications of the viewer are not what they were.")
class NotificationsChanged:
    unread: int = strawberry.field(description="How many the viewer has not read.")


@strawberry.type
class ChangeSubscriptions:
    @subscription(
        "executions:read",
        "Which approvals of the workspace were asked, decided or lapsed, at most twice a second; "
        "begins with `resync`.",
    )
    async def approvals_changed(self, info: Info) -> AsyncGenerator[ApprovalsChanged, None]:
        asker = info.context.asker
        return _approvals(info.context.rooms.bus.notices, asker)  # pyright: ignore[reportReturnType]

    @subscription(
        ONESELF,
        "How many notifications the viewer has not read: at once, and when that changes.",
    )
    async def notifications_changed(self, info: Info) -> AsyncGenerator[NotificationsChanged, None]:
        asker = info.context.asker
        return _unread(info.context.rooms.bus.notices, asker)  # pyright: ignore[reportReturnType]


async def _approvals(notices: Notices, viewer: Viewer) -> AsyncGenerator[ApprovalsChanged, None]:
    with notices.subscribe(telling.topic(viewer.workspace_id)) as changes:
        yield ApprovalsChanged(ids=[], resync=True)
        while True:
            woken = await changes.next(CHANGES_SECONDS)
            if woken.notices or woken.resync:
                named = dict.fromkeys(UUID(one.data["approvalId"]) for one in woken.notices)
                seen = await _seen_by(viewer, list(named))
                if seen or woken.resync:
                    yield ApprovalsChanged(ids=seen, resync=woken.resync)
                await asyncio.sleep(CHANGES_PAUSE)


async def _seen_by(viewer: Viewer, changed: list[UUID]) -> list[strawberry.ID]:
    """A token for some bots hears of their questions only."""
    if viewer.bot_ids is not None:
        changed = [row.id for row in await mine(viewer, Approval).filter(id__in=changed).only("id")]
    return [strawberry.ID(public_id("approval", one)) for one in changed]


async def _unread(notices: Notices, viewer: Viewer) -> AsyncGenerator[NotificationsChanged, None]:
    told: int | None = None
    with notices.subscribe(notifications.topic(viewer.workspace_id)) as changes:
        while True:
            unread = await notifications.count_unread(viewer)
            if unread != told:
                told = unread
                yield NotificationsChanged(unread=unread)
                await asyncio.sleep(CHANGES_PAUSE)
            await changes.next(CHANGES_SECONDS)
