"""Whose the executions are that were started or read a moment ago. Nearly everybody who starts one
follows it at once, and a page reads its steps after it; whose it is never changes, so the database
need not be asked again. What is deleted here is forgotten here; another process that deletes within
these seconds is told by the feed itself."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

SECONDS = 10.0
KEPT = 2_048

_started: OrderedDict[UUID, tuple[UUID, UUID, float]] = OrderedDict()


def remember(execution_id: UUID, workspace_id: UUID, bot_id: UUID) -> None:
    _started[execution_id] = (workspace_id, bot_id, time.monotonic() + SECONDS)
    if len(_started) > KEPT:
        _started.popitem(last=False)


def forget(execution_ids: Iterable[UUID]) -> None:
    for one in execution_ids:
        _started.pop(one, None)


def bot_of(execution_id: UUID, workspace_id: UUID) -> UUID | None:
    """Its bot, when it was started or read a moment ago in this workspace."""
    found = _started.get(execution_id)
    if found is None or found[0] != workspace_id or found[2] < time.monotonic():
        return None
    return found[1]
