"""What an execution had started and is started again, because it is itself done again: a child that
did not end well goes on where it failed, like its parent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any
from uuid import UUID

from server.bal.plan import Plan
from server.engine.blobs import Blobs
from server.engine.family import EARLIER, Brought
from server.engine.modified import REMEMBERED
from server.engine.store import NewExecution, StepRow
from server.executions.beginning import failed_again, first_of
from server.executions.earlier import CALLS, read_earlier
from server.executions.forked import Fork
from server.executions.keeping import Keeping
from server.executions.rerun_request import RerunRequest
from server.models.enums import ExecutionStatus, StepStatus
from server.models.tables import Execution, Step

BROKEN = (StepStatus.FAILED, StepStatus.CANCELLED)


async def started_before(redone: Iterable[Step], parent_id: UUID) -> AsyncIterator[StepRow]:
    """For each of these steps the execution that it had started."""
    keys = {row.key for row in redone if row.type in CALLS and row.status in BROKEN}
    if not keys:
        return
    started = dict[str, UUID]()
    for child in await Execution.filter(parent_id=parent_id).order_by("id"):
        data: dict[str, Any] = (child.trigger or {}).get("data") or {}
        started[str(data.get("stepKey"))] = child.id
    for key in keys & started.keys():
        name, done = key + EARLIER, StepStatus.COMPLETED
        output = {"child": str(started[key])}
        yield StepRow(key=name, type=REMEMBERED, name=name, status=done, output=output)


async def finished_in(earlier_id: UUID, new: NewExecution, plan: Plan) -> Brought | None:
    source = await Execution.get_or_none(id=earlier_id, workspace_id=new.workspace_id)
    if source is None or source.version_id != new.version_id or not _broke(source):
        return None
    whole = Blobs().whole
    if await whole(source.input) != new.input:
        return None
    earlier = await read_earlier(source, plan)
    undone = failed_again(plan, earlier)
    keeping = Keeping(earlier, undone, {}, frozenset(plan.entities))
    kept = keeping.rows()
    for row in kept.values():
        row.input, row.output = await whole(row.input), await whole(row.output)
    first = first_of(plan, earlier, source.error)
    fork = Fork(source, plan, RerunRequest(source.id), first, earlier)
    redone = [row for row in earlier.steps.values() if row.key not in kept]
    steps = [*fork.steps(kept), *[row async for row in started_before(redone, source.id)]]
    return Brought(fork.events(new, steps), steps) if steps else None


def _broke(source: Execution) -> bool:
    return source.status.final and source.status is not ExecutionStatus.COMPLETED
