"""Executions: start one, look at many, stop one."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from tortoise.queryset import QuerySet

from server.bal.plan import Plan
from server.bots.startable import startable, versions
from server.bus.turns import NORMAL
from server.core.errors import (
    IdempotencyMismatch,
    Invalid,
    InvalidState,
    NotFound,
)
from server.core.ids import new_uuid, public_id
from server.core.jsontext import dumps
from server.engine.control import Target
from server.engine.conversation import CONVERSATION
from server.engine.engine import Engine
from server.engine.log import WireEvent
from server.engine.log import read as read_log
from server.engine.modified import REMEMBERED
from server.engine.runner import Accepted
from server.engine.state import ExecutionState
from server.engine.store import UNSET, AlreadyAccepted, NewExecution, Unset
from server.executions import lately
from server.executions.inputs import checked_input
from server.executions.priority import checked_priority
from server.executions.quick_page import quick_page
from server.executions.replaying import RECORDING
from server.models.enums import (
    BotState,
    ExecutionMode,
    ExecutionStatus,
    StepStatus,
    TriggerKind,
)
from server.models.tables import Execution, Step
from server.workspaces.access import Viewer, mine, one_of_mine, require
from server.workspaces.listing import Page, PageAsk, read_page

ControlAction = Literal["cancel", "pause", "resume", "step"]
KEY_LIMIT = 200
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
STEPS_AT_ONCE = 1_000
GONE = "If it was there before, the retention of its bot or somebody has deleted it."
QUEUE_LIMIT = 31 * 86_400
HEAVY = {"input", "output", "trigger"}
_WORKERS = {
    *("owner", "attempt", "losses", "due_at", "dispatched_at", "start_before", "nudged"),
    *("worked_ms", "control", "cancel_requested_at", "cancel_reason"),
    *("idempotency_key", "request_hash"),
}


@dataclass(frozen=True, slots=True)
class StartRequest:
    """Without an input the program's own `run(…)` counts; without a version its present draft.
    `queue_seconds`: how long it may wait for a worker, for ever when absent."""

    bot_id: UUID
    input: Any = UNSET
    version_id: UUID | None = None
    idempotency_key: str | None = None
    mode: ExecutionMode = ExecutionMode.LIVE
    trigger_kind: TriggerKind = TriggerKind.API
    trigger: dict[str, Any] = field(default_factory=dict[str, Any])
    queue_seconds: float | None = None
    recording: str | None = None
    session_id: UUID | None = None
    priority: int = NORMAL
    concurrency_key: str | None = None


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    bot_id: UUID | None = None
    statuses: Sequence[ExecutionStatus] | None = None
    modes: Sequence[ExecutionMode] | None = None
    trigger_kinds: Sequence[TriggerKind] | None = None
    created_from: datetime | None = None
    created_after: datetime | None = None
    created_to: datetime | None = None
    created_before: datetime | None = None


async def start(viewer: Viewer, engine: Engine, request: StartRequest) -> Execution:
    """Returns once the execution is durable. Everything that can be refused is refused before
    anything is stored."""
    return await accept(viewer, engine, *await prepared(viewer, engine, request))


async def prepared(
    viewer: Viewer, engine: Engine, request: StartRequest
) -> tuple[NewExecution, Plan]:
    """All that can be refused is refused here, and nothing is stored."""
    require(viewer, "executions:run")
    bot = await startable(viewer, request.bot_id)
    if bot.state is BotState.ARCHIVED:
        raise InvalidState(f"{bot.name} is archived.", hint="Bring it back to run it.")
    if request.mode is ExecutionMode.RECORDED and RECORDING not in request.trigger:
        raise Invalid("Say which recording is replayed.", path=["recordingId"])
    key = checked_key(request.idempotency_key)
    version_id = await versions.of(viewer, bot, request.version_id)
    plan = await engine.runner.plans.get(version_id)
    if plan is None:
        raise InvalidState("This version was made by another release; save the bot again.")
    new = NewExecution(
        id=new_uuid(),
        workspace_id=viewer.workspace_id,
        bot_id=bot.id,
        version_id=version_id,
        created_at=engine.clock.now(),
        input=checked_input(plan, request.input, _trigger(viewer, request, engine)),
        mode=request.mode,
        trigger_kind=request.trigger_kind,
        trigger=_trigger(viewer, request, engine),
        idempotency_key=key,
        request_hash=hash_of(request) if key else None,
        created_by_id=viewer.user_id,
        start_before=_start_before(engine, request),
        session_id=request.session_id,
        priority=checked_priority(request.priority),
        concurrency_key=checked_concurrency_key(request.concurrency_key),
        limited=bot.limited,
    )
    return new, plan


async def accept(viewer: Viewer, engine: Engine, new: NewExecution, plan: Plan) -> Execution:
    try:
        accepted = await engine.runner.accept(new, plan)
    except AlreadyAccepted as earlier:
        return await earlier_one(viewer, earlier, new.request_hash)
    lately.remember(new.id, new.workspace_id, new.bot_id)
    return _row(accepted)


async def get(viewer: Viewer, execution_id: UUID) -> Execution:
    require(viewer, "executions:read")
    row = await one(viewer, execution_id)
    lately.remember(row.id, row.workspace_id, row.bot_id)
    return row


async def many(
    viewer: Viewer, ids: Sequence[UUID], columns: Sequence[str] | None = None
) -> dict[UUID, Execution]:
    """With `columns`, rows have only these; the id is among them."""
    require(viewer, "executions:read")
    rows = mine(viewer, Execution).filter(id__in=list(ids))
    return {row.id: row for row in await (rows if columns is None else rows.only(*columns))}


async def one(viewer: Viewer, execution_id: UUID) -> Execution:
    """For what another right than reading allows: whoever may steer it need not see all of them."""
    return await one_of_mine(viewer, Execution, execution_id, "execution")


async def look(viewer: Viewer, execution_id: UUID) -> None:
    """Raises unless the viewer may see it. One small statement at most: this stands before every
    feed."""
    require(viewer, "executions:read")
    bot_id = lately.bot_of(execution_id, viewer.workspace_id)
    if bot_id is not None and (viewer.bot_ids is None or bot_id in viewer.bot_ids):
        return
    # Nothing but ids of ours is written into it.
    rows = await Execution._meta.db.execute_query_dict(
        f"SELECT bot_id FROM executions WHERE id = '{execution_id}' "
        f"AND workspace_id = '{viewer.workspace_id}'"
    )
    bots = {UUID(str(row["bot_id"])) for row in rows}
    if not bots or (viewer.bot_ids is not None and not bots & viewer.bot_ids):
        raise NotFound.of("execution", hint=GONE)


async def list_executions(
    viewer: Viewer,
    ask: PageAsk | None = None,
    where: ExecutionFilter | None = None,
    *,
    descending: bool = True,
    columns: Sequence[str] | None = None,
) -> Page[Execution]:
    """Newest first: ids sort by time of creation. With `columns`, rows have only these."""
    require(viewer, "executions:read")
    ask, where = ask or PageAsk(), where or ExecutionFilter()
    if where == ExecutionFilter(bot_id=where.bot_id):

        async def count() -> int:
            return await matching(mine(viewer, Execution), where).count()

        wanted = columns or ("*",)
        return await quick_page(viewer, ask, where.bot_id, wanted, count, descending=descending)
    rows = matching(mine(viewer, Execution), where)
    if columns is not None:
        rows = rows.only(*columns)
    return await read_page(rows, ask, descending=descending)


async def steps(viewer: Viewer, execution_id: UUID) -> list[Step]:
    """In the order in which they began; what was skipped comes last. Of very many the first."""
    await look(viewer, execution_id)
    rows = await _steps_of(execution_id).order_by("id").limit(STEPS_AT_ONCE)
    return sorted(rows, key=lambda row: (row.status is StepStatus.SKIPPED, row.position, row.id))


async def step_page(viewer: Viewer, execution_id: UUID, ask: PageAsk) -> Page[Step]:
    """In the order in which they were first written down."""
    await look(viewer, execution_id)
    return await read_page(_steps_of(execution_id), ask, descending=False)


async def state_at(viewer: Viewer, engine: Engine, execution_id: UUID, seq: int) -> ExecutionState:
    """From the stored events alone: nothing is ever called again for it."""
    await look(viewer, execution_id)
    if seq < 0:
        raise Invalid("Events are numbered from 1; 0 is before the first.", path=["seq"])
    return await engine.snapshots.at(execution_id, seq)


async def forks(viewer: Viewer, execution_id: UUID, limit: int = 100) -> list[Execution]:
    require(viewer, "executions:read")
    rows = mine(viewer, Execution).filter(forked_from_id=execution_id)
    return await rows.order_by("-id").limit(limit)


async def events(
    viewer: Viewer, engine: Engine, execution_id: UUID, after: int = 0, limit: int = 100
) -> list[WireEvent]:
    await look(viewer, execution_id)
    return await read_log(engine.store, execution_id, after, limit)


async def control(
    viewer: Viewer,
    engine: Engine,
    execution_id: UUID,
    action: ControlAction,
    reason: str | None = None,
) -> Execution:
    require(viewer, "executions:control")
    row = await one(viewer, execution_id)
    done = await _told(engine, row, action, reason, viewer.email)
    row = await one(viewer, execution_id)
    if not done:
        raise _not_possible(row, action)
    return row


async def _told(
    engine: Engine, row: Execution, action: ControlAction, reason: str | None, by: str
) -> bool:
    holding = engine.holding
    match action:
        case "cancel":
            return await engine.control.cancel(row.workspace_id, row.id, reason, by)
        case "pause":
            return await holding.pause(Target(row.workspace_id, row.id), reason, by)
        case "step":
            return await holding.step(row, reason, by)
        case "resume":
            return await holding.resume(row, reason, by)


def _not_possible(row: Execution, action: ControlAction) -> InvalidState:
    status = row.status.value
    if row.status.final or action in ("cancel", "pause"):
        return InvalidState(f"This execution is {status} already; nothing was changed.")
    if action == "resume":
        return InvalidState(f"This execution is {status}; it is not paused.")
    message = f"This execution is {status}; only a paused one can be told to {action}."
    return InvalidState(message, hint="Pause it first.")


def _steps_of(execution_id: UUID) -> QuerySet[Step]:
    return Step.filter(execution_id=execution_id).exclude(type=REMEMBERED)


# --- inside ---------------------------------------------------------------------------------


@functools.cache
def light_columns() -> tuple[str, ...]:
    """Known once the tables are: foreign keys get their columns when the database is opened."""
    return tuple(sorted(Execution._meta.fields_db_projection.keys() - HEAVY - _WORKERS))


def _start_before(engine: Engine, request: StartRequest) -> datetime | None:
    seconds = request.queue_seconds
    if seconds is None:
        return None
    if not 0 < seconds <= QUEUE_LIMIT:
        message = f"The time in the queue is more than 0 and at most {QUEUE_LIMIT} seconds."
        raise Invalid(message, path=["queueSeconds"])
    return engine.clock.now() + timedelta(seconds=seconds)


def checked_key(key: str | None) -> str | None:
    if key is not None and not 1 <= len(key) <= KEY_LIMIT:
        message = f"An idempotency key has 1 to {KEY_LIMIT} characters."
        raise Invalid(message, path=["idempotencyKey"])
    if key is not None and _UNSTORABLE.search(key):
        raise Invalid("An idempotency key is readable text.", path=["idempotencyKey"])
    return key


def checked_concurrency_key(key: str | None) -> str | None:
    """Spaces around it would be another key to one database and the same to another."""
    if key is None:
        return None
    key = key.strip()
    if not 1 <= len(key) <= KEY_LIMIT or _UNREADABLE.search(key):
        message = f"A concurrency key is a readable text of 1 to {KEY_LIMIT} characters."
        raise Invalid(message, path=["concurrencyKey"])
    return key


def _trigger(viewer: Viewer, request: StartRequest, engine: Engine) -> dict[str, Any]:
    """What the program sees as `$trigger` and `$user`; replayed, what it saw then."""
    person = {"id": str(viewer.user_id), "name": viewer.name, "email": viewer.email}
    given = {"kind": request.trigger_kind.value, "at": engine.clock.now().isoformat()}
    if request.mode is ExecutionMode.RECORDED:
        return {**given, "user": person, **request.trigger, **narrowed(viewer)}
    return {**given, **request.trigger, "user": person, **narrowed(viewer)}


def narrowed(viewer: Viewer) -> dict[str, Any]:
    """A token for some bots starts no others either, neither itself nor through those."""
    if viewer.bot_ids is None:
        return {}
    return {"bots": sorted(public_id("bot", one) for one in viewer.bot_ids)}


def hash_of(request: StartRequest) -> str:
    """Two requests with one key must be the same request, in all that their sender gave. What is
    absent adds nothing, so that the keys of earlier releases hold."""
    given = None if isinstance(request.input, Unset) else {"value": request.input}
    parts: list[Any] = [str(request.bot_id), str(request.version_id), request.mode.value, given]
    if request.session_id is not None:
        parts.append(str(request.session_id))
    more = {
        "queueSeconds": request.queue_seconds,
        "recording": request.recording,
        # A message of a conversation is the same one however far that has got since.
        "conversation": None if request.session_id else request.trigger.get(CONVERSATION),
        "priority": None if request.priority == NORMAL else request.priority,
        "concurrencyKey": request.concurrency_key,
    }
    if any(value is not None for value in more.values()):
        parts.append({name: value for name, value in more.items() if value is not None})
    return hashlib.sha256(dumps(parts).encode()).hexdigest()


async def earlier_one(
    viewer: Viewer, earlier: AlreadyAccepted, request_hash: str | None
) -> Execution:
    """The answer to a request that came before: only when it was the same request."""
    if earlier.request_hash != request_hash:
        raise IdempotencyMismatch(path=["idempotencyKey"])
    return await one_of_mine(viewer, Execution, earlier.execution_id, "execution")


def _row(accepted: Accepted) -> Execution:
    """The row as it was stored, without reading it back."""
    new, change = accepted.new, accepted.change
    known: dict[str, Any] = {
        **_blank(),
        "id": new.id,
        "workspace_id": new.workspace_id,
        "bot_id": new.bot_id,
        "version_id": new.version_id,
        "status": new.status,
        "mode": new.mode,
        "trigger_kind": new.trigger_kind,
        "trigger": new.trigger,
        "input": new.input,
        "idempotency_key": new.idempotency_key,
        "request_hash": new.request_hash,
        "attempt": new.attempt,
        "session_id": new.session_id,
        "priority": new.priority,
        "concurrency_key": new.concurrency_key,
        "created_by_id": new.created_by_id,
        "created_at": new.created_at,
        "last_seq": accepted.last_seq,
    }
    if change is not None:
        known["status"] = change.status or new.status
        known["waiting_reason"] = change.waiting_reason
        known["output"] = None if change.output is UNSET else change.output
        known["error"] = change.error
        known["started_at"] = change.started_at
        known["finished_at"] = change.finished_at
        known["duration_ms"] = change.duration_ms
    row = Execution.__new__(Execution)
    vars(row).update(known)
    return row


@functools.cache
def _blank() -> dict[str, Any]:
    """A stored row of which nothing is known. The constructor looks at each field anew, which is a
    twentieth of what a start costs."""
    return {**vars(Execution()), "_saved_in_db": True}


def matching(rows: QuerySet[Execution], where: ExecutionFilter) -> QuerySet[Execution]:
    given: dict[str, Any] = {
        "bot_id": where.bot_id,
        "status__in": None if where.statuses is None else list(where.statuses),
        "mode__in": None if where.modes is None else list(where.modes),
        "trigger_kind__in": None if where.trigger_kinds is None else list(where.trigger_kinds),
        "created_at__gte": where.created_from,
        "created_at__gt": where.created_after,
        "created_at__lte": where.created_to,
        "created_at__lt": where.created_before,
    }
    return rows.filter(**{name: value for name, value in given.items() if value is not None})
