"""One act on many executions: by their ids, or by the filter of the list."""

from __future__ import annotations

from uuid import UUID

import strawberry

from server.api.access import mutation
from server.api.context import Info
from server.api.errors import UserError, payload_errors, user_errors
from server.api.execution_types import Execution
from server.api.executions import ExecutionFilter, checked_reason, where_of
from server.core.errors import NotFound
from server.core.ids import public_id, read_id
from server.executions import many

IDS = "At most 100 executions by their ids; or give `filter`."
REASON = "Why, in at most 1000 characters; kept in the audit log"
REMAINING = "How many more the filter finds: call again until none is left."


@strawberry.input(description="Input of `cancelExecutions`: ids, or a filter.")
class CancelExecutionsInput:
    execution_ids: list[strawberry.ID] | None = strawberry.field(default=None, description=IDS)
    filter: ExecutionFilter | None = strawberry.field(
        default=None,
        description="All that have not ended and fit, the earliest 200 of them in one call.",
    )
    reason: str | None = strawberry.field(
        default=None, description=f"{REASON} and with each execution."
    )


@strawberry.input(description="Input of `deleteExecutions`: ids, or a filter.")
class DeleteExecutionsInput:
    execution_ids: list[strawberry.ID] | None = strawberry.field(default=None, description=IDS)
    filter: ExecutionFilter | None = strawberry.field(
        default=None,
        description="All that have ended and fit, the earliest 200 of them in one call, or fewer "
        "where they are very long.",
    )
    reason: str | None = strawberry.field(default=None, description=f"{REASON}.")


@strawberry.type(description="What became of one execution.")
class ExecutionOutcome:
    execution_id: strawberry.ID = strawberry.field(description="Which one.")
    execution: Execution | None = strawberry.field(
        default=None, description="As it is now; null when it was deleted or could not be."
    )
    errors: list[UserError] = payload_errors()


@strawberry.type
class ManyExecutionsPayload:
    done_count: int = strawberry.field(default=0, description="With how many it was done.")
    remaining_count: int = strawberry.field(default=0, description=REMAINING)
    results: list[ExecutionOutcome] = strawberry.field(
        default_factory=list,
        description="One for each, in the order of the input; by a filter the earliest first.",
    )
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Answer of `cancelExecutions`.")
class CancelExecutionsPayload(ManyExecutionsPayload):
    pass


@strawberry.type(description="Answer of `deleteExecutions`.")
class DeleteExecutionsPayload(ManyExecutionsPayload):
    pass


@strawberry.type
class ManyExecutionMutations:
    @mutation(
        "executions:control",
        CancelExecutionsPayload,
        "Cancels many executions; each succeeds or fails for itself, and a running one stops a "
        "moment later. What is cancelled already counts as done. Errors of one execution: "
        "NOT_FOUND, INVALID_STATE when it has ended otherwise. Errors: INVALID_INPUT, "
        "LIMIT_REACHED.",
    )
    async def cancel_executions(
        self, info: Info, input: CancelExecutionsInput
    ) -> CancelExecutionsPayload:
        asker, engine = info.context.asker, info.context.rooms.engine
        reason = checked_reason(input.reason)
        done = await many.cancel(asker, engine, _chosen(input), reason)
        return CancelExecutionsPayload(
            done_count=len(done.ids),
            remaining_count=done.remaining,
            results=_results(input.execution_ids, done, with_rows=True),
        )

    @mutation(
        "bots:write",
        DeleteExecutionsPayload,
        "Deletes ended executions for good, with their steps, events and files; what they cost "
        "stays in the costs, and recordings stay. Errors of one execution: NOT_FOUND, "
        "INVALID_STATE while it has not ended. Errors: INVALID_INPUT, LIMIT_REACHED.",
    )
    async def delete_executions(
        self, info: Info, input: DeleteExecutionsInput
    ) -> DeleteExecutionsPayload:
        asker, engine = info.context.asker, info.context.rooms.engine
        reason = checked_reason(input.reason)
        done = await many.delete(asker, engine, _chosen(input), reason)
        return DeleteExecutionsPayload(
            done_count=len(done.ids),
            remaining_count=done.remaining,
            results=_results(input.execution_ids, done, with_rows=False),
        )


def _chosen(input: CancelExecutionsInput | DeleteExecutionsInput) -> many.Chosen:
    ids = None
    if input.execution_ids is not None:
        ids = [one for text in input.execution_ids if (one := _read(text)) is not None]
    return many.Chosen(ids, where_of(input.filter) if input.filter is not None else None)


def _read(text: str) -> UUID | None:
    try:
        return read_id("execution", text)
    except NotFound:
        return None


def _results(
    asked: list[strawberry.ID] | None, done: many.Done, *, with_rows: bool
) -> list[ExecutionOutcome]:
    found = {public_id("execution", one.execution_id): one for one in done.outcomes}
    ids = list(found) if asked is None else asked
    return [_outcome(strawberry.ID(text), found.get(text), with_rows) for text in ids]


def _outcome(text: strawberry.ID, one: many.Outcome | None, with_row: bool) -> ExecutionOutcome:
    error = NotFound.of("execution") if one is None else one.error
    if one is None or one.row is None:
        return ExecutionOutcome(execution_id=text, errors=user_errors(error) if error else [])
    row = Execution.of(one.row) if with_row else None
    return ExecutionOutcome(execution_id=text, execution=row)
