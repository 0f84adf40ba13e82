"""What doing an execution again will probably cost, told before it is started: what it takes over
is free, and what it does anew cost so much the last time."""

from __future__ import annotations

from dataclasses import dataclass

from server.engine.engine import Engine
from server.engine.store import Unset
from server.executions.children_again import paid_again
from server.executions.kinship import children_by_step
from server.executions.rerun import RerunRequest, prepare
from server.models.enums import StepStatus
from server.models.tables import Execution, Step
from server.workspaces.access import Viewer, require


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Costs in nano-dollars, of the last time, with those of the bots that steps started.
    `unknown`: steps that are done anew and have never come to an end. `unpriced`: what a model of
    theirs costs is not known, so that the sum is too low."""

    from_step: str | None
    reused: list[str]
    redone: list[str]
    reused_cost: int
    redone_cost: int
    redone_tokens: int
    redone_ms: int
    unknown: list[str]
    unpriced: list[str]


async def foresee(viewer: Viewer, engine: Engine, request: RerunRequest) -> Foreseen:
    require(viewer, "executions:run")
    prepared = await prepare(viewer, engine, request)
    children = await children_by_step(viewer, prepared.source.id)
    kept = [row for row in prepared.kept.values() if _shown(row)]
    again = [row for row in prepared.redone if _shown(row) and row.key not in request.outputs]
    same_input = isinstance(request.input, Unset)
    goes_on = same_input and request.from_step is None and request.from_seq is None
    unknown = [row.key for row in again if row.status is not StepStatus.COMPLETED]
    return Foreseen(
        from_step=prepared.first,
        reused=[row.key for row in kept],
        redone=[row.key for row in again],
        reused_cost=sum(_cost(row, children) for row in kept),
        redone_cost=sum([await _cost_again(engine, row, children, goes_on) for row in again]),
        redone_tokens=sum(row.total_tokens for row in again),
        redone_ms=sum(row.duration_ms or 0 for row in again if row.parent_key not in unknown),
        unknown=unknown,
        unpriced=[row.key for row in again if _unpriced(row, children)],
    )


def _shown(row: Step) -> bool:
    return row.type in ("entity", "use", "tool")


def _unpriced(row: Step, children: dict[str, Execution]) -> bool:
    child = children.get(row.key)
    return row.unpriced or (child is not None and child.unpriced)


def _cost(row: Step, children: dict[str, Execution]) -> int:
    child = children.get(row.key)
    return (row.cost_nano or 0) + (0 if child is None else child.cost_nano)


async def _cost_again(
    engine: Engine, row: Step, children: dict[str, Execution], goes_on: bool
) -> int:
    """A bot that had failed below a failed step goes on where it failed."""
    child = children.get(row.key)
    if child is None or not goes_on or row.status is StepStatus.COMPLETED:
        return _cost(row, children)
    return (row.cost_nano or 0) + await paid_again(engine, child)
