"""What happens while somebody looks: the feed of one execution, and of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from server.api.access import subscription
from server.api.context import Info
from server.bots import service as bots
from server.bus.notices import Notices
from server.core.errors import Invalid
from server.core.ids import public_id, read_id
from server.engine.log import EventBatch
from server.engine.writer import workspace_topic
from server.executions import service
from server.models.tables import Execution
from server.workspaces.access import Viewer, mine

CHANGES_SECONDS = 30.0
CHANGES_PAUSE = 0.5


@strawberry.type(description="Events that were deleted by the retention before they were given.")
class EventGap:
    from_seq: int = strawberry.field(description="Number of the first one.")
    to_seq: int = strawberry.field(description="Number of the last one.")


@strawberry.type(description="Events as they come, in the order of their numbers.")
class ExecutionEventBatch:
    last_seq: int = strawberry.field(
        description="Number of the latest event given; pass it as `after` to go on later."
    )
    caught_up: bool = strawberry.field(
        description="Everything that was stored when the subscription began has been given."
    )
    done: bool = strawberry.field(description="The execution has ended; nothing follows.")
    deleted: bool = strawberry.field(
        description="The execution was deleted while it was followed, by the retention or by "
        "somebody; nothing follows."
    )
    events: JSON = strawberry.field(
        description="`[{seq, type, at, stepKey, attempt, data}]`; the same, typed, is "
        "`Execution.events`."
    )
    gaps: list[EventGap] = strawberry.field(
        description="What is missing among them because it was deleted; empty as a rule."
    )

    @classmethod
    def of(cls, batch: EventBatch) -> ExecutionEventBatch:
        return cls(
            last_seq=batch.last_seq,
            caught_up=batch.caught_up,
            done=batch.done,
            deleted=batch.deleted,
            events=JSON(list(batch.events)),
            gaps=[EventGap(from_seq=first, to_seq=last) for first, last in batch.gaps],
        )


@strawberry.type(description="Some executions of the workspace are not what they were.")
class ExecutionsChanged:
    ids: list[strawberry.ID] = strawberry.field(description="Which ones; look at them again.")
    resync: bool = strawberry.field(
        description="Look at the whole list again: what changed before this began is not named, "
        "nor is what was missed."
    )


@strawberry.input(description="Which executions to hear of; by what never changes.")
class ExecutionsChangedFilter:
    bot_id: strawberry.ID | None = strawberry.field(default=None, description="Of this bot.")


@strawberry.type
class ExecutionSubscriptions:
    @subscription(
        "executions:read",
        "Everything that happened in an execution after event number `after`, and then what "
        "happens, in batches at most 40 ms apart; ends with the execution. Errors: NOT_FOUND.",
    )
    async def execution_events(
        self, info: Info, execution_id: strawberry.ID, after: int = 0
    ) -> AsyncGenerator[ExecutionEventBatch, None]:
        if after < 0:
            raise Invalid("Event numbers begin with 1; 0 asks for everything.", path=["after"])
        found = read_id("execution", execution_id)
        await service.look(info.context.asker, found)
        batches = info.context.rooms.engine.follow(found, after)
        return _events(batches)  # pyright: ignore[reportReturnType]

    @subscription(
        "executions:read",
        "Which executions of the workspace, or of one bot, changed, at most twice a second; begins "
        "with `resync`. Errors: NOT_FOUND for the bot.",
    )
    async def executions_changed(
        self, info: Info, filter: ExecutionsChangedFilter | None = None
    ) -> AsyncGenerator[ExecutionsChanged, None]:
        asker, bot_id = info.context.asker, None
        if filter is not None and filter.bot_id is not None:
            bot_id = (await bots.one(asker, read_id("bot", filter.bot_id))).id
        notices = info.context.rooms.bus.notices
        return _changes(notices, asker, bot_id)  # pyright: ignore[reportReturnType]


async def _events(
    batches: AsyncGenerator[EventBatch, None],
) -> AsyncGenerator[ExecutionEventBatch, None]:
    async with aclosing(batches):
        async for batch in batches:
            yield ExecutionEventBatch.of(batch)
            if batch.done:
                return


async def _changes(
    notices: Notices, viewer: Viewer, bot_id: UUID | None
) -> AsyncGenerator[ExecutionsChanged, None]:
    with notices.subscribe(workspace_topic(viewer.workspace_id)) as changes:
        # A list was read before this began, perhaps long before: a socket may have been away.
        yield ExecutionsChanged(ids=[], resync=True)
        while True:
            woken = await changes.next(CHANGES_SECONDS)
            if woken.notices or woken.resync:
                named = dict.fromkeys(UUID(notice.data["executionId"]) for notice in woken.notices)
                seen = await _seen_by(viewer, list(named), bot_id)
                if seen or woken.resync:
                    yield ExecutionsChanged(ids=seen, resync=woken.resync)
                await asyncio.sleep(CHANGES_PAUSE)


async def _seen_by(viewer: Viewer, changed: list[UUID], bot_id: UUID | None) -> list[strawberry.ID]:
    """A token for some bots hears of their executions only."""
    if viewer.bot_ids is not None or bot_id is not None:
        of_bot = {} if bot_id is None else {"bot_id": bot_id}
        rows = await mine(viewer, Execution).filter(id__in=changed, **of_bot).only("id")
        changed = [row.id for row in rows]
    return [strawberry.ID(public_id("execution", one)) for one in changed]
