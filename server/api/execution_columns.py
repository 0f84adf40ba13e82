"""What of its rows a list of executions reads: what the document names, and what those fields are
made of. A field that is not here may need any of what is small; what may be large is read where it
is asked for."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from server.executions.service import light_columns

ALWAYS = ("id", "workspace_id", "bot_id", "version_id", "status", "last_seq")
HEAVY = frozenset({"input", "output", "inputBlob", "outputBlob", "recording", "conversation"})
COLUMNS: dict[str, tuple[str, ...]] = {
    "id": (),
    "status": (),
    "bot": (),
    "version": (),
    "lastSeq": (),
    "viewerCan": (),
    "waitingReason": ("waiting_reason",),
    "mode": ("mode",),
    "priority": ("priority",),
    "concurrencyKey": ("concurrency_key",),
    "chatSession": ("session_id",),
    "triggerKind": ("trigger_kind",),
    "error": ("error",),
    "usage": ("cost_nano", "input_tokens", "output_tokens", "estimated", "unpriced"),
    "createdAt": ("created_at",),
    "startedAt": ("started_at",),
    "finishedAt": ("finished_at",),
    "durationMs": ("duration_ms", "started_at", "finished_at"),
    "queuedMs": ("created_at", "started_at"),
}


@lru_cache(maxsize=512)
def columns_for(fields: frozenset[str]) -> tuple[str, ...] | None:
    """Of a document that names these fields anywhere. None: all there are."""
    if not fields.isdisjoint(HEAVY):
        return None
    asked = fields & _of_executions()
    if not asked <= COLUMNS.keys():
        return light_columns()
    return tuple(sorted({*ALWAYS, *(one for name in asked for one in COLUMNS[name])}))


@cache
def _of_executions() -> frozenset[str]:
    from server.api.execution_types import Execution

    definition: Any = Execution.__strawberry_definition__  # type: ignore[attr-defined]
    return frozenset(to_camel_case(field.python_name) for field in definition.fields)
