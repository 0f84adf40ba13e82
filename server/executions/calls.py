"""What the models of an execution were asked, in the very words, and what came of each attempt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.engine.blobs import Blobs
from server.engine.call_log import FAILED
from server.executions.service import look
from server.models.tables import ModelCall
from server.workspaces.access import Viewer

MOST_CALLS = 1_000
FREE = ("cache", "recorded")
_HEAVY = {"messages", "params", "answer"}


@dataclass(frozen=True, slots=True)
class Words:
    """What is large: read only where somebody wants to see it."""

    messages: list[dict[str, Any]] | None
    params: dict[str, Any] | None
    answer: dict[str, Any] | None


async def of_execution(
    viewer: Viewer, execution_id: UUID, step_key: str | None = None
) -> list[ModelCall]:
    """In the order in which they ended, without what is large; the first thousand."""
    await look(viewer, execution_id)
    rows = ModelCall.filter(execution_id=execution_id)
    if step_key is not None:
        rows = rows.filter(step_key=step_key)
    light = sorted(ModelCall._meta.fields_db_projection.keys() - _HEAVY)
    return await rows.only(*light).order_by("id").limit(MOST_CALLS)


async def words_of(viewer: Viewer, execution_id: UUID, step_key: str) -> dict[int, Words]:
    """By the row's id. A question holds what the earlier ones of its step said."""
    await look(viewer, execution_id)
    rows = ModelCall.filter(execution_id=execution_id, step_key=step_key)
    found: dict[int, Words] = {}
    before: list[dict[str, Any]] = []
    whole = Blobs().whole
    for row in await rows.order_by("id").limit(MOST_CALLS):
        new = await whole(row.messages)
        messages = None if new is None else [*before[: row.carried], *new]
        before = before if messages is None else messages
        found[row.id] = Words(messages, await whole(row.params), await whole(row.answer))
    return found


def by_step(rows: Iterable[ModelCall]) -> dict[str, list[ModelCall]]:
    found: dict[str, list[ModelCall]] = defaultdict(list)
    for row in rows:
        found[row.step_key].append(row)
    return found


def tokens_per_second(rows: Iterable[ModelCall]) -> float | None:
    """From the first token on: waiting for it is told apart."""
    live = [row for row in rows if row.source == "live" and row.output_tokens]
    worked = sum((row.duration_ms or 0) - (row.ttft_ms or 0) for row in live)
    return sum(row.output_tokens for row in live) * 1000 / worked if worked > 0 else None


def story_of(rows: Sequence[ModelCall]) -> str | None:
    """`anthropic 429, waited 7 s; openai answered`. None where one answer was all there was."""
    told = [_told(row) for row in rows]
    if all(row.source == "live" and not row.repair for row in rows):
        return None
    return "; ".join(dict.fromkeys(told) if all(row.source in FREE for row in rows) else told)


def _told(row: ModelCall) -> str:
    who = row.provider or row.requested_model or "the default model"
    if row.source == "cache":
        return "from the cache, no cost"
    if row.source == "recorded":
        return "from the recording, no cost"
    if row.source != FAILED:
        return f"{who} answered again, since the answer did not fit" if row.repair else _well(who)
    return f"{who} {_why(row)}, {_then(row.error or {})}"


def _well(who: str) -> str:
    return f"{who} answered"


def _why(row: ModelCall) -> str:
    error: dict[str, Any] = row.error or {}
    if error.get("circuitOpen"):
        return "left alone for now"
    status = error.get("status")
    return str(status) if status else str(error.get("kind") or "failed").replace("_", " ")


def _then(error: dict[str, Any]) -> str:
    if error.get("retryIn") is not None:
        seconds = float(error["retryIn"])
        return f"waited {seconds:.0f} s" if seconds >= 1 else "tried again"
    if error.get("nextModel"):
        return f"went on with {error['nextModel']}"
    return "gave up"
