"""Decisions of people: what waits for one, and making it. One decision wins; whoever comes second
is told who was first, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tortoise.transactions import in_transaction

from server.approvals.answers import checked_answer
from server.approvals.keeping import announce, close_expired, step_has_ended
from server.core.errors import AlreadyDecided, Invalid, InvalidState
from server.core.logs import REDACTION
from server.engine.decisions import Decision
from server.engine.engine import Engine
from server.executions.kinship import with_open_below
from server.models.enums import FINAL_STATUSES, ApprovalKind, ApprovalStatus
from server.models.tables import Approval, Execution
from server.tools.wrappers import ArgumentsRefused
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, one_of_mine, require
from server.workspaces.listing import Page, PageAsk, read_page

NOTE_LIMIT = 4_000
GIVEN = "given"
WORDS = {
    ApprovalStatus.APPROVED: "approved",
    ApprovalStatus.REJECTED: "rejected",
    ApprovalStatus.MODIFIED: "changed and approved",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """`action` and `value` where the question offers choices; `arguments` with modify; `value` is
    what was filled in with answer. `remember` is kept for those who make rules of decisions."""

    verdict: Literal["approve", "reject", "modify", "choose", "answer"]
    note: str | None = None
    arguments: Any = None
    action: str | None = None
    value: Any = None
    remember: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """Without statuses: what waits for a decision now. `with_started`: also of what the execution
    has started, however deep, while that is open."""

    statuses: Sequence[ApprovalStatus] | None = None
    execution_id: UUID | None = None
    with_started: bool = False
    bot_id: UUID | None = None


async def list_approvals(
    viewer: Viewer, ask: PageAsk | None = None, where: ApprovalFilter | None = None
) -> Page[Approval]:
    """Newest first. What belongs to an execution that has ended waits for nobody."""
    require(viewer, "executions:read")
    where = where or ApprovalFilter()
    rows = mine(viewer, Approval).filter(status__in=list(where.statuses or _PENDING))
    if where.statuses is None:
        rows = rows.exclude(execution__status__in=list(FINAL_STATUSES))
    if where.execution_id is not None and where.with_started:
        rows = rows.filter(execution_id__in=await with_open_below(where.execution_id))
    elif where.execution_id is not None:
        rows = rows.filter(execution_id=where.execution_id)
    if where.bot_id is not None:
        rows = rows.filter(bot_id=where.bot_id)
    return await read_page(rows, ask or PageAsk())


async def get(viewer: Viewer, approval_id: UUID) -> Approval:
    """What asked may have ended a moment ago: its question waits no more, and that is soon written
    down."""
    require(viewer, "executions:read")
    row = await _one(viewer, approval_id)
    if row.status is ApprovalStatus.PENDING and await _is_over(row):
        row.status = ApprovalStatus.WITHDRAWN
    return row


async def _one(viewer: Viewer, approval_id: UUID) -> Approval:
    """Also for whoever may decide and not look around."""
    return await one_of_mine(viewer, Approval, approval_id, "approval")


async def decide(viewer: Viewer, engine: Engine, approval_id: UUID, answer: Answer) -> Approval:
    require(viewer, "approvals:decide")
    row = await _one(viewer, approval_id)
    await _still_open(engine, row)
    answer = _without_secrets(answer)
    status, decision = _checked(row, answer, viewer)
    await _check_fit(engine, row, decision)
    async with in_transaction():
        won = await Approval.filter(id=row.id, status=ApprovalStatus.PENDING).update(
            status=status,
            decision=decision.to_json() | ({"remember": True} if answer.remember else {}),
            decided_by_id=viewer.user_id,
            decided_by=decision.by,
            decided_at=engine.clock.now(),
        )
        if won:
            subject = audit.Subject("approval", row.id, row.tool or row.kind.value)
            change = audit.Change({"status": "pending"}, {"status": status.value}, answer.note)
            await audit.record(viewer, "approval.decided", subject, change, engine.clock)
    row = await _one(viewer, approval_id)
    if not won:
        raise _too_late(row)
    await announce(engine, row)
    return row


# --- inside ---------------------------------------------------------------------------------


async def _still_open(engine: Engine, row: Approval) -> None:
    if row.status is not ApprovalStatus.PENDING:
        raise _too_late(row)
    if row.expires_at <= engine.clock.now():
        await close_expired(engine.clock, row.id)
        await row.refresh_from_db()
        await announce(engine, row)
        raise _too_late(row)
    execution = await Execution.get(id=row.execution_id).only("status")
    if execution.status in FINAL_STATUSES:
        message = f"The execution is {execution.status.value}; there is nothing left to decide."
        raise InvalidState(message)
    if await step_has_ended(row):
        raise InvalidState("The step that asked has ended; there is nothing left to decide.")


async def _is_over(row: Approval) -> bool:
    ended = Execution.filter(id=row.execution_id, status__in=list(FINAL_STATUSES))
    return await ended.exists() or await step_has_ended(row)


def _without_secrets(answer: Answer) -> Answer:
    return replace(
        answer,
        note=None if answer.note is None else REDACTION.kept(answer.note),
        arguments=REDACTION.kept_value(answer.arguments),
        value=REDACTION.kept_value(answer.value),
    )


def _checked(row: Approval, answer: Answer, viewer: Viewer) -> tuple[ApprovalStatus, Decision]:
    if answer.note is not None and len(answer.note) > NOTE_LIMIT:
        path = [answer.verdict, "reason" if answer.verdict == "reject" else "note"]
        raise Invalid(f"A {path[1]} has at most {NOTE_LIMIT} characters.", path=path)
    by = viewer.name or viewer.email
    if row.kind is ApprovalKind.QUESTION:
        status, value = checked_answer(viewer, row, answer)
        return status, Decision(
            status.value, row.arguments_hash, value=value, note=answer.note, by=by
        )
    if row.kind is ApprovalKind.TOOL:
        status = _verdict_on_tool(answer)
        action = None
    elif row.kind is ApprovalKind.REMEDY and answer.verdict == "modify":
        action, status = _edit(row, answer), ApprovalStatus.MODIFIED
    else:
        action = _choice(row, answer)
        status = ApprovalStatus.REJECTED if action == "fail" else ApprovalStatus.APPROVED
    verdict: Any = status.value
    arguments = answer.arguments if status is ApprovalStatus.MODIFIED else None
    return status, Decision(
        verdict, row.arguments_hash, action, arguments, answer.value, answer.note, by
    )


def _verdict_on_tool(answer: Answer) -> ApprovalStatus:
    match answer.verdict:
        case "approve":
            return ApprovalStatus.APPROVED
        case "reject":
            return ApprovalStatus.REJECTED
        case "modify":
            return _with_arguments(answer)
        case _:
            message = "This asks whether a tool may be used: approve, reject or modify it."
            raise Invalid(message, path=[answer.verdict])


def _with_arguments(answer: Answer) -> Literal[ApprovalStatus.MODIFIED]:
    if not isinstance(answer.arguments, dict):
        raise Invalid("Arguments are an object.", path=["modify", "arguments"])
    return ApprovalStatus.MODIFIED


def _edit(row: Approval, answer: Answer) -> str:
    """Another try with something else: the arguments of a tool, or the input of an entity."""
    if GIVEN not in row.arguments:
        choices: list[str] = row.choices or []
        message = f"What this step is given cannot be changed: choose one of {', '.join(choices)}."
        raise Invalid(message, path=["modify"])
    if row.tool is not None:
        _with_arguments(answer)
    return "retry"


async def _check_fit(engine: Engine, row: Approval, decision: Decision) -> None:
    """There is one decision: arguments that the tool would refuse must not use it up."""
    if decision.arguments is None or row.tool is None:
        return
    tool = (await engine.catalogues(row.workspace_id)).get(row.tool)
    issues = [] if tool is None else tool.issues(decision.arguments)
    if issues:
        message = ArgumentsRefused(row.tool, issues).message
        raise Invalid(message, path=["modify", "arguments"])


def _choice(row: Approval, answer: Answer) -> str:
    """A failure is answered with an action: approving tries again, refusing lets it fail. What may
    have happened already is not done again by a plain yes."""
    choices: list[str] = row.choices or []
    remedy = row.kind is ApprovalKind.REMEDY
    match answer.verdict:
        case "approve" if remedy:
            return "retry"
        case "reject" if remedy:
            return "fail"
        case "choose" if answer.action in choices:
            return answer.action
        case _:
            message = f"Choose one of {', '.join(choices)}."
            raise Invalid(message, path=["choose", "action"])


def _too_late(row: Approval) -> InvalidState | AlreadyDecided:
    when = _moment(row.decided_at)
    if row.status is ApprovalStatus.EXPIRED:
        return InvalidState(f"Nobody decided in time: this expired on {_moment(row.expires_at)}.")
    if row.status is ApprovalStatus.WITHDRAWN:
        return InvalidState("What asked this has ended; there is nothing left to decide.")
    word = WORDS.get(row.status, "decided")
    action = (row.decision or {}).get("action")
    chosen = f" ({action})" if action else ""
    return AlreadyDecided(f"{row.decided_by or 'Somebody'} {word} this{chosen} on {when}.")


def _moment(at: datetime | None) -> str:
    return "an unknown day" if at is None else f"{at:%Y-%m-%d at %H:%M:%S} UTC"


_PENDING = (ApprovalStatus.PENDING,)
