"""Recordings: answers of an execution, kept to be given again at no cost."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from server.api.access import mutation, query
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.relay import Connection, Node, connection_of
from server.api.scalars import Cursor
from server.core.ids import public_id, read_id
from server.executions import recordings
from server.models import tables
from server.workspaces.listing import PageAsk

if TYPE_CHECKING:
    from server.api.bots import Bot


@strawberry.type(description="What the viewer may do with a recording.")
class RecordingPermissions:
    replay: bool = strawberry.field(description="Start an execution that replays it.")
    delete: bool = strawberry.field(description="Delete it.")


@strawberry.type(
    description="The answers of models and the results of tools of one execution, kept until it "
    "is deleted. `startExecution(mode: RECORDED)` gives them again at no cost."
)
class Recording(Node):
    row: strawberry.Private[tables.Recording]
    name: str = strawberry.field(description="How it is called.")
    answers: int = strawberry.field(description="How many answers and results it holds.")
    input: JSON | None = strawberry.field(
        description="What that execution was given; a replay is given it, too, unless it says "
        "otherwise."
    )
    execution_id: strawberry.ID = strawberry.field(
        description="The execution it was taken from, which may be deleted by now."
    )
    created_at: datetime = strawberry.field(description="When it was kept.")

    @classmethod
    def of(cls, row: tables.Recording) -> Recording:
        return cls(
            row=row,
            id=strawberry.ID(public_id("recording", row.id)),
            name=row.name,
            answers=row.answers,
            input=(row.given or {}).get("input"),
            execution_id=strawberry.ID(public_id("execution", row.execution_id)),
            created_at=row.created_at,
        )

    @strawberry.field(description="The bot.")
    async def bot(self, info: Info) -> Annotated[Bot, strawberry.lazy("server.api.bots")] | None:
        from server.api.bots import Bot

        row = await info.context.loaders.bot.load(self.row.bot_id)
        return Bot.of(row) if row is not None else None

    @strawberry.field(description="What the viewer may do with it.")
    def viewer_can(self, info: Info) -> RecordingPermissions:
        return RecordingPermissions(**info.context.asker.can("recording"))


@strawberry.type
class RecordingQueries:
    @query("executions:read", "The recordings of the workspace or of one bot, the newest first.")
    async def recordings(
        self,
        info: Info,
        bot_id: strawberry.ID | None = None,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Recording]:
        bot = None if bot_id is None else read_id("bot", bot_id)
        ask = PageAsk(first, after, last, before)
        page = await recordings.list_recordings(info.context.asker, ask, bot)
        return connection_of(page, Connection[Recording], Recording.of)


@strawberry.input(description="Input of `keepRecording`.")
class KeepRecordingInput:
    execution_id: strawberry.ID = strawberry.field(description="An execution that has ended.")
    name: str | None = strawberry.field(
        default=None, description="1 to 200 characters; its date when absent."
    )


@strawberry.type(description="Answer of `keepRecording`.")
class KeepRecordingPayload:
    recording: Recording | None = strawberry.field(default=None, description="What is kept.")
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `deleteRecording`.")
class DeleteRecordingInput:
    recording_id: strawberry.ID = strawberry.field(description="The recording, `rec_…`.")


@strawberry.type(description="Answer of `deleteRecording`.")
class DeleteRecordingPayload:
    recording: Recording | None = strawberry.field(default=None, description="What was deleted.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class RecordingMutations:
    @mutation(
        "executions:run",
        KeepRecordingPayload,
        "Keeps what models answered and tools gave in an ended execution. Errors: NOT_FOUND, "
        "INVALID_INPUT, INVALID_STATE when it has not ended or asked nobody, LIMIT_REACHED at 100 "
        "recordings of a bot.",
    )
    async def keep_recording(self, info: Info, input: KeepRecordingInput) -> KeepRecordingPayload:
        execution_id = read_id("execution", input.execution_id)
        clock = info.context.rooms.clock
        row = await recordings.keep(info.context.asker, clock, execution_id, input.name)
        return KeepRecordingPayload(recording=Recording.of(row))

    @mutation(
        "executions:run",
        DeleteRecordingPayload,
        "Deletes a recording; executions that replayed it stay. Errors: NOT_FOUND.",
    )
    async def delete_recording(
        self, info: Info, input: DeleteRecordingInput
    ) -> DeleteRecordingPayload:
        row = await recordings.delete(info.context.asker, read_id("recording", input.recording_id))
        return DeleteRecordingPayload(recording=Recording.of(row))
