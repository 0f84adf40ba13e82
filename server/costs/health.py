"""How the providers did in the last day, by what this workspace asked them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from server.connections.uses import provider_of
from server.core.clock import Clock
from server.engine.call_log import BROKEN_OFF
from server.models.tables import ModelCall
from server.workspaces.access import Viewer, mine, require

HOURS = 24
# The newest ones tell how a provider does, however many there are.
MOST_CALLS = 10_000
# Of each provider, the models that answered most.
MOST_MODELS = 20
_COLUMNS = (
    "provider",
    "connection_id",
    "requested_model",
    "model",
    "source",
    "error_kind",
    "error",
    "duration_ms",
    "ttft_ms",
    "input_tokens",
    "output_tokens",
    "cost_nano",
    "created_at",
)


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """How soon a model begins to answer. `answers`: those whose first token was timed."""

    model: str
    answers: int
    first_token_ms: int
    first_token_p95_ms: int


@dataclass(frozen=True, slots=True)
class Figures:
    """`left_alone`: attempts that were not made because its circuit was open. `cached`: questions
    that the cache answered in its place. Times are those of whole answers."""

    requests: int
    failures: int
    left_alone: int = 0
    cached: int = 0
    failures_by_kind: dict[str, int] = field(default_factory=dict[str, int])
    median_ms: int | None = None
    p95_ms: int | None = None
    p99_ms: int | None = None
    first_token_ms: int | None = None
    tokens: int = 0
    cost_nano: int = 0
    last_error: str | None = None
    last_error_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConnectionFigures:
    """Of one connection; None: through the keys of the environment."""

    connection_id: UUID | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class ProviderFigures:
    provider: str
    figures: Figures
    models: list[ModelFigures]
    connections: list[ConnectionFigures]


async def provider_health(viewer: Viewer, clock: Clock) -> list[ProviderFigures]:
    """Of the executions that are still kept, the newest ten thousand attempts. A failure is an
    attempt that failed, whatever came of it in the end."""
    require(viewer, "connections:read")
    rows = mine(viewer, ModelCall).order_by("-id").limit(MOST_CALLS)
    since = clock.now() - timedelta(hours=HOURS)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in await rows.values(*_COLUMNS):
        if row["created_at"] >= since and _counts(row):
            asked = row["provider"] or provider_of(row["requested_model"] or "") or "unknown"
            found[asked].append(row)
    return [_of_provider(provider, found[provider]) for provider in sorted(found)]


def _of_provider(provider: str, rows: list[dict[str, Any]]) -> ProviderFigures:
    through: dict[UUID | None, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        through[row["connection_id"]].append(row)
    each = [ConnectionFigures(one, _figures(through[one])) for one in through]
    return ProviderFigures(
        provider,
        _figures(rows),
        _models([row for row in rows if row["source"] == "live"]),
        sorted(each, key=lambda one: (-one.figures.requests, str(one.connection_id))),
    )


def _counts(row: dict[str, Any]) -> bool:
    """What a person broke off says nothing of the provider; nor does a recording."""
    return row["source"] != "recorded" and row["error_kind"] != BROKEN_OFF


def _figures(rows: list[dict[str, Any]]) -> Figures:
    """Rows come newest first."""
    failed = [row for row in rows if row["source"] == "failed"]
    tried = [row for row in failed if not (row["error"] or {}).get("circuitOpen")]
    answered = [row for row in rows if row["source"] == "live"]
    times = sorted(int(row["duration_ms"] or 0) for row in answered)
    first = sorted(int(row["ttft_ms"]) for row in answered if row["ttft_ms"] is not None)
    last = tried[0] if tried else None
    return Figures(
        requests=len(answered) + len(tried),
        failures=len(tried),
        left_alone=len(failed) - len(tried),
        cached=sum(row["source"] == "cache" for row in rows),
        failures_by_kind=dict(Counter(str(row["error_kind"]) for row in tried)),
        median_ms=_percentile(times, 50),
        p95_ms=_percentile(times, 95),
        p99_ms=_percentile(times, 99),
        first_token_ms=_percentile(first, 50),
        tokens=sum(int(row["input_tokens"]) + int(row["output_tokens"]) for row in rows),
        cost_nano=sum(int(row["cost_nano"] or 0) for row in rows),
        last_error=str((last["error"] or {}).get("message")) if last else None,
        last_error_at=last["created_at"] if last else None,
    )


def _models(answered: list[dict[str, Any]]) -> list[ModelFigures]:
    times: dict[str, list[int]] = defaultdict(list)
    for row in answered:
        if row["ttft_ms"] is not None:
            times[row["model"] or row["requested_model"] or "unknown"].append(int(row["ttft_ms"]))
    most = sorted(times.items(), key=lambda item: (-len(item[1]), item[0]))[:MOST_MODELS]
    return [_model(model, sorted(found)) for model, found in most]


def _model(model: str, ordered: list[int]) -> ModelFigures:
    half, most = _percentile(ordered, 50), _percentile(ordered, 95)
    return ModelFigures(model, len(ordered), half or 0, most or 0)


def _percentile(ordered: Sequence[int], percent: int) -> int | None:
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
