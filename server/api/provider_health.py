"""How the providers did, and each connection to them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
from strawberry.scalars import JSON

from server.api.scalars import BigInt, dollars
from server.core.ids import public_id
from server.costs.health import ConnectionFigures, Figures, ModelFigures, ProviderFigures


@strawberry.type(description="How soon a model began to answer.")
class ModelSpeed:
    model: str = strawberry.field(description="Which model.")
    answers: int = strawberry.field(description="Answers whose first token was timed.")
    first_token_ms: int = strawberry.field(description="Half of them began within this.")
    first_token_p95_ms: int = strawberry.field(description="95 of 100 of them began within this.")

    @classmethod
    def of(cls, found: ModelFigures) -> ModelSpeed:
        return cls(
            model=found.model,
            answers=found.answers,
            first_token_ms=found.first_token_ms,
            first_token_p95_ms=found.first_token_p95_ms,
        )


@strawberry.type
class CallFigures:
    requests: int = strawberry.field(description="Attempts that were made.")
    left_alone: int = strawberry.field(
        description="Attempts that were not made because its circuit was open."
    )
    cached: int = strawberry.field(
        description="Questions that the cache answered in its place, at no cost."
    )
    failures: int = strawberry.field(description="Attempts that failed.")
    failures_by_kind: JSON = strawberry.field(description="The failures counted by their kind.")
    median_ms: int | None = strawberry.field(description="Half of the answers took at most this.")
    p95_ms: int | None = strawberry.field(description="95 of 100 answers took at most this.")
    p99_ms: int | None = strawberry.field(description="99 of 100 answers took at most this.")
    first_token_ms: int | None = strawberry.field(
        description="Half of the answers began within this."
    )
    tokens: BigInt = strawberry.field(description="Tokens sent and written.")
    cost: Decimal = strawberry.field(description="US dollars.")
    last_error: str | None = strawberry.field(description="The last failure in words.")
    last_error_at: datetime | None = strawberry.field(description="When that was.")


@strawberry.type(description="How the calls through one connection did in the last day.")
class ConnectionHealth(CallFigures):
    connection_id: strawberry.ID | None = strawberry.field(
        description="Which connection, also a deleted one; null for the keys of the environment."
    )

    @classmethod
    def of(cls, found: ConnectionFigures) -> ConnectionHealth:
        one = found.connection_id
        through = None if one is None else strawberry.ID(public_id("connection", one))
        return cls(connection_id=through, **_figures(found.figures))


@strawberry.type(
    description="How a provider did in the last day, by the newest 10,000 attempts of this "
    "workspace whose executions are still kept."
)
class ProviderHealth(CallFigures):
    provider: str = strawberry.field(description="Which provider.")
    models: list[ModelSpeed] = strawberry.field(
        description="How soon its models began to answer: the 20 that answered most."
    )
    connections: list[ConnectionHealth] = strawberry.field(
        description="The same figures by connection, the one that was asked most first."
    )

    @classmethod
    def of(cls, found: ProviderFigures) -> ProviderHealth:
        return cls(
            provider=found.provider,
            models=[ModelSpeed.of(one) for one in found.models],
            connections=[ConnectionHealth.of(one) for one in found.connections],
            **_figures(found.figures),
        )


def _figures(found: Figures) -> dict[str, Any]:
    return {
        "requests": found.requests,
        "failures": found.failures,
        "failures_by_kind": JSON(found.failures_by_kind),
        "median_ms": found.median_ms,
        "p95_ms": found.p95_ms,
        "p99_ms": found.p99_ms,
        "first_token_ms": found.first_token_ms,
        "left_alone": found.left_alone,
        "cached": found.cached,
        "tokens": BigInt(found.tokens),
        "cost": dollars(found.cost_nano),
        "last_error": found.last_error,
        "last_error_at": found.last_error_at,
    }
