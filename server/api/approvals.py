"""Decisions of people: what waits for one, and making it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry
from strawberry.scalars import JSON

from server.api.access import mutation, query
from server.api.comparators import ApprovalStatusComparator, any_of
from server.api.context import Info
from server.api.diagnosis import Diagnosis
from server.api.errors import UserError, payload_errors
from server.api.execution_types import Execution
from server.api.kinds import ApprovalKind, ApprovalStatus
from server.api.relay import Connection, Node, connection_of
from server.api.scalars import Cursor
from server.approvals import service
from server.approvals.answers import fields_of
from server.approvals.service import Answer
from server.bal.types import to_json_schema
from server.core.errors import Invalid, NotFound
from server.core.ids import public_id, read_id
from server.executions import service as executions
from server.models import tables
from server.workspaces.listing import PageAsk

if TYPE_CHECKING:
    from server.api.bots import Bot


@strawberry.type(description="What the viewer may do with an approval now.")
class ApprovalPermissions:
    decide: bool = strawberry.field(description="Decide: it waits, and the viewer may.")


@strawberry.type(description="What an execution asks of a person before it goes on.")
class Approval(Node):
    row: strawberry.Private[tables.Approval]
    kind: ApprovalKind = strawberry.field(description="What is asked.")
    status: ApprovalStatus = strawberry.field(description="Where it stands.")
    step_key: str = strawberry.field(description="The step that waits.")
    tool: str | None = strawberry.field(description="The tool that is to be used.")
    arguments: JSON | None = strawberry.field(
        description="What it is to be used with; of a failure its kind and message, and in "
        "`given` what the step was given, where `modify` may put something else in its place."
    )
    arguments_hash: str = strawberry.field(
        description="A decision holds for these arguments and for no others."
    )
    entity: str | None = strawberry.field(description="The entity that asks.")
    goal: str | None = strawberry.field(description="What that entity is for.")
    reason: str | None = strawberry.field(description="Why it asks, such as a failure's message.")
    choices: list[str] = strawberry.field(
        description="What `choose` may name; empty when a tool is asked for."
    )
    fields: JSON | None = strawberry.field(
        description="Of a question: an object from the names of what to fill in to their types, "
        "in the words of BAL; `answer` gives a value for each."
    )
    answer_schema: JSON | None = strawberry.field(
        description="Of a question: the same as a JSON Schema, for a form."
    )
    to: str | None = strawberry.field(
        description="Of a question: the member or the role that is meant; null for everybody who "
        "may decide."
    )
    diagnosis: Diagnosis | None = strawberry.field(description="What a failure means.")
    created_at: datetime = strawberry.field(description="When it was asked.")
    expires_at: datetime = strawberry.field(description="When the question lapses.")
    decided_at: datetime | None = strawberry.field(description="When it was decided.")
    decided_by: str | None = strawberry.field(description="Who decided.")
    action: str | None = strawberry.field(description="What was chosen, where there were choices.")
    note: str | None = strawberry.field(description="What the person said to it.")
    modified_arguments: JSON | None = strawberry.field(
        description="What the person put in the place of the arguments."
    )
    answer: JSON | None = strawberry.field(description="Of a question: what the person answered.")

    @strawberry.field(description="The execution that waits.")
    async def execution(self, info: Info) -> Execution | None:
        try:
            return Execution.of(await executions.get(info.context.asker, self.row.execution_id))
        except NotFound:
            return None

    @strawberry.field(description="Its bot; null when it is gone.")
    async def bot(self, info: Info) -> Annotated[Bot, strawberry.lazy("server.api.bots")] | None:
        from server.api.bots import Bot

        row = await info.context.loaders.bot.load(self.row.bot_id)
        return Bot.of(row) if row is not None else None

    @strawberry.field(description="What the viewer may do with it now.")
    def viewer_can(self, info: Info) -> ApprovalPermissions:
        waits = self.row.status is ApprovalStatus.PENDING
        return ApprovalPermissions(decide=waits and info.context.asker.can("approval")["decide"])

    @classmethod
    def of(cls, row: tables.Approval) -> Approval:
        decision: dict[str, Any] = row.decision or {}
        asks = row.kind is ApprovalKind.QUESTION
        question: dict[str, Any] = row.arguments if asks else {}
        return cls(
            row=row,
            id=strawberry.ID(public_id("approval", row.id)),
            kind=row.kind,
            status=row.status,
            step_key=row.step_key,
            tool=row.tool,
            arguments=row.arguments,
            arguments_hash=row.arguments_hash,
            entity=row.entity,
            goal=row.goal,
            reason=row.reason,
            choices=cast("list[str]", row.choices or []),
            fields=question.get("fields"),
            answer_schema=_schema_of(question) if asks else None,
            to=question.get("to"),
            answer=decision.get("value") if asks else None,
            diagnosis=Diagnosis.of(row.diagnosis),
            created_at=row.created_at,
            expires_at=row.expires_at,
            decided_at=row.decided_at,
            decided_by=row.decided_by,
            action=decision.get("action"),
            note=decision.get("note"),
            modified_arguments=decision.get("arguments"),
        )


def _schema_of(question: dict[str, Any]) -> Any:
    return dict(to_json_schema(fields_of(question)))


@strawberry.input(description="Which approvals. Without a status: what waits for a decision now.")
class ApprovalFilter:
    status: ApprovalStatusComparator | None = strawberry.field(
        default=None, description="By status."
    )
    execution_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of this execution."
    )
    with_started: bool | None = strawberry.field(
        default=None,
        description="With `executionId`: also of the bots that it has started, however deep, while "
        "these are open.",
    )
    bot_id: strawberry.ID | None = strawberry.field(default=None, description="Of this bot.")


@strawberry.type
class ApprovalQueries:
    @query("executions:read", "What waits for a person, the latest first.")
    async def approvals(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: ApprovalFilter | None = None,
    ) -> Connection[Approval]:
        given = filter or ApprovalFilter()
        where = service.ApprovalFilter(
            statuses=any_of(given.status),
            execution_id=_id("execution", given.execution_id),
            with_started=bool(given.with_started),
            bot_id=_id("bot", given.bot_id),
        )
        page = await service.list_approvals(
            info.context.asker, PageAsk(first, after, last, before), where
        )
        return connection_of(page, Connection[Approval], Approval.of)

    @query("executions:read", "One approval; null when there is none with this id.")
    async def approval(self, info: Info, id: strawberry.ID) -> Approval | None:
        try:
            return Approval.of(await service.get(info.context.asker, read_id("approval", id)))
        except NotFound:
            return None


def _id(kind: Any, text: strawberry.ID | None) -> Any:
    return None if text is None else read_id(kind, text)


# --- changes --------------------------------------------------------------------------------


@strawberry.input(description="Yes: a tool may be used as asked, a failed step is tried again.")
class ApproveInput:
    note: str | None = strawberry.field(default=None, description="Kept with the decision.")
    remember: bool = strawberry.field(
        default=False, description="Kept for those who make rules of decisions."
    )


@strawberry.input(description="No. A model that asked for a tool hears the reason.")
class RejectInput:
    reason: str | None = strawberry.field(default=None, description="Why.")


@strawberry.input(
    description="Yes, but with other arguments. A failed step is tried again with them, or with "
    "another input where it is an entity."
)
class ModifyInput:
    arguments: JSON = strawberry.field(
        description="All arguments, not only the changed ones; of an entity its input."
    )
    note: str | None = strawberry.field(default=None, description="Kept with the decision.")


@strawberry.input(description="One of the approval's `choices`.")
class ChooseInput:
    action: str = strawberry.field(description="Such as `retry`, `skip`, `continue` or `fail`.")
    value: JSON | None = strawberry.field(
        default=None, description="With `continue`: what takes the place of the result."
    )
    note: str | None = strawberry.field(default=None, description="Kept with the decision.")


@strawberry.input(description="The answer to a question of a bot.")
class AnswerInput:
    values: JSON = strawberry.field(
        description="An object with a value for each of the approval's `fields`."
    )
    note: str | None = strawberry.field(default=None, description="Kept with the decision.")


@strawberry.input(description="Input of `decideApproval`: the approval and exactly one decision.")
class DecideApprovalInput:
    approval_id: strawberry.ID = strawberry.field(description="The approval.")
    approve: ApproveInput | None = strawberry.field(default=None, description="Yes.")
    reject: RejectInput | None = strawberry.field(default=None, description="No.")
    modify: ModifyInput | None = strawberry.field(default=None, description="Yes, but otherwise.")
    choose: ChooseInput | None = strawberry.field(
        default=None, description="One of its choices, for a failure or an unknown outcome."
    )
    answer: AnswerInput | None = strawberry.field(
        default=None, description="What a question of a bot is answered."
    )


@strawberry.type(description="Answer of `decideApproval`.")
class DecideApprovalPayload:
    approval: Approval | None = strawberry.field(default=None, description="With its decision.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class ApprovalMutations:
    @mutation(
        "approvals:decide",
        DecideApprovalPayload,
        "Decides for a step that waits; the first decision counts. Errors: NOT_FOUND, "
        "INVALID_INPUT, FORBIDDEN when a question is asked of others, ALREADY_DECIDED with who and "
        "when, INVALID_STATE when it has expired or the execution has ended.",
    )
    async def decide_approval(
        self, info: Info, input: DecideApprovalInput
    ) -> DecideApprovalPayload:
        row = await service.decide(
            info.context.asker,
            info.context.rooms.engine,
            read_id("approval", input.approval_id),
            _answer(input),
        )
        return DecideApprovalPayload(approval=Approval.of(row))


def _answer(given: DecideApprovalInput) -> Answer:
    answers: list[Answer] = []
    if given.approve is not None:
        answers.append(Answer("approve", given.approve.note, remember=given.approve.remember))
    if given.reject is not None:
        answers.append(Answer("reject", given.reject.reason))
    if given.modify is not None:
        answers.append(Answer("modify", given.modify.note, arguments=given.modify.arguments))
    if given.choose is not None:
        chosen = given.choose
        answers.append(Answer("choose", chosen.note, action=chosen.action, value=chosen.value))
    if given.answer is not None:
        answers.append(Answer("answer", given.answer.note, value=given.answer.values))
    if len(answers) != 1:
        message = "Give exactly one of approve, reject, modify, choose and answer."
        raise Invalid(message, path=["approve"])
    return answers[0]
