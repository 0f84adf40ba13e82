"""What doing an execution again will probably cost."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from server.api.access import query
from server.api.context import Info
from server.api.kinds import RerunVersion
from server.api.scalars import BigInt, dollars
from server.core.errors import NotFound
from server.core.ids import read_id
from server.executions.foreseeing import Foreseen, foresee
from server.executions.rerun import RerunRequest


@strawberry.type(
    description="What `rerunExecution` would take over and do anew, by what that cost the last "
    "time. Nothing is started."
)
class RerunEstimate:
    from_step: str | None = strawberry.field(
        description="Key of the first step that is done anew; null: all of them."
    )
    reused: list[str] = strawberry.field(
        description="Keys of the calls whose results are taken over, at no cost."
    )
    redone: list[str] = strawberry.field(description="Keys of the calls that are made anew.")
    reused_cost: Decimal = strawberry.field(description="US dollars that are not paid again.")
    cost: Decimal = strawberry.field(
        description="US dollars that the calls to be made anew cost the last time, with the "
        "executions that they started."
    )
    tokens: BigInt = strawberry.field(description="Tokens of these calls, the last time.")
    duration_ms: BigInt = strawberry.field(
        description="Milliseconds of these calls one after the other, the last time."
    )
    unknown: list[str] = strawberry.field(
        description="Those of them that did not come to an end, so that their cost is not known; "
        "steps behind them that were never reached are not counted at all."
    )

    unpriced: list[str] = strawberry.field(
        description="Those of them whose model had no known price the last time: what they cost is "
        "missing in `cost`."
    )

    @classmethod
    def of(cls, found: Foreseen) -> RerunEstimate:
        return cls(
            from_step=found.from_step,
            reused=found.reused,
            redone=found.redone,
            reused_cost=dollars(found.reused_cost),
            cost=dollars(found.redone_cost),
            tokens=BigInt(found.redone_tokens),
            duration_ms=BigInt(found.redone_ms),
            unknown=found.unknown,
            unpriced=found.unpriced,
        )


@strawberry.type
class RerunQueries:
    @query(
        "executions:run",
        "What doing an ended execution again would reuse and probably cost; null when there is no "
        "such execution. Errors: INVALID_INPUT for unknown steps, INVALID_STATE while it runs.",
    )
    async def estimate_rerun(
        self,
        info: Info,
        execution_id: strawberry.ID,
        from_step: str | None = None,
        version: RerunVersion = RerunVersion.SAME,
        only_failed: bool = False,
    ) -> RerunEstimate | None:
        request = RerunRequest(
            read_id("execution", execution_id),
            from_step,
            version=version.value,
            only_failed=only_failed,
        )
        try:
            found = await foresee(info.context.asker, info.context.rooms.engine, request)
        except NotFound:
            return None
        return RerunEstimate.of(found)
