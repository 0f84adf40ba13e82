"""The questions of executions, kept until somebody has decided or their time is up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError

from server.approvals.telling import changed, question_is_over, tell_of_question
from server.bus.notices import Notices
from server.core.clock import Clock
from server.core.errors import Unavailable
from server.core.ids import new_uuid, public_id
from server.engine.control import Target
from server.engine.decisions import Asked, Decision, Question
from server.engine.engine import Engine
from server.engine.events import ApprovalDecided, ApprovalExpired, ExecutionEvent
from server.engine.writer import Identity
from server.models.away import is_away
from server.models.enums import FINAL_STATUSES, ApprovalStatus, StepStatus
from server.models.tables import Approval, Step
from server.workspaces.notifications import Notifier

BATCH = 200
ENDED = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED)
OF_ENDED_STEPS = f"""SELECT a.id FROM approvals a
JOIN steps s ON s.execution_id = a.execution_id AND s.key = a.step_key
WHERE a.told = FALSE AND a.status = '{ApprovalStatus.PENDING}'
    AND s.status IN ({", ".join(f"'{status}'" for status in ENDED)})
LIMIT {BATCH}"""


class Approvals:
    """What the engine asks (Deciding), and what becomes of questions by themselves."""

    def __init__(self, clock: Clock, notices: Notices) -> None:
        self._clock = clock
        self._notices = notices
        self._notifier = Notifier(clock, notices)

    async def ask(self, identity: Identity, question: Question) -> Asked:
        """Idempotent by execution, question and arguments."""
        try:
            return await self._asked(identity, question)
        except Exception as error:
            if is_away(error):
                raise Unavailable("The database cannot be reached.") from error
            raise

    async def _asked(self, identity: Identity, question: Question) -> Asked:
        key = f"{question.key}:{question.hash[:16]}"
        row = await Approval.get_or_none(execution_id=identity.id, key=key)
        if row is None:
            row = await self._made(identity, question, key)
            await tell_of_question(self._notices, self._notifier, row)
        if row.status is ApprovalStatus.PENDING and row.expires_at <= self._clock.now():
            await close_expired(self._clock, row.id)
            await row.refresh_from_db()
            changed(self._notices, row)
        return Asked(row.id, row.expires_at.isoformat(), decision_of(row))

    async def tick(self, engine: Engine) -> None:
        """Closes what is too late or not wanted any more, and tells executions what they have not
        heard: a process may have died between a decision and its telling."""
        now = self._clock.now()
        waiting = Approval.filter(told=False, status=ApprovalStatus.PENDING)
        for row in await waiting.filter(expires_at__lte=now).limit(BATCH).only("id"):
            await close_expired(self._clock, row.id)
        over = waiting.filter(execution__status__in=list(FINAL_STATUSES)).limit(BATCH)
        rows = await over.only("id", "workspace_id")
        rows += await waiting.filter(id__in=await _of_ended_steps()).only("id", "workspace_id")
        if rows:
            ids = [row.id for row in rows]
            await Approval.filter(id__in=ids, status=ApprovalStatus.PENDING).update(
                status=ApprovalStatus.WITHDRAWN, decided_at=now, told=True
            )
        for row in rows:
            await question_is_over(self._notices, self._notifier, row)
        unheard = Approval.filter(told=False).exclude(status=ApprovalStatus.PENDING)
        for row in await unheard.limit(BATCH):
            await announce(engine, row)

    async def _made(self, identity: Identity, question: Question, key: str) -> Approval:
        now = self._clock.now()
        row = Approval(
            id=new_uuid(),
            workspace_id=identity.workspace_id,
            execution_id=identity.id,
            bot_id=identity.bot_id,
            key=key,
            step_key=question.step_key,
            kind=question.kind,
            status=ApprovalStatus.PENDING,
            tool=question.tool,
            arguments_hash=question.hash,
            entity=question.entity,
            goal=question.goal,
            reason=question.reason,
            created_at=now,
            expires_at=now + timedelta(seconds=question.expires_in),
        )
        row.arguments = question.shown
        row.choices = list(question.choices) or None
        row.diagnosis = question.diagnosis
        try:
            await row.save(force_create=True)
        except IntegrityError:
            return await Approval.get(execution_id=identity.id, key=key)
        return row


def decision_of(row: Approval) -> Decision | None:
    match row.status:
        case ApprovalStatus.PENDING:
            return None
        case ApprovalStatus.EXPIRED | ApprovalStatus.WITHDRAWN:
            return Decision("expired", row.arguments_hash)
        case _:
            return Decision.from_json(row.decision)


async def close_expired(clock: Clock, approval_id: UUID) -> bool:
    """False when somebody was faster."""
    closed = await Approval.filter(id=approval_id, status=ApprovalStatus.PENDING).update(
        status=ApprovalStatus.EXPIRED, decided_at=clock.now()
    )
    return bool(closed)


async def step_has_ended(row: Approval) -> bool:
    """Nobody waits for the answer: a branch beside it failed, and that broke the step off."""
    return await Step.filter(
        execution_id=row.execution_id, key=row.step_key, status__in=ENDED
    ).exists()


async def _of_ended_steps() -> list[UUID]:
    db: Any = Approval._meta.db  # pyright: ignore[reportPrivateUsage]
    rows: list[dict[str, Any]] = await db.execute_query_dict(OF_ENDED_STEPS)
    return [UUID(str(row["id"])) for row in rows]


async def announce(engine: Engine, row: Approval) -> None:
    """Into the log of the execution, to whoever looks at the list, and wake it."""
    target = Target(row.workspace_id, row.execution_id)
    if row.status is ApprovalStatus.EXPIRED:
        changed(engine.bus.notices, row)
    else:
        notifier = Notifier(engine.clock, engine.bus.notices)
        await question_is_over(engine.bus.notices, notifier, row)
    await engine.control.say(target, _event(row), row.step_key)
    await engine.kin.wake(row.execution_id)
    await Approval.filter(id=row.id).update(told=True)


def _event(row: Approval) -> ExecutionEvent:
    approval_id = public_id("approval", row.id)
    if row.status is ApprovalStatus.EXPIRED:
        return ApprovalExpired(approval_id=approval_id)
    decision: dict[str, Any] = row.decision or {}
    return ApprovalDecided(
        approval_id=approval_id,
        verdict=decision.get("action") or row.status.value,
        by=row.decided_by,
        note=decision.get("note"),
        arguments=decision.get("arguments"),
    )
