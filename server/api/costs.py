"""Costs: where the money went, what a run will cost, prices of models, how the providers do."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry

from server.api.access import mutation, query
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.provider_health import ProviderHealth
from server.api.relay import Connection as Page
from server.api.relay import Node, connection_of
from server.api.scalars import BigInt, Cursor, dollars
from server.core.errors import NotFound
from server.core.ids import public_id, read_id
from server.costs import breakdown, health, prices, summary
from server.costs.breakdown import Part
from server.costs.summary import ENVIRONMENT, OTHER, Line
from server.models import tables
from server.workspaces.listing import PageAsk


@strawberry.type(
    description="What one bot, execution, model, provider, connection, operation, agent or day "
    "cost."
)
class CostLine:
    key: str = strawberry.field(
        description="The id of the bot, the execution or the connection, `provider:model`, the "
        "provider, `environment:provider`, `model` or `tool:name`, `bot:agent`, or the day; "
        "`other` for what is summed beyond the dearest 49."
    )
    name: str = strawberry.field(description="How it is called.")
    calls: BigInt = strawberry.field(
        description="Calls of models, and those of tools that paid for something."
    )
    input_tokens: BigInt = strawberry.field(description="Tokens sent.")
    output_tokens: BigInt = strawberry.field(description="Tokens written.")
    cost: Decimal = strawberry.field(description="US dollars, without the unpriced calls.")
    unpriced: BigInt = strawberry.field(
        description="Calls of models without a known price, which the cost does not hold."
    )

    @classmethod
    def of(cls, line: Line, key: str | None = None) -> CostLine:
        return cls(
            key=key or line.key,
            name=line.name,
            calls=BigInt(line.calls),
            input_tokens=BigInt(line.input_tokens),
            output_tokens=BigInt(line.output_tokens),
            cost=dollars(line.cost_nano),
            unpriced=BigInt(line.unpriced),
        )


@strawberry.type(description="What the viewer may do about costs.")
class CostPermissions:
    set_prices: bool = strawberry.field(description="Set and take away prices of models.")
    set_budgets: bool = strawberry.field(description="Make, change and delete budgets.")


@strawberry.type(description="Where the money of some days went.")
class Costs:
    total: CostLine = strawberry.field(description="All of it.")
    by_bot: list[CostLine] = strawberry.field(description="By bot, the dearest first.")
    by_execution: list[CostLine] = strawberry.field(
        description="The 20 dearest executions, also those that are deleted by now."
    )
    by_model: list[CostLine] = strawberry.field(description="By model, the dearest first.")
    by_day: list[CostLine] = strawberry.field(
        description="By day in the workspace's time zone, the earliest first."
    )
    by_provider: list[CostLine] = strawberry.field(
        description="By whoever was paid, the dearest first."
    )
    by_connection: list[CostLine] = strawberry.field(
        description="Calls of models by the connection they went through, the dearest first: at "
        "most 50. Those through keys of the environment stand by provider."
    )
    by_operation: list[CostLine] = strawberry.field(
        description="Calls of models in one line and each tool that paid in its own, the dearest "
        "first: at most 50."
    )
    by_entity: list[CostLine] = strawberry.field(
        description="By agent of a bot, its tools with it, the dearest first: at most 50. A step "
        "that uses a tool itself stands as `use:tool`."
    )

    @strawberry.field(description="What the viewer may do about them.")
    def viewer_can(self, info: Info) -> CostPermissions:
        return CostPermissions(**info.context.asker.can("costs"))


@strawberry.type(description="What the executions of one version or of one kind of start cost.")
class ExecutionCosts:
    key: str = strawberry.field(description="The version's id, or the kind of trigger.")
    name: str = strawberry.field(description="How it is called.")
    executions: BigInt = strawberry.field(description="Executions that were started.")
    input_tokens: BigInt = strawberry.field(description="Tokens sent.")
    output_tokens: BigInt = strawberry.field(description="Tokens written.")
    cost: Decimal = strawberry.field(description="US dollars, without the unpriced calls.")
    unpriced: BigInt = strawberry.field(
        description="Executions with a call whose price is not known, which the cost does not hold."
    )

    @classmethod
    def of(cls, part: Part, key: str | None = None) -> ExecutionCosts:
        return cls(
            key=key or part.key,
            name=part.name,
            executions=BigInt(part.executions),
            input_tokens=BigInt(part.input_tokens),
            output_tokens=BigInt(part.output_tokens),
            cost=dollars(part.cost_nano),
            unpriced=BigInt(part.unpriced),
        )


@strawberry.type(description="Where the money that one bot cost went.")
class BotCosts:
    total: ExecutionCosts = strawberry.field(description="All of it.")
    by_version: list[ExecutionCosts] = strawberry.field(
        description="By version, the dearest first."
    )
    by_trigger: list[ExecutionCosts] = strawberry.field(
        description="By what started them, such as `schedule` or `webhook`, the dearest first."
    )


@strawberry.type(description="A provider that is left alone after failing again and again.")
class OpenCircuit:
    provider: str = strawberry.field(description="Which provider.")
    model: str = strawberry.field(description="Which model.")
    connection_id: strawberry.ID | None = strawberry.field(
        description="Through which connection; null for the keys of the environment."
    )
    state: str = strawberry.field(description="`open`, `half_open` or `closed`.")
    failures: int = strawberry.field(description="Failures in a row.")
    retry_in: float = strawberry.field(description="Seconds until it is tried again.")
    why: str = strawberry.field(description="The last failure in words.")


@strawberry.type(description="What the viewer may do with a price.")
class ModelPricePermissions:
    edit: bool = strawberry.field(description="Set it anew.")
    delete: bool = strawberry.field(description="Take it away; the shipped price counts again.")


@strawberry.type(
    description="A workspace's own price of a model, in US dollars per million tokens."
)
class ModelPrice(Node):
    model: str = strawberry.field(description="`provider:model`.")
    input_price: Decimal = strawberry.field(description="For tokens sent.")
    output_price: Decimal = strawberry.field(description="For tokens written.")
    cached_price: Decimal | None = strawberry.field(
        description="For tokens read from the provider's cache; null: as sent."
    )
    reasoning_price: Decimal | None = strawberry.field(
        description="For tokens of thinking; null: as written."
    )
    cache_write_price: Decimal | None = strawberry.field(
        description="For tokens written to the provider's cache; null: as sent."
    )
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @strawberry.field(description="What the viewer may do with it.")
    def viewer_can(self, info: Info) -> ModelPricePermissions:
        return ModelPricePermissions(**info.context.asker.can("price"))

    @classmethod
    def of(cls, row: tables.ModelPrice) -> ModelPrice:
        def price(nano: int | None) -> Decimal | None:
            return None if nano is None else dollars(nano)

        return cls(
            id=strawberry.ID(public_id("price", row.id)),
            model=row.model,
            input_price=dollars(row.input_nano),
            output_price=dollars(row.output_nano),
            cached_price=price(row.cached_nano),
            reasoning_price=price(row.reasoning_nano),
            cache_write_price=price(row.cache_write_nano),
            updated_at=row.updated_at,
        )


@strawberry.type
class CostQueries:
    @query("costs:read", "Where the money of the last days went, today included.")
    async def costs(self, info: Info, days: int = 30) -> Costs:
        found = await summary.summary(info.context.asker, info.context.rooms.clock, days)
        return Costs(
            total=CostLine.of(found.total),
            by_bot=[CostLine.of(line, _bot_key(line.key)) for line in found.by_bot],
            by_execution=[
                CostLine.of(line, public_id("execution", UUID(line.key)))
                for line in found.by_execution
            ],
            by_model=[CostLine.of(line) for line in found.by_model],
            by_day=[CostLine.of(line) for line in found.by_day],
            by_provider=[CostLine.of(line) for line in found.by_provider],
            by_connection=[
                CostLine.of(line, _connection_key(line.key)) for line in found.by_connection
            ],
            by_operation=[CostLine.of(line) for line in found.by_operation],
            by_entity=[CostLine.of(line, _entity_key(line.key)) for line in found.by_entity],
        )

    @query(
        "costs:read",
        "What the executions of a bot cost that were started in the last days, today included; "
        "null when there is no such bot. Errors: INVALID_INPUT for the days.",
    )
    async def bot_costs(self, info: Info, bot_id: strawberry.ID, days: int = 30) -> BotCosts | None:
        asker, clock = info.context.asker, info.context.rooms.clock
        try:
            found = await breakdown.breakdown(asker, clock, read_id("bot", bot_id), days)
        except NotFound:
            return None
        return BotCosts(
            total=ExecutionCosts.of(found.total),
            by_version=[
                ExecutionCosts.of(part, public_id("version", UUID(part.key)))
                for part in found.by_version
            ],
            by_trigger=[ExecutionCosts.of(part) for part in found.by_trigger],
        )

    @query("connections:read", "How each provider did in the last day.")
    async def provider_health(self, info: Info) -> list[ProviderHealth]:
        context = info.context
        found = await health.provider_health(context.asker, context.rooms.clock)
        return [ProviderHealth.of(one) for one in found]

    @query("connections:read", "Providers that failed lately, those left alone first.")
    async def open_circuits(self, info: Info) -> list[OpenCircuit]:
        own = await info.context.rooms.till.models.of(info.context.asker.workspace_id)
        mine = {way.access.connection: way for way in own.ways}
        found = await info.context.rooms.gateway.circuits.all()
        return [
            OpenCircuit(
                provider=one.provider,
                model=one.model,
                connection_id=_connection_id(one.connection),
                state=one.state,
                failures=one.failures,
                retry_in=one.retry_in,
                why=one.why,
            )
            for one in sorted(found, key=lambda one: one.state != "open")
            if one.connection is None or one.connection in mine
        ]

    @query("costs:read", "The workspace's own prices of models, by name.")
    async def model_prices(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Page[ModelPrice]:
        ask = PageAsk(first, after, last, before)
        page = await prices.list_prices(info.context.asker, ask)
        return connection_of(page, Page[ModelPrice], ModelPrice.of)


@strawberry.input(description="Input of `setModelPrice`. Prices are US dollars per million tokens.")
class SetModelPriceInput:
    model: str = strawberry.field(description="`provider:model`.")
    input_price: Decimal = strawberry.field(description="For tokens sent.")
    output_price: Decimal = strawberry.field(description="For tokens written.")
    cached_price: Decimal | None = strawberry.field(
        default=None, description="For tokens read from the provider's cache; as sent when absent."
    )
    reasoning_price: Decimal | None = strawberry.field(
        default=None, description="For tokens of thinking; as written when absent."
    )
    cache_write_price: Decimal | None = strawberry.field(
        default=None, description="For tokens written to the provider's cache; as sent when absent."
    )


@strawberry.input(description="Input of `deleteModelPrice`.")
class DeleteModelPriceInput:
    price_id: strawberry.ID = strawberry.field(description="The price, `prc_…`.")


@strawberry.input(description="Input of `resetCircuit`.")
class ResetCircuitInput:
    provider: str = strawberry.field(description="The provider.")
    model: str = strawberry.field(description="The model.")
    connection_id: strawberry.ID | None = strawberry.field(
        default=None, description="The connection; absent for the keys of the environment."
    )


@strawberry.type
class ModelPricePayload:
    model_price: ModelPrice | None = strawberry.field(
        default=None, description="The price as it is, or was before it was deleted."
    )
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Answer of `setModelPrice`.")
class SetModelPricePayload(ModelPricePayload):
    pass


@strawberry.type(description="Answer of `deleteModelPrice`.")
class DeleteModelPricePayload(ModelPricePayload):
    pass


@strawberry.type(description="Answer of `resetCircuit`.")
class ResetCircuitPayload:
    provider: str | None = strawberry.field(
        default=None, description="The provider that is asked again."
    )
    errors: list[UserError] = payload_errors()


@strawberry.type
class CostMutations:
    @mutation(
        "costs:write",
        SetModelPricePayload,
        "Sets the workspace's own price of a model; it counts from the next call on. Errors: "
        "INVALID_INPUT.",
    )
    async def set_model_price(self, info: Info, input: SetModelPriceInput) -> SetModelPricePayload:
        price = prices.Price(
            input.input_price,
            input.output_price,
            input.cached_price,
            input.reasoning_price,
            input.cache_write_price,
        )
        changed = info.context.rooms.till.models.forget
        row = await prices.set_price(info.context.asker, changed, input.model, price)
        return SetModelPricePayload(model_price=ModelPrice.of(row))

    @mutation(
        "costs:write",
        DeleteModelPricePayload,
        "Takes the workspace's own price away; the shipped one counts again. Errors: NOT_FOUND.",
    )
    async def delete_model_price(
        self, info: Info, input: DeleteModelPriceInput
    ) -> DeleteModelPricePayload:
        changed = info.context.rooms.till.models.forget
        price_id = read_id("price", input.price_id)
        row = await prices.delete_price(info.context.asker, changed, price_id)
        return DeleteModelPricePayload(model_price=ModelPrice.of(row))

    @mutation(
        "connections:write",
        ResetCircuitPayload,
        "Lets a provider be asked again at once. Errors: NOT_FOUND for a connection.",
    )
    async def reset_circuit(self, info: Info, input: ResetCircuitInput) -> ResetCircuitPayload:
        connection = None
        if input.connection_id is not None:
            row_id = read_id("connection", input.connection_id)
            own = await info.context.rooms.till.models.of(info.context.asker.workspace_id)
            connection = str(row_id)
            if connection not in {way.access.connection for way in own.ways}:
                raise NotFound("There is no such connection.")
        circuits = info.context.rooms.gateway.circuits
        await circuits.reset(input.provider, input.model, connection)
        return ResetCircuitPayload(provider=input.provider)


def _bot_key(key: str) -> str:
    return "" if key == "None" else public_id("bot", UUID(key))


def _connection_key(key: str) -> str:
    through = key != OTHER and not key.startswith(ENVIRONMENT)
    return public_id("connection", UUID(key)) if through else key


def _entity_key(key: str) -> str:
    bot, mark, entity = key.partition(":")
    return f"{_bot_key(bot)}:{entity}" if mark else key


def _connection_id(connection: str | None) -> strawberry.ID | None:
    return None if connection is None else strawberry.ID(public_id("connection", UUID(connection)))
