"""Steps that an earlier taking of an execution began and that nobody will come back to: when the
execution ends they end with it, so that nothing in it looks as if it still ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from server.core.errors import Unavailable
from server.engine.events import StepCancelled
from server.engine.store import UNSET, EventRow, StepRow
from server.models.away import is_away
from server.models.enums import StepStatus
from server.models.tables import Step

_OPEN = (StepStatus.PENDING, StepStatus.RUNNING, StepStatus.WAITING)
_COLUMNS = tuple(column.name for column in fields(StepRow))


async def leftovers(execution_id: UUID, now: datetime) -> list[StepRow]:
    """As they are to be written; inner ones first."""
    return [cancelled(step, now) for step in await open_steps(execution_id)]


async def open_steps(execution_id: UUID) -> list[StepRow]:
    """As they are; inner ones first."""
    try:
        rows = await Step.filter(execution_id=execution_id, status__in=_OPEN).order_by("-id")
    except Exception as error:
        if is_away(error):
            raise Unavailable("The database cannot be read for the moment.") from error
        raise
    return [_step_row(row) for row in rows]


def cancelled(step: StepRow, now: datetime) -> StepRow:
    return replace(step, status=StepStatus.CANCELLED, finished_at=now)


def endings(steps: Sequence[StepRow], now: datetime) -> list[EventRow]:
    return [StepCancelled().row(now, step.key, step.attempt) for step in steps]


def _step_row(row: Step) -> StepRow:
    values: dict[str, Any] = {name: getattr(row, name) for name in _COLUMNS}
    values["output"] = UNSET if row.output is None else row.output
    return StepRow(**values)
