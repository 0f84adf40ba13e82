"""Answers queries and mutations without the library's way around them, which opens four contexts
and calls a dozen hooks for the one extension that we have. What it would have done is done here in
the same order: prepare, refuse or charge, execute in time, tidy the errors, say the cost.

Subscriptions and documents of several operations go the library's way, through `Gate`."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import isawaitable
from typing import Any

import strawberry
from graphql import GraphQLError, execute
from strawberry.execution import optimized_is_awaitable
from strawberry.types import ExecutionResult
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from server.api.limits import Admission, Prepared, known

_ALL = frozenset(OperationType)


class GatedSchema(strawberry.Schema):
    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        prepared = known(self._schema, query or "")
        if not query or not _is_plain(prepared, operation_name, allowed_operation_types):
            return await super().execute(
                query,
                variable_values,
                context_value,
                root_value,
                operation_name,
                allowed_operation_types,
                operation_extensions,
            )
        return await self._answer(prepared, variable_values, context_value)

    async def _answer(
        self, prepared: Prepared, variables: dict[str, Any] | None, context: Any
    ) -> ExecutionResult:
        admission = Admission(prepared, context, variables)
        admission.begin()
        errors = admission.refusals()
        result = (
            ExecutionResult(None, errors)
            if errors
            else await self._executed(admission, prepared, variables, context)
        )
        if result.errors:
            seen = ExecutionContext(None, self, _ALL, context)  # type: ignore[arg-type]
            self._process_errors(result.errors, seen)
        result.extensions = admission.told(result.data)
        return result

    async def _executed(
        self,
        admission: Admission,
        prepared: Prepared,
        variables: dict[str, Any] | None,
        context: Any,
    ) -> ExecutionResult:
        try:
            async with admission.time():
                found: Any = execute(
                    self._schema,
                    prepared.document,
                    variable_values=variables,
                    context_value=context,
                    is_awaitable=optimized_is_awaitable,  # pyright: ignore[reportArgumentType]
                    executor_class=self.execution_context_class,
                )
                if isawaitable(found):
                    found = await found
        except GraphQLError as error:
            return ExecutionResult(None, [error])
        except Exception as error:  # tidied like any other: masked and logged, or said
            return ExecutionResult(None, [GraphQLError(str(error), original_error=error)])
        return ExecutionResult(found.data, found.errors)


def _is_plain(
    prepared: Prepared, name: str | None, allowed: Iterable[OperationType] | None
) -> bool:
    if allowed is not None and not _ALL.issubset(allowed):
        return False
    if prepared.errors:
        return True
    if prepared.streams or len(prepared.operations) != 1:
        return False
    written = prepared.operations[0].name
    return name is None or (written is not None and written.value == name)
