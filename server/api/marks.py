"""Named places of an execution."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import strawberry

from server.api.access import mutation
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.core.ids import public_id, read_id
from server.executions import marks as service
from server.executions.marks import Mark


@strawberry.enum(description="What kind of place in an execution it is.")
class SnapshotKind(StrEnum):
    START = "start"
    CHECKPOINT = "checkpoint"
    MILESTONE = "milestone"
    ERROR = "error"
    COMPLETION = "completion"
    MANUAL = "manual"


@strawberry.type(
    description="A place in an execution: `stateAt(seq)` shows how it stood there, and "
    "`rerunExecution` with `fromSeq` begins again from there."
)
class Snapshot:
    seq: int = strawberry.field(description="Number of the event after which it is.")
    kind: SnapshotKind = strawberry.field(description="What happened there.")
    label: str = strawberry.field(description="In a few words.")
    at: datetime = strawberry.field(description="When; of a manual one, when it was marked.")
    bookmarked: bool = strawberry.field(
        description="Worth finding again: the end, and what people have marked."
    )
    step_key: str | None = strawberry.field(description="The step that it is about.")
    bookmark_id: strawberry.ID | None = strawberry.field(
        description="Of one that a person made, for `removeBookmark`."
    )

    @classmethod
    def of(cls, mark: Mark) -> Snapshot:
        known = None if mark.bookmark_id is None else public_id("bookmark", mark.bookmark_id)
        return cls(
            seq=mark.seq,
            kind=SnapshotKind(mark.kind),
            label=mark.label,
            at=mark.at,
            bookmarked=mark.bookmarked,
            step_key=mark.step_key,
            bookmark_id=None if known is None else strawberry.ID(known),
        )


@strawberry.input(description="Input of `addBookmark`.")
class AddBookmarkInput:
    execution_id: strawberry.ID = strawberry.field(description="The execution.")
    seq: int = strawberry.field(description="Number of one of its events.")
    label: str = strawberry.field(description="1 to 200 characters.")


@strawberry.type(description="Answer of `addBookmark`.")
class AddBookmarkPayload:
    snapshot: Snapshot | None = strawberry.field(default=None, description="The marked place.")
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `removeBookmark`.")
class RemoveBookmarkInput:
    bookmark_id: strawberry.ID = strawberry.field(description="The bookmark, `bkm_…`.")


@strawberry.type(description="Answer of `removeBookmark`.")
class RemoveBookmarkPayload:
    removed: bool | None = strawberry.field(default=None, description="True: it is gone.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class MarkMutations:
    @mutation(
        "executions:control",
        AddBookmarkPayload,
        "Marks a place in an execution. Errors: NOT_FOUND, INVALID_INPUT, CONFLICT when it is "
        "marked already.",
    )
    async def add_bookmark(self, info: Info, input: AddBookmarkInput) -> AddBookmarkPayload:
        made = await service.add(
            info.context.asker,
            info.context.rooms.clock,
            read_id("execution", input.execution_id),
            input.seq,
            input.label,
        )
        return AddBookmarkPayload(snapshot=Snapshot.of(made))

    @mutation(
        "executions:control",
        RemoveBookmarkPayload,
        "Takes a mark away that a person has made. Errors: NOT_FOUND.",
    )
    async def remove_bookmark(
        self, info: Info, input: RemoveBookmarkInput
    ) -> RemoveBookmarkPayload:
        await service.remove(info.context.asker, read_id("bookmark", input.bookmark_id))
        return RemoveBookmarkPayload(removed=True)
