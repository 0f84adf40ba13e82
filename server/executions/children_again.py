"""What an execution had started and is started again, because it is itself done again: a child that
did not end well goes on where it failed, like its parent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any
from uuid import UUID

from server.bal.plan import Plan
from server.core.errors import NotFound
from server.engine.blobs import Blobs
from server.engine.engine import Engine
from server.engine.family import EARLIER, Brought
from server.engine.modified import REMEMBERED
from server.engine.store import NewExecution, StepRow
from server.executions.beginning import failed_again, first_of
from server.executions.earlier import CALLS, Earlier, read_earlier, read_whole
from server.executions.forked import Fork
from server.executions.keeping import Keeping
from server.executions.rerun_request import RerunRequest
from server.models.enums import ExecutionStatus, StepStatus
from server.models.tables import Bot, Execution, Step

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
    if await Blobs().whole(source.input) != new.input:
        return None
    earlier = await read_earlier(source, plan)
    try:
        kept = await read_whole(await asyncio.to_thread(_kept, earlier, plan))
    except NotFound:
        return None
    first = first_of(plan, earlier, source.error)
    fork = Fork(source, plan, RerunRequest(source.id), first, earlier)
    redone = [row for row in earlier.steps.values() if row.key not in kept]
    steps = await asyncio.to_thread(fork.brought, kept)
    steps += [row async for row in started_before(redone, source.id)]
    return Brought(await asyncio.to_thread(fork.events, new, steps), steps) if steps else None


async def paid_again(engine: Engine, child: Execution) -> int:
    """Of what it cost the part, in nano-dollars, that is made anew when the step that had started
    it is done again with the same input."""
    plan = await engine.runner.plans.get(child.version_id)
    bot = await Bot.get_or_none(id=child.bot_id).only("id", "published_version_id")
    published = None if bot is None else bot.published_version_id
    if not _broke(child) or plan is None or published not in (None, child.version_id):
        return child.cost_nano
    kept = await asyncio.to_thread(_kept, await read_earlier(child, plan), plan)
    return max(0, child.cost_nano - sum(row.cost_nano or 0 for row in kept.values()))


def _kept(earlier: Earlier, plan: Plan) -> dict[str, Step]:
    undone = failed_again(plan, earlier)
    return Keeping(earlier, undone, {}, frozenset(plan.entities)).rows()


def _broke(source: Execution) -> bool:
    return source.status.final and source.status is not ExecutionStatus.COMPLETED
