"""Bots and their versions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON

from server.api.access import mutation, query
from server.api.comparators import BotStateComparator, StringComparator
from server.api.context import Info
from server.api.drafts import draft_input
from server.api.errors import UserError, payload_errors
from server.api.execution_columns import columns_for
from server.api.kinds import BotState, ExecutionStatus, OrderDirection
from server.api.relay import Connection, Node, connection_of
from server.api.scalars import BalSource, BigInt, Cursor, dollars, whole
from server.api.versions import BotVersion, DraftEdit, Person, person_of
from server.bots import drafts, service
from server.core.errors import Invalid, NotFound
from server.core.ids import public_id, read_id
from server.executions.figures import BotFigures
from server.executions.retention import Rule, checked_rule, set_rule
from server.models import tables
from server.workspaces.listing import PageAsk

if TYPE_CHECKING:
    from server.api.execution_types import Execution
    from server.api.executions import ExecutionFilter, ExecutionOrder


@strawberry.type(description="One entity of a program.")
class BotEntity:
    name: str = strawberry.field(description="Its name in the text.")
    goal: str = strawberry.field(description="What it shall do.")
    model: str | None = strawberry.field(description="The model it names; null for the default.")


@strawberry.type(description="What the viewer may do with a version.")
class BotVersionPermissions:
    restore: bool = strawberry.field(description="Make its text the draft again.")
    run: bool = strawberry.field(description="Start it.")


@strawberry.type(description="How a bot has done over all of its executions.")
class BotStats:
    total: int = strawberry.field(description="Executions in all.")
    completed: int = strawberry.field(description="Those that completed.")
    failed: int = strawberry.field(description="Those that failed or timed out.")
    success_rate: float | None = strawberry.field(
        description="Percent of the ended ones that completed; null before the first end."
    )
    median_duration_ms: BigInt | None = strawberry.field(
        description="Half of the latest completed ones took at most this long, in milliseconds."
    )
    cost: Decimal = strawberry.field(description="US dollars for all of them.")

    @classmethod
    def of(cls, found: BotFigures) -> BotStats:
        return cls(
            total=found.total,
            completed=found.completed,
            failed=found.failed,
            success_rate=found.success_rate,
            median_duration_ms=whole(found.median_duration_ms),
            cost=dollars(found.cost_nano),
        )


@strawberry.type(description="Which executions of a bot are deleted; what runs never is.")
class BotRetention:
    max_age_days: int | None = strawberry.field(description="Older ones go; null sets no limit.")
    max_count: int | None = strawberry.field(
        description="All but so many of the latest go; null sets no limit."
    )
    statuses: list[ExecutionStatus] = strawberry.field(description="Only these are deleted.")

    @classmethod
    def of(cls, stored: dict[str, Any] | None) -> BotRetention | None:
        if stored is None:
            return None
        rule = Rule.from_json(stored)
        return cls(
            max_age_days=rule.max_age_days,
            max_count=rule.max_count,
            statuses=sorted(rule.statuses),
        )


@strawberry.type(description="How many executions of a bot run at once.")
class BotConcurrency:
    limit: int | None = strawberry.field(description="All together; null sets no limit.")
    per_key: int | None = strawberry.field(
        description="Of those with the same `concurrencyKey`; null sets no limit."
    )


@strawberry.type(description="What the viewer may do with a bot.")
class BotPermissions:
    edit: bool = strawberry.field(description="Change its draft.")
    run: bool = strawberry.field(description="Start it.")
    publish: bool = strawberry.field(description="Make its draft the live version.")
    delete: bool = strawberry.field(description="Delete it.")


@strawberry.type(description="A program with its history: one draft and its frozen versions.")
class Bot(Node):
    row: strawberry.Private[tables.Bot]
    name: str = strawberry.field(description="How it is called; unique in the workspace.")
    description: str = strawberry.field(description="What it is for.")
    icon: str = strawberry.field(description="A sign for cards; empty when the text has none.")
    state: BotState = strawberry.field(description="Where it stands in its life.")
    source: BalSource = strawberry.field(description="The text of the draft.")
    draft_version: int = strawberry.field(
        description="Counts the changes of the draft; send it back as `expectedVersion`."
    )
    entities: list[BotEntity] = strawberry.field(description="The entities of the draft.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    edited_at: datetime | None = strawberry.field(
        description="When its draft was last changed; null for drafts of older times."
    )

    @classmethod
    def of(cls, row: tables.Bot) -> Bot:
        found = row.summary.get("entities", [])
        return cls(
            row=row,
            id=strawberry.ID(public_id("bot", row.id)),
            name=row.name,
            description=row.description,
            icon=row.icon,
            state=row.state,
            source=BalSource(row.source),
            draft_version=row.draft_version,
            entities=[BotEntity(name=e["name"], goal=e["goal"], model=e["model"]) for e in found],
            created_at=row.created_at,
            updated_at=row.updated_at,
            edited_at=row.edited_at,
        )

    @strawberry.field(description="The live version; null while it was never published.")
    async def published(self, info: Info) -> BotVersion | None:
        if self.row.published_version_id is None:
            return None
        row = await info.context.loaders.version.load(self.row.published_version_id)
        return BotVersion.of(row) if row is not None else None

    @strawberry.field(description="Whether the live version has the very text of the draft.")
    async def draft_is_live(self, info: Info) -> bool:
        if self.row.published_version_id is None:
            return False
        row = await info.context.loaders.version.load(self.row.published_version_id)
        return row is not None and row.source == self.row.source

    @strawberry.field(description="Words that somebody put on it, by name.")
    async def tags(self, info: Info) -> list[str]:
        return await info.context.loaders.tags.load(self.row.id) or []

    @strawberry.field(description="Who changed the draft last; null for drafts of older times.")
    async def edited_by(self, info: Info) -> Person | None:
        return await person_of(info, self.row.edited_by_id)

    @strawberry.field(description="Whether `undoBotDraft` has something to undo.")
    async def can_undo(self, info: Info) -> bool:
        return await _steps(info, self.row, 0)

    @strawberry.field(description="Whether `redoBotDraft` has something to redo.")
    async def can_redo(self, info: Info) -> bool:
        return await _steps(info, self.row, 1)

    @strawberry.field(description="The journal of the draft, the latest change first.")
    async def draft_edits(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[DraftEdit]:
        ask = PageAsk(first, after, last, before)
        page = await drafts.list_edits(info.context.asker, self.row.id, ask)
        place = self.row.draft_edit
        return connection_of(page, Connection[DraftEdit], lambda row: DraftEdit.of(row, place))

    @strawberry.field(description="Its frozen versions, the latest first.")
    async def versions(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[BotVersion]:
        ask = PageAsk(first, after, last, before)
        page = await service.list_versions(info.context.asker, self.row, ask)
        info.context.loaders.remember(self.row, page.rows)
        return connection_of(page, Connection[BotVersion], BotVersion.of)

    @strawberry.field(description="Its executions, the latest first.")
    async def executions(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: Annotated[ExecutionFilter, strawberry.lazy("server.api.executions")] | None = None,
        order_by: list[Annotated[ExecutionOrder, strawberry.lazy("server.api.executions")]]
        | None = None,
    ) -> Connection[Annotated[Execution, strawberry.lazy("server.api.execution_types")]]:
        from server.api.executions import executions_page

        ask = PageAsk(first, after, last, before)
        return await executions_page(info, ask, filter, order_by, bot_id=self.row.id)

    @strawberry.field(description="How many executions it has had.")
    async def execution_count(self, info: Info) -> int:
        return await info.context.loaders.count.load(self.row.id) or 0

    @strawberry.field(description="The latest execution.")
    async def last_execution(
        self, info: Info
    ) -> Annotated[Execution, strawberry.lazy("server.api.execution_types")] | None:
        from server.api.execution_types import Execution

        key = (self.row.id, 1, columns_for(info.context.fields))
        page = await info.context.loaders.first_executions.load(key)
        return Execution.of(page.rows[0]) if page.rows else None

    @strawberry.field(description="How it has done so far.")
    async def stats(self, info: Info) -> BotStats:
        return BotStats.of(await info.context.loaders.figures.load(self.row.id) or BotFigures())

    @strawberry.field(
        description="JSON Schema of the input that the draft's first step takes; null for any."
    )
    def input_schema(self) -> JSON | None:
        return JSON(draft_input(self.row.source).schema)

    @strawberry.field(description="An input to try the draft with.")
    def sample_input(self) -> JSON | None:
        return draft_input(self.row.source).sample

    @strawberry.field(
        description="How long its executions are kept; null when the installation decides."
    )
    def retention(self) -> BotRetention | None:
        return BotRetention.of(self.row.retention)

    @strawberry.field(
        description="Counts the changes of `retention`; send it back as `expectedVersion`."
    )
    def retention_version(self) -> int:
        return self.row.retention_version

    @strawberry.field(
        description="How many of its executions run at once; the others wait in the queue."
    )
    def concurrency(self) -> BotConcurrency:
        return BotConcurrency(limit=self.row.max_running, per_key=self.row.max_running_per_key)

    @strawberry.field(
        description="Counts the changes of `concurrency`; send it back as `expectedVersion`."
    )
    def concurrency_version(self) -> int:
        return self.row.concurrency_version

    @strawberry.field(description="What the viewer may do with it.")
    def viewer_can(self, info: Info) -> BotPermissions:
        can = info.context.asker.can("bot")
        can["run"] = can["run"] and self.row.state is not BotState.ARCHIVED
        return BotPermissions(**can)


@strawberry.input(description="Which bots. Every field that is given must hold.")
class BotFilter:
    name: StringComparator | None = strawberry.field(default=None, description="By name.")
    text: str | None = strawberry.field(
        default=None, description="Stands in the name, the description or a tag."
    )
    state: BotStateComparator | None = strawberry.field(default=None, description="By state.")
    tag: StringComparator | None = strawberry.field(
        default=None, description="By tag; a bot with several needs one that fits."
    )


@strawberry.enum(description="What bots are sorted by.")
class BotOrderField(StrEnum):
    NAME = "name"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"


@strawberry.input(description="How bots are sorted.")
class BotOrder:
    field: BotOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which way."
    )


@strawberry.type
class BotQueries:
    @query("bots:read", "The bots of the workspace; the latest changed first by default.")
    async def bots(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: BotFilter | None = None,
        order_by: list[BotOrder] | None = None,
    ) -> Connection[Bot]:
        ask = PageAsk(first, after, last, before)
        where, order = _where(filter), _order(order_by)
        page = await service.list_bots(info.context.asker, ask, where, order)
        return connection_of(page, Connection[Bot], Bot.of)

    @query("bots:read", "One bot, by id or by name; null when there is none.")
    async def bot(
        self, info: Info, id: strawberry.ID | None = None, name: str | None = None
    ) -> Bot | None:
        if (id is None) == (name is None):
            raise Invalid("Give id or name, and not both.", path=["id"])
        row = await _by_id(info, id) if id is not None else None
        if name is not None:
            row = await service.find(info.context.asker, name)
        if row is None:
            return None
        info.context.loaders.remember(row)
        return Bot.of(row)


async def _steps(info: Info, row: tables.Bot, which: int) -> bool:
    found = await info.context.loaders.steps.load((row.id, row.draft_edit))
    return found is not None and found[which]


async def _by_id(info: Info, bot_id: str) -> tables.Bot | None:
    """Junk, an id of elsewhere and one that never was: all the same null."""
    try:
        return await service.get(info.context.asker, read_id("bot", bot_id))
    except NotFound:
        return None


def _where(given: BotFilter | None) -> service.BotFilter | None:
    if given is None:
        return None
    name, state = given.name or StringComparator(), given.state or BotStateComparator()
    states = state.in_ if state.eq is None else [state.eq]
    tag = given.tag or StringComparator()
    return service.BotFilter(
        name_contains=name.contains,
        name_is=name.eq,
        name_in=name.in_,
        states=states,
        text=given.text,
        tag_in=tag.in_ if tag.eq is None else [tag.eq],
        tag_contains=tag.contains,
    )


def _order(given: list[BotOrder] | None) -> service.BotOrder | None:
    if not given:
        return None
    if len(given) > 1:
        raise Invalid("Bots are sorted by one field.", path=["orderBy"])
    falling = given[0].direction is OrderDirection.DESC
    return service.BotOrder(key=given[0].field.value, descending=falling)  # pyright: ignore[reportArgumentType]


# --- changes --------------------------------------------------------------------------------


@strawberry.input(description="Input of `createBot`.")
class CreateBotInput:
    source: BalSource = strawberry.field(
        description="The program, at most 512 KiB, without mistakes."
    )
    name: str | None = strawberry.field(
        default=None, description="1 to 200 characters; called after its first entity when absent."
    )


@strawberry.input(description="Input of `updateBotRetention`.")
class UpdateBotRetentionInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    inherit: bool = strawberry.field(
        default=False, description="Take the rule away: what the installation says counts again."
    )
    max_age_days: int | None = strawberry.field(
        default=None, description="1 to 36500; without it age is no reason."
    )
    max_count: int | None = strawberry.field(
        default=None, description="How many of the latest stay; without it number is no reason."
    )
    statuses: list[ExecutionStatus] | None = strawberry.field(
        default=None, description="Only these are deleted: final ones; all of them when absent."
    )
    expected_version: int | None = strawberry.field(
        default=None,
        description="The `retentionVersion` that was looked at; without it the last one wins.",
    )


@strawberry.input(description="Input of `deleteBot`.")
class DeleteBotInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")


@strawberry.type(description="Answer of `createBot`.")
class CreateBotPayload:
    bot: Bot | None = strawberry.field(default=None, description="The new bot.")
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Answer of `updateBotRetention`.")
class UpdateBotRetentionPayload:
    bot: Bot | None = strawberry.field(default=None, description="The bot with its rule.")
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Answer of `deleteBot`.")
class DeleteBotPayload:
    bot: Bot | None = strawberry.field(default=None, description="What was deleted.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class BotMutations:
    @mutation(
        "bots:write",
        CreateBotPayload,
        "Makes a bot from a text. Errors: BAL_INVALID with every mistake, CONFLICT for the name, "
        "INVALID_INPUT, TOO_LARGE.",
    )
    async def create_bot(self, info: Info, input: CreateBotInput) -> CreateBotPayload:
        row = await service.create(info.context.asker, input.source, input.name)
        return CreateBotPayload(bot=Bot.of(row))

    @mutation(
        "bots:write",
        DeleteBotPayload,
        "Deletes a bot. Its executions stay to be looked at, its name is free again. Errors: "
        "NOT_FOUND.",
    )
    async def delete_bot(self, info: Info, input: DeleteBotInput) -> DeleteBotPayload:
        row = await service.delete(info.context.asker, read_id("bot", input.bot_id))
        return DeleteBotPayload(bot=Bot.of(row))

    @mutation(
        "bots:write",
        UpdateBotRetentionPayload,
        "Says how long the finished executions of a bot are kept. Errors: NOT_FOUND, "
        "CONFLICT, INVALID_INPUT.",
    )
    async def update_bot_retention(
        self, info: Info, input: UpdateBotRetentionInput
    ) -> UpdateBotRetentionPayload:
        bot_id = read_id("bot", input.bot_id)
        rule = checked_rule(input.max_age_days, input.max_count, input.statuses)
        kept = None if input.inherit else rule
        row = await set_rule(info.context.asker, bot_id, kept, input.expected_version)
        return UpdateBotRetentionPayload(bot=Bot.of(row))
