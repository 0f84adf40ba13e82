"""What a run will probably cost, and whether a budget lets it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import strawberry
from strawberry.scalars import JSON

from server.api.access import query
from server.api.budgets import office_of
from server.api.context import Info
from server.api.kinds import BudgetAction
from server.api.scalars import BigInt, dollars
from server.bots import service as bots
from server.bots.programs import read_program
from server.core.errors import NotFound
from server.core.ids import read_id
from server.costs.forecast import Forecast, forecast
from server.costs.outlook import Passed, would_pass


@strawberry.type(description="A budget that a run would probably pass.")
class PassedBudget:
    name: str = strawberry.field(description="How it is called.")
    action: BudgetAction = strawberry.field(description="What happens then.")
    left: Decimal | None = strawberry.field(
        description="US dollars that are left; null for who may not see costs."
    )
    ends_at: datetime | None = strawberry.field(
        description="When it begins anew; null: never, or with each execution."
    )

    @classmethod
    def of(cls, found: Passed, seen: bool) -> PassedBudget:
        left = dollars(found.left_nano) if seen else None
        return cls(name=found.name, action=found.action, left=left, ends_at=found.ends_at)


@strawberry.type(description="What a run will probably cost.")
class ExecutionEstimate:
    cost: Decimal = strawberry.field(description="US dollars, the likely amount.")
    low: Decimal = strawberry.field(description="US dollars, hardly less.")
    high: Decimal = strawberry.field(description="US dollars, hardly more.")
    basis: str = strawberry.field(description="`history`: earlier executions; or `program`.")
    executions: int = strawberry.field(description="How many earlier executions it rests on.")
    calls: int = strawberry.field(description="Calls of models, at least.")
    tokens: BigInt = strawberry.field(description="Tokens sent and written, the likely number.")
    explanation: str = strawberry.field(description="Its basis in a sentence.")
    unpriced: list[str] = strawberry.field(
        description="Models without a known price, counted with an assumed one."
    )
    passes: list[PassedBudget] = strawberry.field(
        description="Budgets with less left than the likely amount, the one with the least first."
    )

    @classmethod
    def of(cls, found: Forecast, passes: list[PassedBudget]) -> ExecutionEstimate:
        return cls(
            cost=dollars(found.cost_nano),
            low=dollars(found.low_nano),
            high=dollars(found.high_nano),
            basis=found.basis,
            executions=found.runs,
            calls=found.calls,
            tokens=BigInt(found.tokens),
            explanation=found.words,
            unpriced=list(found.unpriced),
            passes=passes,
        )


@strawberry.type
class EstimateQueries:
    @query(
        "executions:read",
        "What a run of the bot's draft will probably cost, and what that is based on; null when "
        "there is no such bot.",
    )
    async def estimate_execution(
        self, info: Info, bot_id: strawberry.ID, input: JSON | None = None
    ) -> ExecutionEstimate | None:
        asker, till = info.context.asker, info.context.rooms.till
        try:
            bot = await bots.one(asker, read_id("bot", bot_id))
        except NotFound:
            return None
        plan = read_program(bot.source)
        found = await forecast(asker, till.gateway, till.models, bot.id, plan, input)
        passed = await would_pass(asker, office_of(info), bot.id, found.cost_nano)
        seen = asker.may("costs:read")
        return ExecutionEstimate.of(found, [PassedBudget.of(one, seen) for one in passed])
