"""Doing an execution again: from the step that failed, or from any step, as a new execution that
takes over what stands before it. A finished execution stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from server.bal.plan import Plan
from server.bots import service as bots
from server.bots.versions import freeze
from server.core.errors import Invalid, InvalidState
from server.core.ids import new_uuid, public_id
from server.core.jsontext import dumps
from server.engine import events as happened
from server.engine.blobs import Blobs
from server.engine.engine import Engine
from server.engine.forking import Undone, UnknownStep, all_keys, plan_key, undone_from
from server.engine.modified import EDITED, REMEMBERED, rows_of
from server.engine.store import UNSET, AlreadyAccepted, EventRow, NewExecution, StepRow, Unset
from server.engine.tool_calls import TRIED
from server.executions import service
from server.executions.inputs import checked_input
from server.executions.modifying import check_model
from server.models.enums import BotState, ExecutionStatus, StepStatus, TriggerKind
from server.models.tables import Execution, Step
from server.workspaces.access import Viewer, require

# What has a result of its own; blocks and calculations are gone through again at no cost.
# Kept of one execution by itself, not of its steps: whether it is held, what it used of its limits.
OF_ITS_OWN = "#"
TAKEN_OVER = frozenset({"entity", "use", "tool", REMEMBERED})
FINISHED = frozenset({StepStatus.COMPLETED, StepStatus.FAILED})


@dataclass(frozen=True, slots=True)
class RerunRequest:
    """`from_step` None: the step that failed, or the first one when none did. `outputs` puts other
    results in the place of those of steps before it; one for `from_step` itself stands for its
    result, so that it is passed by. `models`: which one an entity asks, by its name."""

    execution_id: UUID
    from_step: str | None = None
    from_seq: int | None = None
    version: Literal["same", "draft"] = "same"
    input: Any = UNSET
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    models: Mapping[str, str] = field(default_factory=dict[str, str])
    idempotency_key: str | None = None

    @property
    def hash(self) -> str:
        """Two requests with one key must be the same request."""
        given = None if isinstance(self.input, Unset) else {"value": self.input}
        begin = self.from_step if self.from_seq is None else self.from_seq
        parts = [str(self.execution_id), begin, self.version, given, dict(self.outputs)]
        if self.models:
            parts.append(dict(self.models))
        return hashlib.sha256(dumps(parts).encode()).hexdigest()


async def rerun(viewer: Viewer, engine: Engine, request: RerunRequest) -> Execution:
    require(viewer, "executions:run")
    service.checked_key(request.idempotency_key)
    prepared = await prepare(viewer, engine, request)
    source, plan, first = prepared.source, prepared.plan, prepared.first
    rows, kept = prepared.rows, prepared.kept
    whole = Blobs().whole
    source.input = await whole(source.input)
    given = source.input if isinstance(request.input, Unset) else request.input
    checked_input(plan, given, source.trigger or {})
    _check_models(plan, request.models)
    for row in kept.values():  # the new execution keeps what it needs, the old one may go
        row.input, row.output = await whole(row.input), await whole(row.output)
    fork = _Fork(source, plan, request, first)
    new = fork.execution(viewer, engine, prepared.version_id)
    steps = [*fork.steps(kept), *fork.edited(rows, kept), *fork.modified()]
    try:
        await engine.runner.accept_fork(new, fork.events(engine, new, steps), steps)
    except AlreadyAccepted as earlier:
        return await service.earlier_one(viewer, earlier, new.request_hash)
    return await service.one(viewer, new.id)


# --- what is done again ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known before anything is stored. `first` None: all is done again; `rows` are the
    steps of the earlier execution, `kept` those that are taken over."""

    source: Execution
    version_id: UUID
    plan: Plan
    first: str | None
    rows: list[Step]
    kept: dict[str, Step]

    @property
    def redone(self) -> list[Step]:
        """What had a result of its own and is made anew."""
        calls = [row for row in self.rows if row.type in TAKEN_OVER and row.type != REMEMBERED]
        return [row for row in calls if row.key not in self.kept]


async def prepare(viewer: Viewer, engine: Engine, request: RerunRequest) -> Prepared:
    source = await service.one(viewer, request.execution_id)
    if not source.status.final:
        message = f"This execution is {source.status.value}; only an ended one is done again."
        raise InvalidState(message, hint="Wait for its end or cancel it.")
    version_id, plan = await _program(viewer, engine, source, request.version)
    rows = [row for row in await Step.filter(execution_id=source.id)]
    if request.from_seq is not None:
        kept = await _kept_at(engine, source, rows, request)
        return Prepared(source, version_id, plan, None, rows, kept)
    first = request.from_step or _failed_step(source, rows, plan)
    kept = _kept(rows, _undone(plan, first), request.outputs)
    return Prepared(source, version_id, plan, first, rows, kept)


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


def _failed_step(source: Execution, rows: list[Step], plan: Plan) -> str | None:
    """The innermost step that failed, or was broken off."""
    known = all_keys(plan)
    named = (source.error or {}).get("stepKey")
    if named is not None and plan_key(named) in known:
        return named
    broken = (StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.RUNNING, StepStatus.WAITING)
    open_ = [row for row in rows if row.status in broken and plan_key(row.key) in known]
    if source.status is ExecutionStatus.COMPLETED or not open_:
        return None
    return max(open_, key=_depth).key


def _depth(row: Step) -> tuple[bool, int, int]:
    """A call before a block, a late one before an early one."""
    return row.type in TAKEN_OVER, row.position, len(row.key)


def _undone(plan: Plan, first: str | None) -> Undone:
    if first is None:
        return Undone(frozenset(step.key for step in plan.root), {})
    try:
        return undone_from(plan, first)
    except UnknownStep:
        known = ", ".join(sorted(all_keys(plan))[:20])
        message = f"The program has no step `{first}`. It has {known}."
        raise Invalid(message, path=["fromStep"]) from None


async def _kept_at(
    engine: Engine, source: Execution, rows: list[Step], request: RerunRequest
) -> dict[str, Step]:
    """What was finished at that event, and well; a failure gets another chance."""
    seq = request.from_seq
    if request.from_step is not None:
        raise Invalid("Give fromStep or fromSeq, not both.", path=["fromSeq"])
    if seq is None or not 1 <= seq <= source.last_seq:
        message = f"This execution has the events 1 to {source.last_seq}."
        raise Invalid(message, path=["fromSeq"])
    state = await engine.snapshots.at(source.id, seq)
    done = {key for key, step in state.steps.items() if step.status == "completed"}
    calls = [row for row in rows if row.type in TAKEN_OVER and row.type != REMEMBERED]
    return {row.key: row for row in calls if row.key in done}


def _kept(rows: list[Step], undone: Undone, outputs: Mapping[str, Any]) -> dict[str, Step]:
    parents = {row.key: row.parent_key for row in rows}

    def is_undone(key: str | None) -> bool:
        while key is not None:
            if key in undone:
                return True
            key = parents.get(key)
        return False

    return {
        row.key: row
        for row in rows
        if row.type in TAKEN_OVER
        and not row.key.startswith(OF_ITS_OWN)
        and not row.key.endswith(TRIED)
        and (row.key in outputs or (row.status in FINISHED and not is_undone(row.key)))
    }


def _check_models(plan: Plan, models: Mapping[str, str]) -> None:
    for name, model in models.items():
        if name not in plan.entities:
            raise Invalid(f"The program has no entity `{name}`.", path=["models", name])
        check_model(model, "models", name)


# --- the new execution -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fork:
    source: Execution
    plan: Plan
    request: RerunRequest
    first: str | None

    def execution(self, viewer: Viewer, engine: Engine, version_id: UUID) -> NewExecution:
        source, given = self.source, self.request.input
        return NewExecution(
            id=new_uuid(),
            workspace_id=source.workspace_id,
            bot_id=source.bot_id,
            version_id=version_id,
            created_at=engine.clock.now(),
            input=source.input if isinstance(given, Unset) else given,
            mode=source.mode,
            trigger_kind=TriggerKind.RERUN,
            trigger={**(source.trigger or {}), **service.narrowed(viewer)},
            created_by_id=viewer.user_id,
            forked_from_id=source.id,
            forked_from_step=self.first,
            idempotency_key=self.request.idempotency_key,
            request_hash=self.request.hash if self.request.idempotency_key else None,
        )

    def steps(self, kept: dict[str, Step]) -> Iterator[StepRow]:
        """Results as they were, at no cost."""
        for row in sorted(kept.values(), key=lambda row: (row.position, row.id)):
            edited = row.key in self.request.outputs
            yield StepRow(
                key=row.key,
                type=row.type,
                name=row.name,
                status=StepStatus.COMPLETED if edited else row.status,
                parent_key=row.parent_key,
                position=row.position,
                reused=True,
                input=row.input,
                output=self.request.outputs[row.key] if edited else row.output,
                error=None if edited else row.error,
                requested_model=row.requested_model,
                model=row.model,
                provider=row.provider,
                cost_nano=0,
                started_at=row.started_at,
                finished_at=row.finished_at,
                duration_ms=0,
            )

    def edited(self, rows: list[Step], kept: dict[str, Step]) -> Iterator[StepRow]:
        """Results of what is gone through again (blocks, calculations) are put in its place."""
        known = all_keys(self.plan)
        there = {row.key for row in rows if row.status in FINISHED}
        for key, value in self.request.outputs.items():
            if key in kept:
                continue
            if plan_key(key) not in known or not (key in there or key == self.first):
                message = f"No finished step `{key}` stands before the one to begin with."
                raise Invalid(message, path=["outputs", key])
            name = f"{key}{EDITED}"
            status = StepStatus.COMPLETED
            yield StepRow(key=name, type=REMEMBERED, name=name, status=status, output=value)

    def modified(self) -> Iterator[StepRow]:
        for name, model in self.request.models.items():
            yield from rows_of(name, {"model": model})

    def events(self, engine: Engine, new: NewExecution, steps: list[StepRow]) -> list[EventRow]:
        now = engine.clock.now()
        queued = happened.ExecutionQueued(
            input=new.input,
            trigger_kind=new.trigger_kind.value,
            mode=new.mode.value,
            forked_from=public_id("execution", self.source.id),
            from_step=self.first,
        )
        found, models = [queued.row(now)], self.request.models.items()
        for step in steps:
            if step.type != REMEMBERED:
                found.extend(event.row(now, step.key) for event in self._told(step))
        changed = (happened.EntityModified(name=name, model=model) for name, model in models)
        return [*found, *(event.row(now) for event in changed)]

    def _told(self, step: StepRow) -> tuple[happened.ExecutionEvent, happened.ExecutionEvent]:
        begun = happened.StepStarted(
            name=step.name,
            type=step.type,
            parent_key=step.parent_key,
            position=step.position,
            input=step.input,
        )
        if step.status is StepStatus.FAILED:
            return begun, happened.StepFailedEvent(error=step.error, duration_ms=0, reused=True)
        edited = step.key in self.request.outputs or None
        return begun, happened.StepCompleted(
            output=step.output, duration_ms=0, reused=True, edited=edited
        )
