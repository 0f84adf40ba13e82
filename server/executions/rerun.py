"""Doing an execution again: what failed, or from any step, as a new execution that takes over what
stands before it. A finished execution stays as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from server.bal.plan import Plan
from server.bots import service as bots
from server.bots.versions import freeze
from server.core.errors import Invalid, InvalidState
from server.engine.blobs import Blobs
from server.engine.engine import Engine
from server.engine.forking import Undone, all_keys, plan_key
from server.engine.modified import REMEMBERED
from server.engine.store import AlreadyAccepted, Unset
from server.engine.tool_steps import TYPE as TOOL
from server.executions import service
from server.executions.beginning import (
    after_moment,
    check_arguments,
    everything,
    failed_again,
    first_of,
    from_step,
    given_up_again,
    with_edited,
)
from server.executions.children_again import started_before
from server.executions.earlier import CALLS, Earlier, note_owner, read_earlier, read_whole
from server.executions.forked import Fork
from server.executions.inputs import checked_input
from server.executions.keeping import Keeping
from server.executions.modifying import check_model
from server.executions.moment import Moment, moment_of
from server.executions.rerun_request import RerunRequest
from server.executions.whole_values import whole_request
from server.models.enums import BotState, ExecutionStatus, StepStatus
from server.models.tables import Execution, Step
from server.workspaces.access import Viewer, require

__all__ = ["Prepared", "RerunRequest", "prepare", "rerun"]


async def rerun(viewer: Viewer, engine: Engine, request: RerunRequest) -> Execution:
    require(viewer, "executions:run")
    service.checked_key(request.idempotency_key)
    prepared = await prepare(viewer, engine, request)
    source, plan = prepared.source, prepared.plan
    source.input = await Blobs().whole(source.input)
    given = source.input if isinstance(request.input, Unset) else prepared.request.input
    checked_input(plan, given, source.trigger or {})
    _check_models(plan, request.models)
    kept = await read_whole(prepared.kept)
    fork = Fork(source, plan, prepared.request, prepared.first, prepared.earlier)
    new = fork.execution(viewer, engine, prepared.version_id, request.hash)
    steps = await asyncio.to_thread(fork.brought, kept)
    if request.from_step is None and request.from_seq is None:
        steps += [row async for row in started_before(prepared.redone, source.id)]
    try:
        events = await asyncio.to_thread(fork.events, new, steps)
        await engine.runner.accept_fork(new, events, steps)
    except AlreadyAccepted as earlier:
        return await service.earlier_one(viewer, earlier, new.request_hash)
    return await service.one(viewer, new.id)


# --- what is done again ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known before anything is stored. `first` None: all is done again; `request` is the
    one that was asked with whole values; `kept` are the steps that are taken over."""

    source: Execution
    version_id: UUID
    plan: Plan
    request: RerunRequest
    first: str | None
    earlier: Earlier
    kept: dict[str, Step]

    @property
    def redone(self) -> list[Step]:
        """What had a result of its own and is made anew."""
        calls = [row for row in self.earlier.steps.values() if row.type in CALLS]
        return [row for row in calls if row.key not in self.kept]


async def prepare(viewer: Viewer, engine: Engine, request: RerunRequest) -> Prepared:
    request.check()
    source = await service.one(viewer, request.execution_id)
    if not source.status.final:
        message = f"This execution is {source.status.value}; only an ended one is done again."
        raise InvalidState(message, hint="Wait for its end or cancel it.")
    version_id, plan = await _program(viewer, engine, source, request.version)
    ran = await engine.runner.plans.get(source.version_id) or plan
    earlier = await read_earlier(source, ran)
    request = await whole_request(source, earlier, request)
    check_arguments(earlier, request)
    goes_on = _goes_on(plan, ran, earlier, request)
    moment = None
    if request.from_seq is not None:
        moment = await moment_of(engine, source, earlier, request.from_seq)
    # Of a large map it takes a second.
    kept = await asyncio.to_thread(_kept, source, plan, earlier, request, goes_on, moment)
    if plan is not ran:
        known = all_keys(plan)
        kept = {key: row for key, row in kept.items() if _is_in(known, earlier, row)}
    first = await asyncio.to_thread(_first, source, plan, earlier, request)
    return Prepared(source, version_id, plan, request, first, earlier, kept)


def _kept(
    source: Execution,
    plan: Plan,
    earlier: Earlier,
    request: RerunRequest,
    goes_on: frozenset[str],
    moment: Moment | None,
) -> dict[str, Step]:
    undone = _undone(source, plan, earlier, request, goes_on, moment)
    undone = with_edited(undone, earlier, request.outputs)
    return Keeping(earlier, undone, request.outputs, goes_on, moment).rows()


def _undone(
    source: Execution,
    plan: Plan,
    earlier: Earlier,
    request: RerunRequest,
    goes_on: frozenset[str],
    moment: Moment | None,
) -> Undone:
    if moment is not None:
        return after_moment(plan, earlier, moment)
    if request.only_failed:
        return given_up_again(plan, earlier)
    if request.from_step is not None:
        begun = from_step(plan, earlier, request.from_step, goes_on)
        return Undone.together([begun, failed_again(plan, earlier)])
    if source.status is ExecutionStatus.COMPLETED:
        return everything(plan)
    return failed_again(plan, earlier)


def _first(source: Execution, plan: Plan, earlier: Earlier, request: RerunRequest) -> str | None:
    """The step that the new execution is said to begin with."""
    if request.from_seq is not None or request.only_failed:
        return None
    if request.from_step is not None or source.status is ExecutionStatus.COMPLETED:
        return request.from_step
    return first_of(plan, earlier, source.error)


def _goes_on(plan: Plan, ran: Plan, earlier: Earlier, request: RerunRequest) -> frozenset[str]:
    """The entities that are asked as they were: what their models have said then still holds."""
    rows = {key: earlier.steps.get(key) for key in request.outputs}
    edited = [row for row in rows.values() if row is None or _was_result(row)]
    if edited or not isinstance(request.input, Unset):
        return frozenset()
    return frozenset(name for name, one in plan.entities.items() if ran.entities.get(name) == one)


def _is_in(known: frozenset[str], earlier: Earlier, row: Step) -> bool:
    """A draft may not have the step any more. The keys of very deep ones do not tell."""
    step = earlier.steps.get(note_owner(row.key) if row.type == REMEMBERED else row.key)
    if step is None or step.key.startswith("#"):
        return True
    return plan_key((step.parent_key or "") if step.type == TOOL else step.key) in known


def _was_result(row: Step) -> bool:
    """Something followed from it that now follows from something else."""
    return row.type != TOOL and row.status is StepStatus.COMPLETED


async def _program(
    viewer: Viewer, engine: Engine, source: Execution, version: Literal["same", "draft"]
) -> tuple[UUID, Plan]:
    bot = await bots.one(viewer, source.bot_id)
    if bot.state is BotState.ARCHIVED:
        raise InvalidState(f"{bot.name} is archived.", hint="Bring it back to run it.")
    frozen = source.version_id
    if version == "draft":
        frozen = (await freeze(bot, viewer.user_id)).id
    plan = await engine.runner.plans.get(frozen)
    if plan is None:
        raise InvalidState("This version is gone or was made by another release.")
    return frozen, plan


def _check_models(plan: Plan, models: Mapping[str, str]) -> None:
    for name, model in models.items():
        if name not in plan.entities:
            raise Invalid(f"The program has no entity `{name}`.", path=["models", name])
        check_model(model, "models", name)
