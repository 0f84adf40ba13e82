"""Conversations with a bot: sessions, and their messages, which are executions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON

from server.api.access import mutation, query
from server.api.budgets import office_of
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.execution_columns import columns_for
from server.api.execution_types import Execution
from server.api.executions import StartExecutionPayload
from server.api.kinds import ExecutionMode
from server.api.relay import Connection, Node, connection_of
from server.api.scalars import Cursor
from server.api.turns import concurrency_key_field, priority_field
from server.bots.startable import startable
from server.core.errors import Invalid, NotFound
from server.core.ids import public_id, read_id
from server.core.paging import page_size
from server.costs.service import refuse_if_spent
from server.executions import chats
from server.models import tables
from server.models.enums import BotState
from server.workspaces.listing import PageAsk

if TYPE_CHECKING:
    from server.api.bots import Bot


@strawberry.type(description="What the viewer may do with a conversation.")
class ChatPermissions:
    send: bool = strawberry.field(description="Send a message; not to an archived bot.")
    delete: bool = strawberry.field(description="Delete it.")


@strawberry.type(
    description="A conversation with a bot. Each message is an execution of the bot, which is told "
    "what was said before. It stays until it is deleted, or until nobody used it for as long as "
    "the bot keeps its executions."
)
class ChatSession(Node):
    row: strawberry.Private[tables.ChatSession]
    title: str = strawberry.field(
        description="How it is called; without a title the beginning of its first message."
    )
    created_at: datetime = strawberry.field(description="When it began.")
    used_at: datetime = strawberry.field(description="When the latest message was sent.")

    @classmethod
    def of(cls, row: tables.ChatSession) -> ChatSession:
        return cls(
            row=row,
            id=strawberry.ID(public_id("chat", row.id)),
            title=row.title,
            created_at=row.created_at,
            used_at=row.used_at,
        )

    @strawberry.field(description="The bot; null when it is deleted.")
    async def bot(self, info: Info) -> Annotated[Bot, strawberry.lazy("server.api.bots")] | None:
        from server.api.bots import Bot

        row = await info.context.loaders.bot.load(self.row.bot_id)
        return Bot.of(row) if row is not None else None

    @strawberry.field(
        description="The execution of the latest message; null before the first one, and when it "
        "was deleted."
    )
    async def latest(self, info: Info) -> Execution | None:
        known = self.row.last_execution_id
        if known is None:
            return None
        columns = columns_for(info.context.fields)
        row = await info.context.loaders.execution.load((known, columns))
        return None if row is None else Execution.of(row)

    @strawberry.field(description="The executions of its messages, the latest first.")
    async def executions(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Execution]:
        ask = PageAsk(first, after, last, before)
        columns = columns_for(info.context.fields)
        if ask.plain:
            key = (self.row.id, page_size(ask.first), columns)
            page = await info.context.loaders.first_messages.load(key)
        else:
            page = await chats.executions(info.context.asker, self.row.id, ask, columns)
        return connection_of(page, Connection[Execution], Execution.of)

    @strawberry.field(description="What the viewer may do with it.")
    async def viewer_can(self, info: Info) -> ChatPermissions:
        can = info.context.asker.can("chat")
        return ChatPermissions(**can | {"send": can["send"] and await self._listens(info)})

    async def _listens(self, info: Info) -> bool:
        """Whoever may only run bots is told too, without seeing the bot."""
        asker, bot_id = info.context.asker, self.row.bot_id
        if asker.may("bots:read"):
            bot = await info.context.loaders.bot.load(bot_id)
            return bot is not None and not bot.deleted and bot.state is not BotState.ARCHIVED
        try:
            return (await startable(asker, bot_id)).state is not BotState.ARCHIVED
        except NotFound:
            return False


@strawberry.type
class ChatQueries:
    @query("executions:read", "One conversation; null when there is none with this id.")
    async def chat_session(self, info: Info, id: strawberry.ID) -> ChatSession | None:
        try:
            return ChatSession.of(await chats.get(info.context.asker, read_id("chat", id)))
        except NotFound:
            return None

    @query(
        "executions:read",
        "The conversations of the workspace or of one bot, the latest begun first. Errors: "
        "NOT_FOUND for the bot.",
    )
    async def chat_sessions(
        self,
        info: Info,
        bot_id: strawberry.ID | None = None,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[ChatSession]:
        bot = None if bot_id is None else read_id("bot", bot_id)
        page = await chats.list_chats(info.context.asker, PageAsk(first, after, last, before), bot)
        return connection_of(page, Connection[ChatSession], ChatSession.of)


# --- changes --------------------------------------------------------------------------------


@strawberry.input(description="Input of `startChat`.")
class StartChatInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot to talk to.")
    title: str | None = strawberry.field(
        default=None,
        description="At most 200 characters; the beginning of the first message when absent.",
    )


@strawberry.type(description="Answer of `startChat`.")
class StartChatPayload:
    session: ChatSession | None = strawberry.field(
        default=None, description="The conversation, in which nothing was said yet."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `sendChatMessage`: a text, or another input.")
class SendChatMessageInput:
    session_id: strawberry.ID = strawberry.field(description="The conversation, `cht_…`.")
    text: str | None = strawberry.field(default=None, description="The message.")
    input: JSON | None = strawberry.field(
        default=strawberry.UNSET,
        description="In place of a text, what a bot with other inputs is given.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 200 characters. A second request with the same key answers with the "
        "execution of the first.",
    )
    mode: ExecutionMode = strawberry.field(
        default=ExecutionMode.LIVE, description="LIVE or DEMO: how models and tools are reached."
    )
    priority: int = priority_field()
    concurrency_key: str | None = concurrency_key_field()


@strawberry.type(description="Answer of `sendChatMessage`.")
class SendChatMessagePayload(StartExecutionPayload):
    pass


@strawberry.input(description="Input of `deleteChat`.")
class DeleteChatInput:
    session_id: strawberry.ID = strawberry.field(description="The conversation, `cht_…`.")


@strawberry.type(description="Answer of `deleteChat`.")
class DeleteChatPayload:
    session: ChatSession | None = strawberry.field(default=None, description="What was deleted.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class ChatMutations:
    @mutation(
        "executions:run",
        StartChatPayload,
        "Begins a conversation with a bot; nothing runs yet. Errors: NOT_FOUND, INVALID_INPUT, "
        "INVALID_STATE for an archived bot.",
    )
    async def start_chat(self, info: Info, input: StartChatInput) -> StartChatPayload:
        bot_id = read_id("bot", input.bot_id)
        clock = info.context.rooms.clock
        row = await chats.start(info.context.asker, clock, bot_id, input.title)
        return StartChatPayload(session=ChatSession.of(row))

    @mutation(
        "executions:run",
        SendChatMessagePayload,
        "Starts the bot with a message and with what was said before; answers as soon as the "
        "execution is stored for good, and `chatTokens` tells what it says. Errors: NOT_FOUND, "
        "BAL_INVALID, INVALID_INPUT, INVALID_STATE while the message before is at work, "
        "IDEMPOTENCY_MISMATCH, BUDGET_EXCEEDED, UNAVAILABLE.",
    )
    async def send_chat_message(
        self, info: Info, input: SendChatMessageInput
    ) -> SendChatMessagePayload:
        asker = info.context.asker
        session = await chats.to_send_to(asker, read_id("chat", input.session_id))
        message = chats.Message(
            input=_given(input),
            idempotency_key=input.idempotency_key,
            mode=input.mode,
            priority=input.priority,
            concurrency_key=input.concurrency_key,
        )
        if input.mode is ExecutionMode.LIVE:
            await refuse_if_spent(asker, office_of(info), session.bot_id)
        row = await chats.send(asker, info.context.rooms.engine, session, message)
        return SendChatMessagePayload(execution=Execution.of(row))

    @mutation(
        "executions:run",
        DeleteChatPayload,
        "Deletes a conversation: its subscriptions end, its executions stay as long as the bot "
        "keeps them, and one that runs goes on to its end. Errors: NOT_FOUND.",
    )
    async def delete_chat(self, info: Info, input: DeleteChatInput) -> DeleteChatPayload:
        rooms, session_id = info.context.rooms, read_id("chat", input.session_id)
        notices = rooms.bus.notices
        row = await chats.delete(info.context.asker, notices, session_id, rooms.clock)
        return DeleteChatPayload(session=ChatSession.of(row))


def _given(input: SendChatMessageInput) -> Any:
    if (input.text is None) == (input.input is strawberry.UNSET):
        raise Invalid("Give the message as a text, or an input.", path=["text"])
    return input.input if input.text is None else input.text
