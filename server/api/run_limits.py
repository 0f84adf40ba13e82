"""What one execution of the workspace may use at most."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from server.api.access import mutation, query
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.scalars import BigInt, dollars
from server.engine.caps import Caps
from server.executions import limits as service
from server.executions.limits import Limits


@strawberry.type(
    description="What one execution may use at most, all its tries together. A retry gives "
    "nothing back."
)
class ExecutionLimits:
    seconds: int = strawberry.field(description="Of working time; waiting does not count.")
    steps: int = strawberry.field(description="Steps that it goes through.")
    calls: int = strawberry.field(description="Calls of models and tools; 0: no limit.")
    tokens: BigInt = strawberry.field(description="Tokens in and out; 0: no limit.")
    cost: Decimal = strawberry.field(description="US dollars; 0: no limit.")
    own: list[str] = strawberry.field(
        description="Which of them the workspace has set; the others are the product's own."
    )

    @strawberry.field(
        description="The product's own, which hold where the workspace has set nothing."
    )
    def defaults(self) -> ExecutionLimits:
        return ExecutionLimits.of(Limits(), Caps())

    @classmethod
    def of(cls, limits: Limits, default: Caps) -> ExecutionLimits:
        caps = service.applied(limits, default)
        own = [name for name in service.NAMES if getattr(limits, name) is not None]
        return cls(
            seconds=round(caps.seconds),
            steps=caps.steps,
            calls=caps.calls,
            tokens=BigInt(caps.tokens),
            cost=dollars(caps.cost_nano),
            own=["cost" if name == "cost_nano" else name for name in own],
        )


@strawberry.type
class RunLimitQueries:
    @query("executions:read", "What one execution of the workspace may use at most.")
    async def execution_limits(self, info: Info) -> ExecutionLimits:
        limits = await service.read(info.context.asker.workspace_id)
        return ExecutionLimits.of(limits, Caps())


@strawberry.input(
    description="Input of `setExecutionLimits`: all of them at once. What is absent goes back to "
    "the product's own."
)
class SetExecutionLimitsInput:
    seconds: int | None = strawberry.field(default=None, description="1 to 2,592,000.")
    steps: int | None = strawberry.field(default=None, description="1 to 10,000,000.")
    calls: int | None = strawberry.field(default=None, description="0 (none) to 1,000,000.")
    tokens: BigInt | None = strawberry.field(default=None, description="0 (none) to 10^12.")
    cost: Decimal | None = strawberry.field(
        default=None, description="US dollars, 0 (none) to 1,000,000."
    )


@strawberry.type(description="Answer of `setExecutionLimits`.")
class SetExecutionLimitsPayload:
    limits: ExecutionLimits | None = strawberry.field(default=None, description="As they are now.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class RunLimitMutations:
    @mutation(
        "costs:write",
        SetExecutionLimitsPayload,
        "Sets what one execution may use at most, for what starts or goes on from now (within five "
        "seconds where several processes work). Errors: INVALID_INPUT.",
    )
    async def set_execution_limits(
        self, info: Info, input: SetExecutionLimitsInput
    ) -> SetExecutionLimitsPayload:
        rooms = info.context.rooms
        wanted = Limits(
            seconds=input.seconds,
            steps=input.steps,
            calls=input.calls,
            tokens=None if input.tokens is None else int(input.tokens),
            cost_nano=service.nano_of(input.cost),
        )
        limits = await service.set_limits(info.context.asker, rooms.limits, rooms.clock, wanted)
        return SetExecutionLimitsPayload(limits=ExecutionLimits.of(limits, Caps()))
