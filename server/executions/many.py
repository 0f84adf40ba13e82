"""One act on many executions: those that were named, or all that a filter finds. Each one succeeds
or fails for itself, and what was done leaves one entry in the audit log."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any
from uuid import UUID

from server.core.clock import Clock
from server.core.errors import AppError, Invalid, InvalidState, LimitReached, NotFound
from server.core.ids import public_id
from server.engine.engine import Engine
from server.engine.writer import tell_workspace
from server.executions import service
from server.executions.retention import ROWS_AT_ONCE, delete_executions, give_space_back
from server.executions.service import ExecutionFilter
from server.models.enums import FINAL_STATUSES, ExecutionStatus
from server.models.tables import Execution
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, require

MOST_NAMED = 100
MOST_FOUND = 200
MOST_EVENTS = 500_000
SIDE_BY_SIDE = 20
OPEN = frozenset(ExecutionStatus) - FINAL_STATUSES

Act = Callable[[UUID], Awaitable[Execution]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Ids, or a filter; never both."""

    ids: Sequence[UUID] | None = None
    where: ExecutionFilter | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    execution_id: UUID
    row: Execution | None = None
    error: AppError | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """`remaining`: how many more the filter finds, for another call."""

    outcomes: list[Outcome]
    remaining: int = 0

    @property
    def ids(self) -> list[UUID]:
        return [one.execution_id for one in self.outcomes if one.error is None]


async def cancel(viewer: Viewer, engine: Engine, chosen: Chosen, reason: str | None) -> Done:
    """By a filter only what has not ended, the earliest first. What is cancelled already, such as
    a child with its parent, is as it was wanted."""
    require(viewer, "executions:control")
    ids, remaining = await _found(viewer, chosen, OPEN)

    async def one(execution_id: UUID) -> Execution:
        try:
            return await service.control(viewer, engine, execution_id, "cancel", reason)
        except InvalidState:
            row = await service.one(viewer, execution_id)
            if row.status is not ExecutionStatus.CANCELLED:
                raise
            return row

    done = Done(await _each(ids, one), remaining)
    await _record(viewer, "executions.cancelled", chosen, done, engine.clock, reason)
    return done


async def delete(viewer: Viewer, engine: Engine, chosen: Chosen, reason: str | None) -> Done:
    """For good, with steps, events and files. By a filter only what has ended, and of very long
    ones no more than a request has time for. Broken off, it leaves one portion half done."""
    require(viewer, "bots:write")
    ids, remaining = await _found(viewer, chosen, FINAL_STATUSES, MOST_EVENTS)
    rows = mine(viewer, Execution).filter(id__in=ids).only("id", "status", "last_seq")
    known = {row.id: row for row in await rows}
    done = Done([_ended(execution_id, known.get(execution_id)) for execution_id in ids], remaining)
    await _record(viewer, "executions.deleted", chosen, done, engine.clock, reason)
    for some in _portions(done):
        await delete_executions(some)
        for execution_id in some:
            tell_workspace(engine.bus.notices, viewer.workspace_id, execution_id)
    if done.ids:
        await give_space_back()
    return done


def _ended(execution_id: UUID, row: Execution | None) -> Outcome:
    if row is None:
        return Outcome(execution_id, error=NotFound.of("execution"))
    if not row.status.final:
        message = f"This execution is {row.status.value}; only what has ended is deleted."
        return Outcome(execution_id, error=InvalidState(message, hint="Cancel it first."))
    return Outcome(execution_id, row)


def _portions(done: Done) -> Iterator[list[UUID]]:
    """Small ones together, a large one by itself."""
    some, events = list[UUID](), 0
    for row in (one.row for one in done.outcomes if one.row is not None):
        some.append(row.id)
        events += row.last_seq
        if events >= ROWS_AT_ONCE:
            yield some
            some, events = [], 0
    if some:
        yield some


async def _found(
    viewer: Viewer,
    chosen: Chosen,
    within: frozenset[ExecutionStatus],
    most_events: float = math.inf,
) -> tuple[list[UUID], int]:
    if (chosen.ids is None) == (chosen.where is None):
        raise Invalid("Give the ids of executions, or a filter.", path=["executionIds"])
    if chosen.where is not None:
        wanted = within if chosen.where.statuses is None else within & set(chosen.where.statuses)
        if not wanted:
            return [], 0
        where = replace(chosen.where, statuses=sorted(wanted))
        rows = service.matching(mine(viewer, Execution), where)
        found: list[Any] = await rows.order_by("id").limit(MOST_FOUND).values_list("id", "last_seq")
        before = accumulate((events for _, events in found), initial=0)
        ids = [row[0] for row, events in zip(found, before, strict=False) if events < most_events]
        some = len(ids) < len(found) or len(found) == MOST_FOUND
        return ids, max(0, await rows.count() - len(ids)) if some else 0
    ids = list(dict.fromkeys(chosen.ids or ()))
    if len(ids) > MOST_NAMED:
        message = f"At most {MOST_NAMED} executions by their ids; a filter takes more."
        raise LimitReached(message, path=["executionIds"])
    return ids, 0


async def _each(ids: Sequence[UUID], act: Act) -> list[Outcome]:
    """Some side by side: the writer then stores them together."""
    outcomes: list[Outcome] = []
    for start in range(0, len(ids), SIDE_BY_SIDE):
        some = ids[start : start + SIDE_BY_SIDE]
        outcomes += await asyncio.gather(*[_one(execution_id, act) for execution_id in some])
    return outcomes


async def _one(execution_id: UUID, act: Act) -> Outcome:
    try:
        return Outcome(execution_id, await act(execution_id))
    except (InvalidState, NotFound) as error:
        return Outcome(execution_id, error=error)


async def _record(
    viewer: Viewer, action: str, chosen: Chosen, done: Done, clock: Clock, reason: str | None
) -> None:
    if not done.ids:
        return
    after: dict[str, Any] = {"count": len(done.ids)}
    after["executions"] = [public_id("execution", one) for one in done.ids]
    if chosen.where is not None:
        given = {name: one for name, one in asdict(chosen.where).items() if one is not None}
        after["filter"] = {name: _text(one) for name, one in given.items()}
    subject = audit.Subject("workspace", viewer.workspace_id, viewer.workspace_name)
    await audit.record(viewer, action, subject, audit.Change(after=after, reason=reason), clock)


def _text(value: Any) -> Any:
    return [str(one) for one in value] if isinstance(value, list | tuple) else str(value)
