"""How many executions of a bot run at once."""

from __future__ import annotations

import strawberry

from server.api.access import mutation
from server.api.bots import Bot
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.core.ids import read_id
from server.executions.concurrency import set_concurrency


@strawberry.input(description="Input of `updateBotConcurrency`: both numbers as they are to be.")
class UpdateBotConcurrencyInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    limit: int | None = strawberry.field(
        default=None,
        description="1 to 10000: so many of its executions run at once; without it there is no "
        "limit.",
    )
    per_key: int | None = strawberry.field(
        default=None,
        description="1 to 10000: so many of those with the same `concurrencyKey` run at once; "
        "without it keys mean nothing.",
    )
    expected_version: int | None = strawberry.field(
        default=None,
        description="The `concurrencyVersion` that was looked at; without it the last one wins.",
    )


@strawberry.type(description="Answer of `updateBotConcurrency`.")
class UpdateBotConcurrencyPayload:
    bot: Bot | None = strawberry.field(default=None, description="The bot with its limits.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class ConcurrencyMutations:
    @mutation(
        "bots:write",
        UpdateBotConcurrencyPayload,
        "Says how many executions of a bot run at once. What is more waits in the queue with the "
        "reason QUEUE; what runs goes on. What waits for a person, a time or another bot, or is "
        "paused, takes no place. Errors: NOT_FOUND, CONFLICT, INVALID_INPUT.",
    )
    async def update_bot_concurrency(
        self, info: Info, input: UpdateBotConcurrencyInput
    ) -> UpdateBotConcurrencyPayload:
        row = await set_concurrency(
            info.context.asker,
            info.context.rooms.engine,
            read_id("bot", input.bot_id),
            input.limit,
            input.per_key,
            input.expected_version,
        )
        return UpdateBotConcurrencyPayload(bot=Bot.of(row))
