"""The queue: what waits for its turn, what runs now, and why."""

from __future__ import annotations

from datetime import datetime

import strawberry

from server.api.access import query
from server.api.bots import Bot, BotVersion
from server.api.context import Info
from server.api.execution_columns import columns_for
from server.api.execution_types import Beside, Execution
from server.api.kinds import described
from server.api.relay import Connection, connection_of
from server.api.scalars import Cursor
from server.bots.service import many_versions
from server.core.ids import read_id
from server.executions import queue as rooms
from server.executions.queue import OfBot, QueueReason, QueueState, Workers
from server.models import tables
from server.workspaces.listing import PageAsk

described(
    QueueState,
    "QueueState",
    "Which half of the queue.",
    WAITING="What waits for its turn: queued, without a place, or not due yet.",
    RUNNING="What a worker has in its hands.",
)
described(
    QueueReason,
    "QueueReason",
    "Why an execution waits for its turn.",
    WORKERS_BUSY="Every worker is busy, or one is about to take it.",
    NO_WORKER="No worker is running.",
    WORKERS_SHORT_OF_MEMORY="Every worker is short of memory and takes nothing new.",
    BOT_LIMIT="Its bot runs as many at once as it may.",
    KEY_LIMIT="Its bot runs as many with the same `concurrencyKey` at once as it may.",
    NOT_DUE="It waits for a time: see `until`.",
)


@strawberry.type(description="An execution in the queue.")
class QueueEntry:
    execution: Execution = strawberry.field(description="The execution.")
    reason: QueueReason | None = strawberry.field(description="Why it waits; null while it runs.")
    until: datetime | None = strawberry.field(
        description="When it is due, where it waits for a time."
    )


@strawberry.type(description="How much of the queue is of one bot.")
class QueueBot:
    bot: Bot = strawberry.field(description="The bot.")
    waiting: int = strawberry.field(description="How many of its executions wait for their turn.")
    running: int = strawberry.field(description="How many run now.")

    @classmethod
    def of(cls, found: OfBot) -> QueueBot:
        return cls(bot=Bot.of(found.bot), waiting=found.waiting, running=found.running)


@strawberry.type(
    description="What waits for its turn and what runs now. What waits for a person, another bot "
    "or money stands among the executions, not here."
)
class Queue:
    found: strawberry.Private[rooms.Queue]

    @strawberry.field(description="How many wait for their turn, of all bots.")
    def waiting(self) -> int:
        return self.found.count(QueueState.WAITING)

    @strawberry.field(description="How many run now, of all bots.")
    def running(self) -> int:
        return self.found.count(QueueState.RUNNING)

    @strawberry.field(description="How many workers there are; null while Redis does not say.")
    def workers(self) -> int | None:
        return self.found.workers.count

    @strawberry.field(
        description="By bot, those with the most waiting first; the first hundred of them. Empty "
        "without the scope `bots:read`."
    )
    def bots(self) -> list[QueueBot]:
        return [QueueBot.of(one) for one in self.found.by_bot()[:BOTS_SHOWN]]

    @strawberry.field(
        description="What waits, by priority and of equal ones the oldest first; or what runs, the "
        "oldest first. It is a view: bots of the same priority take turns."
    )
    async def entries(
        self,
        info: Info,
        state: QueueState = QueueState.WAITING,
        bot_id: strawberry.ID | None = None,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[QueueEntry]:
        found, asker, fields = self.found, info.context.asker, info.context.fields
        page = await rooms.entries(
            asker,
            found,
            PageAsk(first, after, last, before),
            state,
            None if bot_id is None else read_id("bot", bot_id),
            columns_for(fields),
        )
        version_ids = list({row.version_id for row in page.rows}) if "version" in fields else []
        versions = await many_versions(asker, version_ids) if version_ids else {}
        around = Beside(
            {key: Bot.of(row) for key, row in found.bots.items()},
            {key: BotVersion.of(row) for key, row in versions.items()},
        )

        def entry(row: tables.Execution) -> QueueEntry:
            shown = Execution.of(row, beside=around)
            return QueueEntry(execution=shown, reason=found.reason(row), until=found.until(row))

        return connection_of(page, Connection[QueueEntry], entry)


BOTS_SHOWN = 100


@strawberry.type
class QueueQueries:
    @query("executions:read", "What waits for its turn and what runs now, and why it waits.")
    async def queue(self, info: Info) -> Queue:
        rooms_of = info.context.rooms
        attendance = rooms_of.bus.attendance
        workers = Workers(await attendance.count(), await attendance.count_short())
        return Queue(found=await rooms.look(info.context.asker, rooms_of.clock.now(), workers))
