"""Bots and their versions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from server.api.access import mutation, query
from server.api.comparators import BotStateComparator, StringComparator
from server.api.context import Info
from server.api.errors import UserError
from server.api.kinds import BotState, OrderDirection
from server.api.relay import Connection, Node, connection_of
from server.api.scalars import BigInt
from server.bots import service
from server.core.errors import Invalid, NotFound
from server.core.ids import public_id, read_id
from server.core.money import to_decimal_text
from server.models import tables
from server.workspaces.listing import PageAsk

if TYPE_CHECKING:
    from server.api.executions import Execution, ExecutionFilter, ExecutionOrder


@strawberry.type(description="One entity of a program.")
class BotEntity:
    name: str = strawberry.field(description="Its name in the text.")
    goal: str = strawberry.field(description="What it shall do.")
    model: str | None = strawberry.field(description="The model it names; null for the default.")


@strawberry.type(description="A frozen text of a bot. The same text is the same version.")
class BotVersion(Node):
    number: int = strawberry.field(description="1, 2, 3 … in the order of freezing.")
    name: str = strawberry.field(description="A name that somebody gave it; else empty.")
    note: str = strawberry.field(description="What somebody wrote about it; else empty.")
    source: str = strawberry.field(description="The program.")
    created_at: datetime = strawberry.field(description="When it was frozen.")

    @classmethod
    def of(cls, row: tables.BotVersion) -> BotVersion:
        return cls(
            id=strawberry.ID(public_id("version", row.id)),
            number=row.number,
            name=row.name,
            note=row.note,
            source=row.source,
            created_at=row.created_at,
        )


@strawberry.type(description="How a bot has done over all of its executions.")
class BotStats:
    total: int = strawberry.field(description="Executions in all.")
    completed: int = strawberry.field(description="Those that completed.")
    failed: int = strawberry.field(description="Those that failed or timed out.")
    success_rate: float | None = strawberry.field(
        description="Completed over completed and failed, 0 to 1; null before the first end."
    )
    median_duration_ms: BigInt | None = strawberry.field(
        description="Half of the latest completed ones took at most this long, in milliseconds."
    )
    cost: Decimal = strawberry.field(description="US dollars for all of them.")


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
    source: str = strawberry.field(description="The text of the draft.")
    draft_version: int = strawberry.field(
        description="Counts the changes of the draft; send it back as `expectedVersion`."
    )
    entities: list[BotEntity] = strawberry.field(description="The entities of the draft.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

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
            source=row.source,
            draft_version=row.draft_version,
            entities=[BotEntity(name=e["name"], goal=e["goal"], model=e["model"]) for e in found],
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    @strawberry.field(description="The live version; null while it was never published.")
    async def published(self, info: Info) -> BotVersion | None:
        if self.row.published_version_id is None:
            return None
        return await info.context.loaders.version.load(self.row.published_version_id)

    @strawberry.field(description="Its frozen versions, the latest first.")
    async def versions(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[BotVersion]:
        ask = PageAsk(first, after, last, before)
        page = await service.versions(info.context.asker, self.row.id, ask)
        return connection_of(page, Connection[BotVersion], BotVersion.of)

    @strawberry.field(description="Its executions, the latest first.")
    async def executions(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: Annotated[ExecutionFilter, strawberry.lazy("server.api.executions")] | None = None,
        order_by: list[Annotated[ExecutionOrder, strawberry.lazy("server.api.executions")]]
        | None = None,
    ) -> Connection[Annotated[Execution, strawberry.lazy("server.api.executions")]]:
        from server.api.executions import executions_page

        ask = PageAsk(first, after, last, before)
        return await executions_page(info, ask, filter, order_by, bot_id=self.row.id)

    @strawberry.field(description="How many executions it has had.")
    async def execution_count(self, info: Info) -> int:
        return (await info.context.loaders.stats.load(self.row.id)).total

    @strawberry.field(description="The latest execution.")
    async def last_execution(
        self, info: Info
    ) -> Annotated[Execution, strawberry.lazy("server.api.executions")] | None:
        return await info.context.loaders.last_execution.load(self.row.id)

    @strawberry.field(description="How it has done so far.")
    async def stats(self, info: Info) -> BotStats:
        return await info.context.loaders.stats.load(self.row.id)

    @strawberry.field(
        description="JSON Schema of the input that the draft's first step takes; null for any."
    )
    async def input_schema(self) -> JSON | None:
        raise AssertionError

    @strawberry.field(description="What the viewer may do with it.")
    def viewer_can(self, info: Info) -> BotPermissions:
        viewer = info.context.asker
        return BotPermissions(
            edit=viewer.may("bots:write"),
            run=viewer.may("executions:run") and self.row.state is not BotState.ARCHIVED,
            publish=viewer.may("bots:publish"),
            delete=viewer.may("bots:write"),
        )


@strawberry.input(description="Which bots. Every field that is given must hold.")
class BotFilter:
    name: StringComparator | None = strawberry.field(default=None, description="By name.")
    state: BotStateComparator | None = strawberry.field(default=None, description="By state.")
