"""Executions: what ran, what runs, and how to start and stop it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from server.api.access import mutation, query
from server.api.budgets import office_of
from server.api.comparators import (
    DateComparator,
    ExecutionModeComparator,
    ExecutionStatusComparator,
    TriggerKindComparator,
    any_of,
)
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.execution_columns import columns_for
from server.api.execution_types import Execution, beside
from server.api.inputs import build_quickly
from server.api.kinds import (
    ControlAction,
    ExecutionMode,
    OrderDirection,
    RerunVersion,
    TriggerKind,
)
from server.api.relay import Connection, connection_of
from server.api.scalars import Cursor
from server.api.turns import concurrency_key_field, priority_field
from server.core.errors import Invalid, NotFound
from server.core.ids import read_id
from server.core.paging import page_size
from server.costs.service import refuse_if_spent
from server.engine.conversation import CONVERSATION
from server.engine.store import UNSET
from server.executions import conversation, recordings, service
from server.executions.modifying import Changes, modify
from server.executions.priority import set_priority
from server.executions.rerun import RerunRequest, rerun
from server.workspaces.listing import PageAsk

REASON_LIMIT = 1_000


@strawberry.input(description="Which executions. Every field that is given must hold.")
class ExecutionFilter:
    bot_id: strawberry.ID | None = strawberry.field(default=None, description="Of this bot.")
    status: ExecutionStatusComparator | None = strawberry.field(
        default=None, description="By status."
    )
    mode: ExecutionModeComparator | None = strawberry.field(default=None, description="By mode.")
    trigger_kind: TriggerKindComparator | None = strawberry.field(
        default=None, description="By what started it."
    )
    created_at: DateComparator | None = strawberry.field(
        default=None, description="By when it was accepted."
    )


@strawberry.enum(description="What executions are sorted by.")
class ExecutionOrderField(StrEnum):
    CREATED_AT = "created_at"


@strawberry.input(description="How executions are sorted.")
class ExecutionOrder:
    field: ExecutionOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="Which way."
    )


async def executions_page(
    info: Info,
    ask: PageAsk,
    given: ExecutionFilter | None,
    order: list[ExecutionOrder] | None,
    bot_id: UUID | None = None,
) -> Connection[Execution]:
    """The one way to a list of executions, of the workspace or of one bot."""
    if order and len(order) > 1:
        raise Invalid("Executions are sorted by one field.", path=["orderBy"])
    falling = not order or order[0].direction is OrderDirection.DESC
    columns = columns_for(info.context.fields)
    asker = info.context.asker
    if bot_id is not None and ask.plain and falling and given is None:
        key = (bot_id, page_size(ask.first), columns)
        page = await info.context.loaders.first_executions.load(key)
    else:
        where = where_of(given or ExecutionFilter(), bot_id)
        page = await service.list_executions(asker, ask, where, descending=falling, columns=columns)
    around = await beside(info, page.rows)
    return connection_of(page, Connection[Execution], partial(Execution.of, beside=around))


def where_of(given: ExecutionFilter, bot_id: UUID | None = None) -> service.ExecutionFilter:
    created = given.created_at or DateComparator()
    if given.bot_id is not None and bot_id is None:
        bot_id = read_id("bot", given.bot_id)
    return service.ExecutionFilter(
        bot_id=bot_id,
        statuses=any_of(given.status),
        modes=any_of(given.mode),
        trigger_kinds=any_of(given.trigger_kind),
        created_from=created.since(datetime.now(UTC)),
        created_after=created.gt,
        created_to=created.lte,
        created_before=created.lt,
    )


@strawberry.type
class ExecutionQueries:
    @query("executions:read", "The executions of the workspace, the latest first by default.")
    async def executions(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: ExecutionFilter | None = None,
        order_by: list[ExecutionOrder] | None = None,
    ) -> Connection[Execution]:
        return await executions_page(info, PageAsk(first, after, last, before), filter, order_by)

    @query("executions:read", "One execution; null when there is none with this id.")
    async def execution(self, info: Info, id: strawberry.ID) -> Execution | None:
        try:
            return Execution.of(await service.get(info.context.asker, read_id("execution", id)))
        except NotFound:
            return None


# --- changes --------------------------------------------------------------------------------


@strawberry.enum(description="Who said it.")
class ConversationRole(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"


@strawberry.input(description="Something that was said before.")
class ConversationMessageInput:
    role: ConversationRole = strawberry.field(description="Who said it.")
    content: str = strawberry.field(description="The words.")


@strawberry.input(description="Input of `startExecution`.")
class StartExecutionInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    input: JSON | None = strawberry.field(
        default=strawberry.UNSET,
        description="What it is given; the program's own `run(…)` counts when absent, in mode "
        "RECORDED what was given then.",
    )
    version_id: strawberry.ID | None = strawberry.field(
        default=None, description="A version to run; the draft as it is now when absent."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 200 characters. A second request with the same key answers with the "
        "execution of the first.",
    )
    mode: ExecutionMode = strawberry.field(
        default=ExecutionMode.LIVE, description="How models and tools are reached."
    )
    recording_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="In mode RECORDED, what is replayed: a recording, `rec_…`, or an ended "
        "execution, `exe_…`, which is kept as one. When absent the bot's newest recording, one of "
        "the same input first, else its last live execution that completed.",
    )
    conversation: list[ConversationMessageInput] | None = strawberry.field(
        default=None,
        description="What was said before, the earliest first, at most 1,000 messages. Entities "
        "with `history: inherit`, the default, are told it before their input.",
    )
    continues: strawberry.ID | None = strawberry.field(
        default=None,
        description="A completed execution of the bot: its conversation, its input and its output "
        "are what was said before.",
    )
    queue_seconds: float | None = strawberry.field(
        default=None, description="How long it may wait for a worker; for ever when absent."
    )
    priority: int = priority_field()
    concurrency_key: str | None = concurrency_key_field()


build_quickly(StartExecutionInput)


@strawberry.type(description="Answer of `startExecution`.")
class StartExecutionPayload:
    execution: Execution | None = strawberry.field(
        default=None, description="The execution, stored for good."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `controlExecution`.")
class ControlExecutionInput:
    execution_id: strawberry.ID = strawberry.field(description="The execution.")
    action: ControlAction = strawberry.field(description="What to do with it.")
    reason: str | None = strawberry.field(
        default=None, description="Why, in at most 1000 characters; kept with the execution."
    )


@strawberry.type(description="Answer of `controlExecution`.")
class ControlExecutionPayload:
    execution: Execution | None = strawberry.field(
        default=None, description="The execution as it is now; a running one stops a moment later."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `setExecutionPriority`.")
class SetExecutionPriorityInput:
    execution_id: strawberry.ID = strawberry.field(description="An execution that waits.")
    priority: int = strawberry.field(
        description="1 to 9: in its workspace 9 goes first and 1 last; 5 unless given."
    )


@strawberry.type(description="Answer of `setExecutionPriority`.")
class SetExecutionPriorityPayload:
    execution: Execution | None = strawberry.field(
        default=None, description="The execution with its new priority."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `rerunExecution`.")
class RerunExecutionInput:
    execution_id: strawberry.ID = strawberry.field(description="An execution that has ended.")
    from_step: str | None = strawberry.field(
        default=None,
        description="Key of the first step that is done anew; when absent all that failed and was "
        "not caught, else the first step. The key of a tool call of a model begins inside its "
        "entity: the turns before it stay.",
    )
    from_seq: int | None = strawberry.field(
        default=None,
        description="In place of `fromStep`, the number of an event: what was finished by then is "
        "taken over, everything else is done anew.",
    )
    only_failed: bool = strawberry.field(
        default=False,
        description="In place of `fromStep`: all that failed is done anew and what follows from "
        "it, also what the program went on without: `on_error`, items of a map and branches with "
        "`errors: collect` or `skip`.",
    )
    version: RerunVersion = strawberry.field(
        default=RerunVersion.SAME, description="Which program is run."
    )
    input: JSON | None = strawberry.field(
        default=strawberry.UNSET,
        description="Another input of the whole execution; the earlier one counts when absent.",
    )
    outputs: JSON | None = strawberry.field(
        default=None,
        description="An object from step keys to results that take the place of the earlier ones; "
        "one for `fromStep` itself passes that step by. The sign of a large value (`$large`) of "
        "this execution means the value.",
    )
    skip: list[str] | None = strawberry.field(
        default=None,
        description="Keys of steps to go on without: as with `outputs`, with the input of each in "
        "the place of its result.",
    )
    arguments: JSON | None = strawberry.field(
        default=strawberry.UNSET,
        description="An object: what the tool call of a model that is named in `fromStep` is made "
        "with.",
    )
    models: JSON | None = strawberry.field(
        default=None,
        description="An object from names of entities to the models that they ask in the new "
        "execution, in the place of those that the program names.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 200 characters. A second request with the same key answers with the "
        "execution of the first.",
    )


@strawberry.type(description="Answer of `rerunExecution`.")
class RerunExecutionPayload:
    execution: Execution | None = strawberry.field(
        default=None, description="The new execution; the earlier one stays as it is."
    )
    errors: list[UserError] = payload_errors()


@strawberry.input(description="Input of `modifyExecution`; what is absent stays as it is.")
class ModifyExecutionInput:
    execution_id: strawberry.ID = strawberry.field(description="An execution that has not ended.")
    entity: str = strawberry.field(description="The name of one of its entities.")
    goal: str | None = strawberry.field(default=None, description="Another goal.")
    description: str | None = strawberry.field(default=None, description="Another description.")
    tools: list[str] | None = strawberry.field(
        default=None,
        description="Other tools, by their names. One that the program lets it use only after a "
        "question (`can_request`) keeps its question.",
    )
    notes: str | None = strawberry.field(default=None, description="Added to its goal.")
    model: str | None = strawberry.field(
        default=None, description="Another model, as `provider:model`."
    )


@strawberry.type(description="Answer of `modifyExecution`.")
class ModifyExecutionPayload:
    execution: Execution | None = strawberry.field(
        default=None, description="The execution; the change holds from the entity's next call on."
    )
    errors: list[UserError] = payload_errors()


def _models(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise Invalid("Models are an object from names of entities to models.", path=["models"])
    return given


@strawberry.type
class ExecutionMutations:
    @mutation(
        "executions:run",
        RerunExecutionPayload,
        "Does an ended execution again from one of its steps, as a new one: earlier results are "
        "reused at no cost. Errors: NOT_FOUND, INVALID_INPUT for what does not fit, INVALID_STATE "
        "while it has not ended, BAL_INVALID when the draft has mistakes, IDEMPOTENCY_MISMATCH.",
    )
    async def rerun_execution(
        self, info: Info, input: RerunExecutionInput
    ) -> RerunExecutionPayload:
        outputs = input.outputs
        if outputs is not None and not isinstance(outputs, dict):
            raise Invalid("Outputs are an object from step keys to results.", path=["outputs"])
        request = RerunRequest(
            execution_id=read_id("execution", input.execution_id),
            from_step=input.from_step,
            from_seq=input.from_seq,
            only_failed=input.only_failed,
            version=input.version.value,
            input=UNSET if input.input is strawberry.UNSET else input.input,
            outputs=outputs or {},
            skip=tuple(input.skip or ()),
            arguments=UNSET if input.arguments is strawberry.UNSET else input.arguments,
            models=_models(input.models),
            idempotency_key=input.idempotency_key,
        )
        row = await rerun(info.context.asker, info.context.rooms.engine, request)
        return RerunExecutionPayload(execution=Execution.of(row))

    @mutation(
        "executions:control",
        ModifyExecutionPayload,
        "Changes an entity for the rest of one execution. Errors: NOT_FOUND, INVALID_INPUT for an "
        "unknown entity or tool, INVALID_STATE when it has ended.",
    )
    async def modify_execution(
        self, info: Info, input: ModifyExecutionInput
    ) -> ModifyExecutionPayload:
        row = await modify(
            info.context.asker,
            info.context.rooms.engine,
            read_id("execution", input.execution_id),
            input.entity,
            Changes(input.goal, input.description, input.tools, input.notes, input.model),
        )
        return ModifyExecutionPayload(execution=Execution.of(row))

    @mutation(
        "executions:run",
        StartExecutionPayload,
        "Starts a bot; answers as soon as the execution is stored for good. Errors: NOT_FOUND, "
        "BAL_INVALID, INVALID_INPUT when the input does not fit, INVALID_STATE, "
        "IDEMPOTENCY_MISMATCH, UNAVAILABLE.",
    )
    async def start_execution(
        self, info: Info, input: StartExecutionInput
    ) -> StartExecutionPayload:
        asker = info.context.asker
        version = None if input.version_id is None else read_id("version", input.version_id)
        request = service.StartRequest(
            bot_id=read_id("bot", input.bot_id),
            input=UNSET if input.input is strawberry.UNSET else input.input,
            version_id=version,
            idempotency_key=input.idempotency_key,
            mode=input.mode,
            queue_seconds=input.queue_seconds,
            priority=input.priority,
            concurrency_key=input.concurrency_key,
            recording=input.recording_id,
            trigger=await _said_before(info, input),
            trigger_kind=TriggerKind.API if asker.via_token else TriggerKind.MANUAL,
        )
        if request.mode is ExecutionMode.LIVE:
            await refuse_if_spent(asker, office_of(info), request.bot_id)
        row = await recordings.start(asker, info.context.rooms.engine, request)
        return StartExecutionPayload(execution=Execution.of(row))

    @mutation(
        "executions:control",
        ControlExecutionPayload,
        "Stops an execution, holds it before its next step, lets it go on or take one step. "
        "Errors: NOT_FOUND, INVALID_STATE with its status when that is not possible.",
    )
    async def control_execution(
        self, info: Info, input: ControlExecutionInput
    ) -> ControlExecutionPayload:
        row = await service.control(
            info.context.asker,
            info.context.rooms.engine,
            read_id("execution", input.execution_id),
            input.action.value,
            checked_reason(input.reason),
        )
        return ControlExecutionPayload(execution=Execution.of(row))

    @mutation(
        "executions:control",
        SetExecutionPriorityPayload,
        "Gives an execution that waits or is paused another priority; in the queue it counts at "
        "once. Errors: NOT_FOUND, INVALID_INPUT outside 1 to 9, INVALID_STATE when it runs or has "
        "ended.",
    )
    async def set_execution_priority(
        self, info: Info, input: SetExecutionPriorityInput
    ) -> SetExecutionPriorityPayload:
        row = await set_priority(
            info.context.asker,
            info.context.rooms.engine,
            read_id("execution", input.execution_id),
            input.priority,
        )
        return SetExecutionPriorityPayload(execution=Execution.of(row))


def checked_reason(reason: str | None) -> str | None:
    if reason is not None and len(reason) > REASON_LIMIT:
        raise Invalid(f"A reason has at most {REASON_LIMIT} characters.", path=["reason"])
    return reason


async def _said_before(info: Info, input: StartExecutionInput) -> dict[str, Any]:
    if input.conversation and input.continues is not None:
        message = "Give the conversation itself, or the execution to continue."
        raise Invalid(message, path=["continues"])
    if input.continues is not None:
        said = await conversation.after(
            info.context.asker, input.continues, read_id("bot", input.bot_id)
        )
        return {CONVERSATION: said}
    if input.conversation:
        said = [(one.role.value, one.content) for one in input.conversation]
        return {CONVERSATION: conversation.checked(said)}
    return {}
