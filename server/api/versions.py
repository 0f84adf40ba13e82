"""Versions and the journal of drafts: what was, who did it, and what changed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from server.api.access import query
from server.api.bal_editor import BalChange
from server.api.context import Info
from server.api.kinds import DraftCause
from server.api.relay import Node
from server.api.scalars import BalSource
from server.bots import service
from server.bots.comparing import Comparison, Line, compare, summary
from server.bots.programs import refuse_too_large
from server.bots.versions import version_of
from server.core.ids import public_id, read_id
from server.models import tables
from server.models.enums import BotState

if TYPE_CHECKING:
    from server.api.bots import Bot

MOST_LINES = 5_000


@strawberry.type(description="Somebody who wrote something, also when they have left since.")
class Person:
    id: strawberry.ID = strawberry.field(description="`usr_…`")
    name: str = strawberry.field(description="How they are called; their address without a name.")


async def person_of(info: Info, user_id: UUID | None) -> Person | None:
    row = await info.context.loaders.author.load(user_id) if user_id is not None else None
    if row is None:
        return None
    return Person(id=strawberry.ID(public_id("user", row.id)), name=row.name or row.email)


@strawberry.type(description="What the viewer may do with a version of a bot.")
class BotVersionPermissions:
    restore: bool = strawberry.field(description="Make its text the draft again.")
    publish: bool = strawberry.field(description="Make it the live one.")
    run: bool = strawberry.field(description="Start it.")
    annotate: bool = strawberry.field(description="Give it a name and a note.")


@strawberry.type(description="A frozen text of a bot. The same text is the same version.")
class BotVersion(Node):
    row: strawberry.Private[tables.BotVersion]
    number: int = strawberry.field(description="1, 2, 3 … in the order of freezing.")
    name: str = strawberry.field(description="A name that somebody gave it; else empty.")
    note: str = strawberry.field(description="What somebody wrote about it; else empty.")
    source: BalSource = strawberry.field(description="The program.")
    created_at: datetime = strawberry.field(description="When it was frozen.")
    published_at: datetime | None = strawberry.field(
        description="When it last became the live one; null when it never was."
    )

    @classmethod
    def of(cls, row: tables.BotVersion) -> BotVersion:
        return cls(
            row=row,
            id=strawberry.ID(public_id("version", row.id)),
            number=row.number,
            name=row.name,
            note=row.note,
            source=BalSource(row.source),
            created_at=row.created_at,
            published_at=row.published_at,
        )

    @strawberry.field(description="Whose draft it was frozen from; null when no person did it.")
    async def author(self, info: Info) -> Person | None:
        return await person_of(info, self.row.author_id)

    @strawberry.field(description="Who last made it the live one.")
    async def published_by(self, info: Info) -> Person | None:
        return await person_of(info, self.row.published_by_id)

    @strawberry.field(description="Its bot; null when that was deleted.")
    async def bot(self, info: Info) -> Annotated[Bot, strawberry.lazy("server.api.bots")] | None:
        from server.api.bots import Bot

        row = await info.context.loaders.bot.load(self.row.bot_id)
        return Bot.of(row) if row is not None and not row.deleted else None

    @strawberry.field(description="Whether it is the one that triggers start.")
    async def is_live(self, info: Info) -> bool:
        bot = await info.context.loaders.bot.load(self.row.bot_id)
        return bot is not None and bot.published_version_id == self.row.id

    @strawberry.field(description="Whether the draft has this very text now.")
    async def is_draft(self, info: Info) -> bool:
        bot = await info.context.loaders.bot.load(self.row.bot_id)
        return bot is not None and bot.source == self.row.source

    @strawberry.field(description="How many executions ran it.")
    async def execution_count(self, info: Info) -> int:
        place = (self.row.bot_id, self.row.id)
        return await info.context.loaders.version_count.load(place) or 0

    @strawberry.field(
        description="What changed since the version before, in words; empty for the first one and "
        "when only the spelling changed."
    )
    async def summary(self, info: Info) -> str:
        place = (self.row.bot_id, self.row.number - 1)
        before = await info.context.loaders.version_before.load(place)
        if before is None:
            return ""
        return await asyncio.to_thread(summary, before.source, self.row.source)

    @strawberry.field(description="What the viewer may do with it.")
    async def viewer_can(self, info: Info) -> BotVersionPermissions:
        asker = info.context.asker
        bot = await info.context.loaders.bot.load(self.row.bot_id)
        awake = bot is not None and bot.state is not BotState.ARCHIVED and not bot.deleted
        return BotVersionPermissions(
            restore=asker.may("bots:write") and awake,
            publish=asker.may("bots:publish") and awake,
            run=asker.may("executions:run") and awake,
            annotate=asker.may("bots:write"),
        )


@strawberry.type(description="One change of a draft; a burst of typing is one.")
class DraftEdit:
    row: strawberry.Private[tables.DraftEdit]
    number: int = strawberry.field(description="1, 2, 3 …; what is old is forgotten first.")
    cause: DraftCause = strawberry.field(description="Where it came from.")
    started_at: datetime = strawberry.field(description="When its first letter was written.")
    changed_at: datetime = strawberry.field(description="When its last letter was written.")
    lines_added: int = strawberry.field(description="Lines that it put in.")
    lines_removed: int = strawberry.field(description="Lines that it took out.")
    undone: bool = strawberry.field(description="Taken back; redo brings it again.")

    @classmethod
    def of(cls, row: tables.DraftEdit, place: int) -> DraftEdit:
        return cls(
            row=row,
            number=row.number,
            cause=row.cause,
            started_at=row.started_at,
            changed_at=row.changed_at,
            lines_added=row.lines_added,
            lines_removed=row.lines_removed,
            undone=row.number > place,
        )

    @strawberry.field(description="Who made it.")
    async def author(self, info: Info) -> Person | None:
        return await person_of(info, self.row.author_id)


@strawberry.enum(description="Where a line of a comparison stands.")
class LineKind(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@strawberry.type(description="One line of two texts side by side.")
class TextLine:
    kind: LineKind = strawberry.field(description="In both texts, or in one of them.")
    old: int | None = strawberry.field(description="Its number in the old text, from 1.")
    new: int | None = strawberry.field(description="Its number in the new text, from 1.")
    text: str = strawberry.field(description="What it says.")

    @classmethod
    def of(cls, line: Line) -> TextLine:
        return cls(kind=LineKind(line.kind), old=line.old, new=line.new, text=line.text)


@strawberry.type(description="Two texts of a bot, by meaning and line by line.")
class BotComparison:
    changes: list[BalChange] | None = strawberry.field(
        description="What changed by meaning, spelling aside; null when one of the texts has "
        "mistakes."
    )
    summary: str = strawberry.field(description="All of it in one sentence; else empty.")
    lines: list[TextLine] = strawberry.field(
        description=f"Both texts line by line, at most {MOST_LINES} lines."
    )
    lines_added: int = strawberry.field(description="How many lines only the new text has.")
    lines_removed: int = strawberry.field(description="How many lines only the old text has.")
    truncated: bool = strawberry.field(description="There are more lines than are shown.")

    @classmethod
    def of(cls, found: Comparison) -> BotComparison:
        changes = None
        if found.changes is not None:
            changes = [
                BalChange(kind=one.kind, subject=one.subject, sentence=one.sentence)
                for one in found.changes
            ]
        return cls(
            changes=changes,
            summary=found.summary,
            lines=[TextLine.of(line) for line in found.lines[:MOST_LINES]],
            lines_added=found.added,
            lines_removed=found.removed,
            truncated=len(found.lines) > MOST_LINES,
        )


@strawberry.type
class VersionQueries:
    @query(
        "bots:read",
        "What changed between two versions of a bot; from the live one to the draft where none is "
        "named. With `newSource`, from the draft to that text. Errors: NOT_FOUND, TOO_LARGE.",
    )
    async def compare_bot_versions(
        self,
        info: Info,
        bot_id: strawberry.ID,
        old_version_id: strawberry.ID | None = None,
        new_version_id: strawberry.ID | None = None,
        new_source: BalSource | None = None,
    ) -> BotComparison:
        bot = await service.get(info.context.asker, read_id("bot", bot_id))
        before = read_id("version", old_version_id) if old_version_id else bot.published_version_id
        after = read_id("version", new_version_id) if new_version_id else None
        if new_source is not None:
            refuse_too_large(new_source)
            before = read_id("version", old_version_id) if old_version_id else None
        old = await _source(bot, before)
        new = await _source(bot, after) if new_source is None else new_source
        return BotComparison.of(await asyncio.to_thread(compare, old, new))


async def _source(bot: tables.Bot, version_id: UUID | None) -> str:
    return bot.source if version_id is None else (await version_of(bot, version_id)).source
