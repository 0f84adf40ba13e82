"""What the people of a workspace should know: a row for each of them, told once, read, put away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.queryset import QuerySet

from server.bus.notices import Notices
from server.core.clock import Clock
from server.core.errors import NotFound
from server.core.ids import new_uuid
from server.models.enums import Priority
from server.models.tables import Notification
from server.workspaces.access import Viewer, mine
from server.workspaces.listing import Page, PageAsk, read_page

TITLE_LIMIT = 300
MESSAGE_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class News:
    """`key`: the same news is told to a person once. `source` names where it came from."""

    workspace_id: UUID
    key: str
    title: str
    message: str
    priority: Priority = Priority.NORMAL
    bot_id: UUID | None = None
    source: dict[str, Any] | None = None


class Notifier:
    def __init__(self, clock: Clock, notices: Notices) -> None:
        self._clock = clock
        self._notices = notices

    async def tell(self, news: News, users: Iterable[UUID]) -> list[UUID]:
        """The ids of the notifications, whether they were made now or before."""
        told = [await self._told(news, user) for user in users]
        self._notices.publish(topic(news.workspace_id), None)
        return told

    async def over(self, workspace_id: UUID, key: str) -> None:
        """Nobody has to do anything about it any more: it counts as read."""
        rows = Notification.filter(workspace_id=workspace_id, dedupe_key=key, read_at=None)
        if await rows.update(read_at=self._clock.now()):
            self.changed(workspace_id)

    def changed(self, workspace_id: UUID) -> None:
        self._notices.publish(topic(workspace_id), None)

    async def _told(self, news: News, user_id: UUID) -> UUID:
        known = {
            "workspace_id": news.workspace_id,
            "user_id": user_id,
            "dedupe_key": news.key,
        }
        earlier = await Notification.get_or_none(**known).only("id")
        if earlier is not None:
            return earlier.id
        row = Notification(
            id=new_uuid(),
            bot_id=news.bot_id,
            title=news.title[:TITLE_LIMIT],
            message=news.message[:MESSAGE_LIMIT],
            priority=news.priority,
            created_at=self._clock.now(),
            **known,
        )
        row.source = news.source
        try:
            await row.save(force_create=True)
        except IntegrityError:
            return (await Notification.get(**known).only("id")).id
        return row.id


def topic(workspace_id: UUID) -> str:
    return f"notifications:{workspace_id}"


async def list_notifications(
    viewer: Viewer, ask: PageAsk | None = None, *, unread: bool = False
) -> Page[Notification]:
    """One's own, the latest first; what was put away is not among them."""
    rows = _own(viewer)
    if unread:
        rows = rows.filter(read_at=None)
    return await read_page(rows, ask or PageAsk())


async def get(viewer: Viewer, notification_id: UUID) -> Notification:
    row = await _own(viewer).get_or_none(id=notification_id)
    if row is None:
        raise NotFound.of("notification")
    return row


async def count_unread(viewer: Viewer) -> int:
    return await _own(viewer).filter(read_at=None).count()


async def mark_read(
    viewer: Viewer, notifier: Notifier, clock: Clock, ids: Sequence[UUID] | None
) -> int:
    """Without ids: all. How many are left unread."""
    rows = _own(viewer).filter(read_at=None)
    if ids is not None:
        rows = rows.filter(id__in=list(ids))
    if await rows.update(read_at=clock.now()):
        notifier.changed(viewer.workspace_id)
    return await count_unread(viewer)


async def put_away(viewer: Viewer, notifier: Notifier, clock: Clock, ids: Sequence[UUID]) -> int:
    now = clock.now()
    rows = _own(viewer).filter(id__in=list(ids))
    await rows.filter(read_at=None).update(read_at=now)
    if await rows.update(dismissed_at=now):
        notifier.changed(viewer.workspace_id)
    return await count_unread(viewer)


def _own(viewer: Viewer) -> QuerySet[Notification]:
    return mine(viewer, Notification).filter(user_id=viewer.user_id, dismissed_at=None)
