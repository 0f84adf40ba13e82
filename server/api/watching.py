"""Many look at one execution, and most of them ask in the same words: the web app's, the command
line's. What they are answered is the same too, so each batch is answered once and written once,
and goes out to all. Who may look is asked for everybody, and again while they look.

Anything but `executionEvents` alone in its document takes the ordinary way."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Final
from uuid import UUID

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    execute,
)
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from strawberry.types import ExecutionResult

from server.api.context import Context
from server.api.limits import known
from server.api.live import ExecutionEventBatch
from server.core.errors import AppError, Unauthenticated
from server.core.ids import read_id
from server.core.jsontext import dumps
from server.core.jsontext import written as written_json
from server.engine.log import EventBatch
from server.executions import service
from server.models.away import is_away

FIELD = "executionEvents"
RECHECK_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Watch:
    """One who looks on. All with the same `words` are told the same."""

    document: DocumentNode
    variables: dict[str, Any]
    cost: int
    execution_id: UUID
    after: int
    words: str
    picked: Picked | None = None


Picked = tuple[str, tuple[tuple[str, Callable[[EventBatch], Any]], ...]]
"""The name of the answer, and what stands in it under which names."""

_GAP: Final[Mapping[str, int]] = {"fromSeq": 0, "toSeq": 1}
_FIELDS: Final[Mapping[str, Callable[[EventBatch], Any]]] = {
    "lastSeq": lambda batch: batch.last_seq,
    "caughtUp": lambda batch: batch.caught_up,
    "done": lambda batch: batch.done,
    "deleted": lambda batch: batch.deleted,
    "events": lambda batch: orjson.Fragment(batch.written()),
}


async def watched(
    schema: GraphQLSchema, watch: Watch, context: Context
) -> AsyncGenerator[ExecutionResult, None]:
    checked = time.monotonic()
    async with aclosing(context.rooms.engine.follow(watch.execution_id, watch.after)) as batches:
        async for batch in batches:
            if time.monotonic() - checked > RECHECK_SECONDS:
                if not await still_valid(context):
                    yield _signed_out(context)
                    return
                checked = time.monotonic()
            yield ExecutionResult(data=await _answer(schema, watch, batch), errors=None)
            if batch.done:
                return


async def may_watch(watch: Watch, context: Context) -> bool:
    """Whoever may not, or cannot be asked about, is told so in the ordinary way."""
    viewer = context.viewer
    if viewer is None:
        return False
    try:
        await service.look(viewer, watch.execution_id)
    except AppError:
        return False
    except Exception as error:
        if not is_away(error):
            raise
        return False
    return not context.charge(watch.cost).refused


def recognised(
    schema: GraphQLSchema, text: str | None, variables: dict[str, Any] | None, name: str | None
) -> Watch | None:
    """None for every other document, and for whatever is wrong with this one: the ordinary way
    knows how to say it."""
    if text is None or FIELD not in text:
        return None
    prepared = known(schema, text)
    asked = None if prepared.errors else _only_field(prepared.document, name)
    if asked is None:
        return None
    operation, node = asked
    sent = variables or {}
    values = get_variable_values(schema, operation.variable_definitions or (), sent)
    if isinstance(values, list):
        return None
    given = _given(schema, node, values)
    if given is None:
        return None
    return Watch(
        prepared.document,
        sent,
        prepared.cost(sent),
        *given,
        text + dumps(_others(node, values.coerced)),
        _picked(node),
    )


def _only_field(
    document: DocumentNode, name: str | None
) -> tuple[OperationDefinitionNode, FieldNode] | None:
    if len(document.definitions) != 1:
        return None
    operation = document.definitions[0]
    if not isinstance(operation, OperationDefinitionNode):
        return None
    chosen = operation.selection_set.selections
    if operation.operation is not OperationType.SUBSCRIPTION or operation.directives:
        return None
    if name and (operation.name is None or operation.name.value != name):
        return None
    if len(chosen) != 1 or not isinstance(chosen[0], FieldNode) or chosen[0].directives:
        return None
    return (operation, chosen[0]) if chosen[0].name.value == FIELD else None


def _given(
    schema: GraphQLSchema, node: FieldNode, values: VariableValues
) -> tuple[UUID, int] | None:
    assert schema.subscription_type is not None
    try:
        given = get_argument_values(schema.subscription_type.fields[FIELD], node, values)
        execution_id = read_id("execution", given["executionId"])
    except (AppError, GraphQLError):
        return None
    after = given.get("after")
    return (execution_id, after) if isinstance(after, int) and after >= 0 else None


def _others(node: FieldNode, values: dict[str, Any]) -> dict[str, Any]:
    """The variables that may change the words of an answer: not which execution, not from where."""
    of_the_field = {
        argument.value.name.value
        for argument in node.arguments or ()
        if isinstance(argument.value, VariableNode)
    }
    return {name: value for name, value in values.items() if name not in of_the_field}


def _picked(node: FieldNode) -> Picked | None:
    """What is asked for, where that is nothing but fields: then the answer is put together without
    walking through the document for each batch."""
    chosen = _plain_fields(node)
    if chosen is None:
        return None
    found: list[tuple[str, Callable[[EventBatch], Any]]] = []
    for name, child in chosen:
        read = _gaps_reader(child) if child.name.value == "gaps" else _FIELDS.get(child.name.value)
        if read is None:
            return None
        found.append((name, read))
    return _name_of(node), tuple(found)


def _gaps_reader(node: FieldNode) -> Callable[[EventBatch], Any] | None:
    chosen = _plain_fields(node)
    if chosen is None or any(child.name.value not in _GAP for _, child in chosen):
        return None
    places = [(name, _GAP[child.name.value]) for name, child in chosen]
    return lambda batch: [{name: gap[place] for name, place in places} for gap in batch.gaps]


def _plain_fields(node: FieldNode) -> list[tuple[str, FieldNode]] | None:
    """With the names of their answers. None where a fragment or a directive is among them, or a
    name stands there twice."""
    chosen = node.selection_set.selections if node.selection_set else ()
    found = {
        _name_of(one): one for one in chosen if isinstance(one, FieldNode) and not one.directives
    }
    return list(found.items()) if len(found) == len(chosen) else None


def _name_of(node: FieldNode) -> str:
    return node.alias.value if node.alias else node.name.value


async def _answer(schema: GraphQLSchema, watch: Watch, batch: EventBatch) -> Any:
    """Written JSON, which the protocols put into their messages as it is."""
    written = batch.made.get(watch.words)
    if written is None:
        data = await _executed(schema, watch, batch)
        written = batch.made[watch.words] = written_json(data)
    return orjson.Fragment(written)


async def _executed(schema: GraphQLSchema, watch: Watch, batch: EventBatch) -> Any:
    if watch.picked is not None:
        name, fields = watch.picked
        return {name: {field: read(batch) for field, read in fields}}
    found = execute(
        schema, watch.document, ExecutionEventBatch.of(batch), variable_values=watch.variables
    )
    result = await found if isawaitable(found) else found
    assert not result.errors, result.errors
    return result.data


async def still_valid(context: Context) -> bool:
    """Sockets are watched over already; a stream of server-sent events is not."""
    if context.admit is not None or context.credential is None:
        return True
    return await context.rooms.recogniser.still_valid(context.credential)


def _signed_out(context: Context) -> ExecutionResult:
    error = Unauthenticated()
    extensions = {"code": error.code.value, "requestId": context.request_id}
    return ExecutionResult(data=None, errors=[GraphQLError(error.message, extensions=extensions)])
