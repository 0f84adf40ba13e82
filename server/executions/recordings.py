"""Recordings: the answers of an execution that has ended, kept to be given again at no cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from server.core.clock import Clock
from server.core.errors import Invalid, InvalidState, LimitReached
from server.core.ids import new_uuid, split_id
from server.engine.blobs import Blobs
from server.engine.engine import Engine
from server.engine.store import UNSET, Unset
from server.executions import service
from server.executions.replaying import recording_in_trigger, use_question
from server.executions.service import StartRequest
from server.llm.recorded_answers import MODEL, TOOL, tool_question
from server.models.enums import ExecutionMode, ExecutionStatus, StepStatus
from server.models.tables import Execution, ModelCall, RecordedAnswer, Recording, Step
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, one_of_mine, require
from server.workspaces.listing import Page, PageAsk, read_page

MOST_OF_A_BOT = 100
NAME_LIMIT = 200
_MOST_FORKS = 20
_AT_ONCE = 50
_TOOLS = ("tool", "use")
_ENDED = (StepStatus.COMPLETED, StepStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The recording that a start replays, and what its program is given."""

    recording: Recording
    input: Any
    trigger: dict[str, Any]


async def start(viewer: Viewer, engine: Engine, request: StartRequest) -> Execution:
    """The one way to start in any mode: in recorded mode it finds what is replayed."""
    if request.mode is not ExecutionMode.RECORDED:
        if request.recording is not None:
            message = "Only the mode RECORDED replays a recording."
            raise Invalid(message, path=["recordingId"])
        return await service.start(viewer, engine, request)
    require(viewer, "executions:run")
    named = request.recording
    chosen = await choose(viewer, engine.clock, request.bot_id, named, request.input)
    trigger = {**chosen.trigger, **request.trigger}
    given = replace(request, input=chosen.input, trigger=trigger)
    return await service.start(viewer, engine, given)


async def keep(
    viewer: Viewer, clock: Clock, execution_id: UUID, name: str | None = None
) -> Recording:
    """Everything that its models answered and its tools gave. What a repeat took over from an
    earlier execution is kept with it."""
    require(viewer, "executions:run")
    source = await service.one(viewer, execution_id)
    if not source.status.final:
        message = f"This execution is {source.status.value}; only an ended one can be kept."
        raise InvalidState(message, hint="Wait for its end.")
    title = _checked_name(name) or f"Execution of {source.created_at:%Y-%m-%d %H:%M}"
    if await mine(viewer, Recording).filter(bot_id=source.bot_id).count() >= MOST_OF_A_BOT:
        message = f"A bot has at most {MOST_OF_A_BOT} recordings."
        raise LimitReached(message, hint="Delete one that is not needed any more.")
    rows = await _answers_of(source)
    if not rows:
        raise InvalidState("No model and no tool answered in this execution: nothing to keep.")
    return await _stored(viewer, clock, source, title, rows)


async def list_recordings(
    viewer: Viewer, ask: PageAsk | None = None, bot_id: UUID | None = None
) -> Page[Recording]:
    require(viewer, "executions:read")
    rows = mine(viewer, Recording)
    rows = rows if bot_id is None else rows.filter(bot_id=bot_id)
    return await read_page(rows, ask or PageAsk())


async def get(viewer: Viewer, recording_id: UUID) -> Recording:
    require(viewer, "executions:read")
    return await one_of_mine(viewer, Recording, recording_id, "recording")


async def delete(viewer: Viewer, recording_id: UUID) -> Recording:
    """Executions that replayed it stay as they are."""
    require(viewer, "executions:run")
    row = await one_of_mine(viewer, Recording, recording_id, "recording")
    while (
        ids := await RecordedAnswer.filter(recording_id=row.id)
        .limit(500)
        .values_list("id", flat=True)
    ):
        await RecordedAnswer.filter(id__in=list(ids)).delete()
    async with in_transaction():
        await Recording.filter(id=row.id).delete()
        subject = audit.Subject("recording", row.id, row.name)
        await audit.record(viewer, "recording.deleted", subject)
    return row


async def choose(
    viewer: Viewer, clock: Clock, bot_id: UUID, named: str | None, given: Any
) -> Chosen:
    """`named`: a recording or an execution by its id; None: the bot's newest recording, one of the
    same input before others, else its last live execution that completed. Without an input the
    recorded one counts."""
    recording = await _named(viewer, clock, bot_id, named) if named else None
    recording = recording or await _newest(viewer, bot_id, given)
    if recording is None:
        recording = await _of_last_execution(viewer, clock, bot_id)
    if recording is None:
        raise InvalidState(
            "Nothing of this bot is recorded yet.",
            hint="Run it live once; its answers can be replayed from then on. Or run it in demo.",
            path=["mode"],
        )
    was: dict[str, Any] = recording.given or {}
    trigger = {**(was.get("trigger") or {}), **recording_in_trigger(recording.id, recording.name)}
    return Chosen(recording, was.get("input") if isinstance(given, Unset) else given, trigger)


# --- which one ------------------------------------------------------------------------------


async def _named(viewer: Viewer, clock: Clock, bot_id: UUID, named: str) -> Recording:
    match split_id(named):
        case "execution", row_id:
            rows = mine(viewer, Recording).filter(execution_id=row_id)
            recording = await rows.order_by("-id").first() or await keep(viewer, clock, row_id)
        case "recording", row_id:
            recording = await one_of_mine(viewer, Recording, row_id, "recording")
        case _:
            message = "It is named by its id, `rec_…`, or by that of an execution, `exe_…`."
            raise Invalid(message, path=["recordingId"])
    if recording.bot_id != bot_id:
        raise Invalid("This recording is of another bot.", path=["recordingId"])
    return recording


async def _newest(viewer: Viewer, bot_id: UUID, given: Any) -> Recording | None:
    rows = mine(viewer, Recording).filter(bot_id=bot_id)
    found = await rows.order_by("-id").limit(MOST_OF_A_BOT)
    same = (row for row in found if given is not UNSET and (row.given or {}).get("input") == given)
    return next(same, found[0] if found else None)


async def _of_last_execution(viewer: Viewer, clock: Clock, bot_id: UUID) -> Recording | None:
    rows = mine(viewer, Execution).filter(
        bot_id=bot_id, status=ExecutionStatus.COMPLETED, mode=ExecutionMode.LIVE
    )
    last = await rows.order_by("-id").first()
    if last is None or not await _answers_of(last):
        return None
    return await keep(viewer, clock, last.id)


# --- what is kept ---------------------------------------------------------------------------


async def _answers_of(source: Execution) -> list[RecordedAnswer]:
    """Of the execution itself, and of those it goes back to what it took over."""
    found: list[RecordedAnswer] = []
    wanted: set[str] | None = None
    row: Execution | None = source
    for _ in range(_MOST_FORKS):
        if row is None or wanted == set():
            break
        of_use = Q(type__in=_TOOLS) | Q(reused=True)  # a large map has many others
        steps = await Step.filter(of_use, execution_id=row.id)
        found += await _own(row.id, [step for step in steps if _is_own(step, wanted)], wanted)
        taken = _taken_over(steps)
        wanted = taken if wanted is None else taken & wanted
        row = await Execution.get_or_none(id=row.forked_from_id) if row.forked_from_id else None
    return found


def _taken_over(steps: list[Step]) -> set[str]:
    """Also the entities whose first turns were."""
    reused = [step for step in steps if step.reused]
    return {step.key for step in reused} | {
        step.parent_key for step in reused if step.type == "tool" and step.parent_key
    }


def _is_own(step: Step, wanted: set[str] | None) -> bool:
    return not step.reused and (wanted is None or step.key in wanted)


async def _own(
    execution_id: UUID, steps: list[Step], wanted: set[str] | None
) -> list[RecordedAnswer]:
    whole = Blobs().whole
    calls = ModelCall.filter(execution_id=execution_id, answer__isnull=False).order_by("id")
    found = [
        RecordedAnswer(
            step_key=call.step_key,
            kind=MODEL,
            question=call.question,
            answer=await whole(call.answer),
        )
        for call in await calls.only("id", "step_key", "question", "answer")
        if call.question and (wanted is None or call.step_key in wanted)
    ]
    for step in steps:
        if step.type in _TOOLS and step.status in _ENDED:
            result = {"output": await whole(step.output), "error": step.error}
            question = (
                use_question(step.name, step.key)
                if step.type == "use"
                else tool_question(step.name, await whole(step.input))
            )
            found.append(
                RecordedAnswer(step_key=step.key, kind=TOOL, question=question, answer=result)
            )
    return found


async def _stored(
    viewer: Viewer, clock: Clock, source: Execution, name: str, rows: list[RecordedAnswer]
) -> Recording:
    whole = Blobs().whole
    given = {"input": await whole(source.input), "trigger": await whole(source.trigger)}
    async with in_transaction() as connection:
        recording = await Recording.create(
            using_db=connection,
            id=new_uuid(),
            workspace_id=viewer.workspace_id,
            bot_id=source.bot_id,
            version_id=source.version_id,
            execution_id=source.id,
            name=name,
            given=given,
            answers=len(rows),
            created_by_id=viewer.user_id,
            created_at=clock.now(),
        )
        for some in _portions(rows):
            for row in some:
                row.recording_id = recording.id
            await RecordedAnswer.bulk_create(some, using_db=connection)
        subject = audit.Subject("recording", recording.id, name)
        await audit.record(viewer, "recording.kept", subject, clock=clock)
    return recording


def _portions(rows: list[RecordedAnswer]) -> Iterator[list[RecordedAnswer]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]


def _checked_name(name: str | None) -> str | None:
    text = (name or "").strip()
    if len(text) > NAME_LIMIT:
        raise Invalid(f"A name has at most {NAME_LIMIT} characters.", path=["name"])
    return text or None
