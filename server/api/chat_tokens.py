"""What a bot says in a conversation, while it says it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from server.api.access import subscription
from server.api.context import Context, Info
from server.api.kinds import ExecutionStatus, WaitingReason
from server.api.watching import RECHECK_SECONDS, still_valid
from server.core.errors import Invalid, Unauthenticated
from server.core.ids import public_id, read_id
from server.executions import chats
from server.executions.chat_feed import Place, follow
from server.executions.chat_text import Frame, Piece


@strawberry.type(
    description="Some text that a step of an execution says, to be put after what it said before."
)
class ChatPiece:
    step_key: str = strawberry.field(description="The step, named for ever.")
    entity: str = strawberry.field(description="Who speaks: the name of the step.")
    attempt: int = strawberry.field(
        description="Rises when the execution was taken up by another worker, which says the text "
        "of the step from its beginning again."
    )
    text: str = strawberry.field(description="The words; empty when only `ended` is told.")
    again: bool = strawberry.field(
        description="The text of this step begins anew with these words: forget what it said "
        "before, because its model failed in the middle and was asked again."
    )
    ended: bool = strawberry.field(description="The step says no more.")

    @classmethod
    def of(cls, piece: Piece) -> ChatPiece:
        return cls(
            step_key=piece.step_key,
            entity=piece.entity,
            attempt=piece.attempt,
            text=piece.text,
            again=piece.again,
            ended=piece.ended,
        )


@strawberry.type(description="What was said in a conversation since the frame before.")
class ChatTokens:
    execution_id: strawberry.ID | None = strawberry.field(
        description="The execution of the message; null in the first frame when none runs."
    )
    last_seq: int = strawberry.field(
        description="Number of the latest event in it; pass it as `after`, with its "
        "`executionId`, to go on later."
    )
    pieces: list[ChatPiece] = strawberry.field(description="Its words, by step.")
    caught_up: bool = strawberry.field(
        description="Everything that this execution had said when it was begun with has been given."
    )
    done: bool = strawberry.field(
        description="This execution has ended; frames of the next message follow, when there is "
        "one."
    )
    status: ExecutionStatus | None = strawberry.field(
        description="With `done`, how it ended; null when it was deleted."
    )
    waiting_reason: WaitingReason | None = strawberry.field(
        description="What it waits for, such as a person's APPROVAL, as long as it waits."
    )

    @classmethod
    def of(cls, frame: Frame) -> ChatTokens:
        known = frame.execution_id
        return cls(
            execution_id=None if known is None else strawberry.ID(public_id("execution", known)),
            last_seq=frame.last_seq,
            pieces=[ChatPiece.of(piece) for piece in frame.pieces],
            caught_up=frame.caught_up,
            done=frame.done,
            status=frame.status,
            waiting_reason=frame.waiting,
        )


@strawberry.type
class ChatSubscriptions:
    @subscription(
        "executions:read",
        "What the bot says in a conversation: first all that the execution under way has said so "
        "far, then what it says, at most 20 times a second, and so with each next message. To go "
        "on after a lost connection without a gap give the last `executionId` and its `lastSeq` "
        "as `after`; an execution that is deleted counts as heard. Ends when the conversation is "
        "deleted. Errors: NOT_FOUND.",
    )
    async def chat_tokens(
        self,
        info: Info,
        session_id: strawberry.ID,
        execution_id: strawberry.ID | None = None,
        after: int = 0,
    ) -> AsyncGenerator[ChatTokens, None]:
        place = None
        if after < 0:
            raise Invalid("Event numbers begin with 1; 0 asks for everything.", path=["after"])
        if execution_id is not None:
            place = Place(read_id("execution", execution_id), after)
        elif after:
            message = "Say of which execution `after` is a number."
            raise Invalid(message, path=["executionId"])
        session = await chats.get(info.context.asker, read_id("chat", session_id))
        frames = follow(info.context.rooms.engine, session, place)
        return _told(info.context, frames)  # pyright: ignore[reportReturnType]


async def _told(
    context: Context, frames: AsyncGenerator[Frame, None]
) -> AsyncGenerator[ChatTokens, None]:
    """A conversation may stay open for days: whoever may not look any more is told so."""
    checked = time.monotonic()
    async with aclosing(frames):
        async for frame in frames:
            if time.monotonic() - checked > RECHECK_SECONDS:
                if not await still_valid(context):
                    raise Unauthenticated
                checked = time.monotonic()
            yield ChatTokens.of(frame)
