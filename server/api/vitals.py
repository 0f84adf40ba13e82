"""How busy the workspace is, live."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from decimal import Decimal

import strawberry

from server.api.access import subscription
from server.api.context import Info
from server.api.scalars import BigInt, dollars
from server.executions.vitals import Vitals


@strawberry.type(
    description="How busy the workspace is. What is counted per minute is the last 60 s."
)
class MetricsTick:
    at: datetime = strawberry.field(description="When it was read.")
    queued: int = strawberry.field(description="Executions that wait for a worker.")
    running: int = strawberry.field(description="Executions that run.")
    waiting: int = strawberry.field(description="Executions that wait for somebody or are paused.")
    started: int = strawberry.field(description="Executions that were accepted in the last minute.")
    failed: int = strawberry.field(
        description="How many of those have failed or run out of time already."
    )
    calls: int = strawberry.field(description="Calls of models in the last minute.")
    tokens: BigInt = strawberry.field(description="Tokens in and out of the last minute.")
    cost: Decimal = strawberry.field(description="US dollars of the last minute.")

    @classmethod
    def of(cls, found: Vitals) -> MetricsTick:
        return cls(
            at=found.at,
            queued=found.queued,
            running=found.running,
            waiting=found.waiting,
            started=found.started,
            failed=found.failed,
            calls=found.calls,
            tokens=BigInt(found.tokens),
            cost=dollars(found.cost_nano),
        )


@strawberry.type
class VitalSubscriptions:
    @subscription(
        "executions:read",
        "How busy the workspace is: at once, after changes at most once a second, and every five "
        "seconds.",
    )
    async def metrics_tick(self, info: Info) -> AsyncGenerator[MetricsTick, None]:
        signs = info.context.rooms.vital_signs
        return _ticks(signs.watch(info.context.asker))  # pyright: ignore[reportReturnType]


async def _ticks(found: AsyncGenerator[Vitals, None]) -> AsyncGenerator[MetricsTick, None]:
    async with aclosing(found):
        async for vitals in found:
            yield MetricsTick.of(vitals)
