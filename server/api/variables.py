"""A client may declare a variable as `String` where the schema has a text of a certain kind, such
as `Cursor`: the kind tells people and tools what it is, and shall cost nobody a changed query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
    OperationDefinitionNode,
    get_named_type,
    specified_rules,
)
from graphql.language import ListTypeNode, NonNullTypeNode
from graphql.validation import (
    ASTValidationRule,
    OverlappingFieldsCanBeMergedRule,
    VariablesInAllowedPositionRule,
)

from server.api.scalars import TEXTS


class VariablesFit(VariablesInAllowedPositionRule):
    def leave_operation_definition(self, operation: OperationDefinitionNode, *rest: Any) -> None:
        whole, self.context = self.context, _AsText(self.context, self.var_def_map)  # type: ignore[assignment]
        try:
            super().leave_operation_definition(operation, *rest)
        finally:
            self.context = whole


class _AsText:
    """The context, with String where one of our texts is expected and String was declared."""

    def __init__(self, context: Any, declared: dict[str, Any]) -> None:
        self._context = context
        self._declared = declared

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def get_recursive_variable_usages(self, operation: OperationDefinitionNode) -> Iterator[Any]:
        for usage in self._context.get_recursive_variable_usages(operation):
            expected = usage.type
            declared = self._declared.get(usage.node.name.value)
            fits = declared is not None and _name(declared.type) == "String"
            if fits and expected is not None and get_named_type(expected).name in TEXTS:
                usage = usage._replace(type=_plain(expected))
            yield usage


def _name(node: Any) -> str:
    while isinstance(node, NonNullTypeNode | ListTypeNode):
        node = node.type
    return node.name.value


def _plain(kind: Any) -> Any:
    if isinstance(kind, GraphQLNonNull):
        return GraphQLNonNull(_plain(kind.of_type))
    return GraphQLList(_plain(kind.of_type)) if isinstance(kind, GraphQLList) else GraphQLString


Rules = tuple[type[ASTValidationRule], ...]
RULES: Rules = tuple(
    VariablesFit if rule is VariablesInAllowedPositionRule else rule for rule in specified_rules
)
MERGING: Rules = (OverlappingFieldsCanBeMergedRule,)
