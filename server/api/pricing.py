"""What a request costs, asked without running it, and how many points are left."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from server.api.access import ANYONE_SIGNED_IN, query
from server.api.context import Info
from server.api.limits import MAX_COST, prepare, too_dear
from server.api.rates import WINDOW, Standing, standing_of
from server.core.errors import Invalid


@strawberry.type(
    description="How many points are left. They come back evenly, all of them within a minute."
)
class RateLimit:
    whose: str = strawberry.field(
        description="Whose points are fewest now: `token`, `user` or `workspace`."
    )
    limit: int = strawberry.field(description="Points in a minute.")
    remaining: int = strawberry.field(description="Points left now.")
    window_seconds: int = strawberry.field(description="In how many seconds all come back.")
    reset_at: datetime = strawberry.field(description="When all of them are back.")

    @classmethod
    def of(cls, found: Standing) -> RateLimit:
        return cls(
            whose=found.whose,
            limit=found.limit,
            remaining=found.remaining,
            window_seconds=int(WINDOW),
            reset_at=found.reset_at,
        )


def rate_limit_of(info: Info) -> RateLimit | None:
    rates = info.context.rates
    buckets = () if rates is None else rates.buckets_of(info.context.asker)
    found = standing_of(min(buckets, key=lambda one: one.left, default=None))
    return None if found is None else RateLimit.of(found)


@strawberry.type(description="What a document would cost. It was not run.")
class QueryCost:
    requested: int = strawberry.field(
        description="Points: one for each object that may come, more for what works hard."
    )
    limit: int = strawberry.field(description="Points that one request may cost at most.")
    depth: int = strawberry.field(description="Levels of selections; 12 at most.")
    aliases: int = strawberry.field(description="Aliases; 30 at most.")
    allowed: bool = strawberry.field(
        description="It would run, as far as its text and the viewer's points decide that."
    )
    reasons: list[str] = strawberry.field(description="Why it would not; empty when it would.")
    rate_limit: RateLimit | None = strawberry.field(
        description="Points left now; null where there is no limit."
    )


@strawberry.type
class PricingQueries:
    @query(
        ANYONE_SIGNED_IN,
        "What a document would cost, without running it. `query` is its text, `variables` an "
        "object as they would be sent. Errors: INVALID_INPUT when variables are no object.",
    )
    def query_cost(self, info: Info, query: str, variables: JSON | None = None) -> QueryCost:
        given: Any = {} if variables is None else variables
        if not isinstance(given, dict):
            raise Invalid("Variables are an object.", path=["variables"])
        found = prepare(info.schema._schema, query)  # pyright: ignore[reportPrivateUsage]
        cost = found.cost(given)
        errors = list(found.errors) or ([too_dear(cost)] if cost > MAX_COST else [])
        return QueryCost(
            requested=cost,
            limit=MAX_COST,
            depth=found.measure.depth,
            aliases=found.measure.aliases,
            allowed=not errors,
            reasons=[error.message for error in errors],
            rate_limit=rate_limit_of(info),
        )
