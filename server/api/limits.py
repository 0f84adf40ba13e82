"""What a document may ask for. Everything is decided before the first resolver runs, and in an
order in which the cheap test comes first: length, tokens, then one walk for depth, aliases and
cost, then validation.

The walk remembers each fragment, so fragments that spread fragments cost their text and not
their expansion."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSyntaxError,
    IntValueNode,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    parse,
    specified_rules,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from server.core.errors import ErrorCode
from server.core.paging import DEFAULT_PAGE, MAX_PAGE

MAX_TEXT = 64 * 1024
MAX_TOKENS = 2_000
MAX_DEPTH = 12
MAX_ALIASES = 30
MAX_COST = 10_000
MAX_INTROSPECTION_DEPTH = 20

_CACHED_DOCUMENTS = 256
_CACHED_TEXT = 16 * 1024


@dataclass(frozen=True, slots=True)
class Measure:
    """`depth` counts levels with selections; `introspection` the same below `__schema`. `cost`
    counts the objects that may be made: plain values cost nothing of note."""

    depth: int = 0
    introspection: int = 0
    aliases: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """`fields` names every field that the document mentions anywhere."""

    document: DocumentNode
    errors: tuple[GraphQLError, ...]
    introspects: bool
    lists: frozenset[str]
    fields: frozenset[str]


def refusal(code: ErrorCode, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code.value})


class Gate(SchemaExtension):
    """Parses, measures and validates once per text; later requests with it pay a look-up."""

    _cache: ClassVar[OrderedDict[tuple[int, str], Prepared]] = OrderedDict()

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        self.prepared = self.known(context.schema._schema, context.query or "")  # pyright: ignore[reportPrivateUsage]
        context.context.begin(self.prepared.fields)
        refused = self.prepared.errors or ()
        context.graphql_document = (
            _stub(context._provided_operation_name) if refused else self.prepared.document  # pyright: ignore[reportPrivateUsage]
        )
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        context.pre_execution_errors = [*self.prepared.errors] or self._request_errors()
        yield

    def _request_errors(self) -> list[GraphQLError]:
        """What depends on this request's variables and viewer, and is not kept."""
        context = self.execution_context
        if self.prepared.introspects and not context.context.introspection:
            return [refusal(ErrorCode.FORBIDDEN, "Introspection is switched off here.")]
        measure = measure_document(
            self.prepared.document, self.prepared.lists, context.variables or {}
        )
        if measure.cost > MAX_COST:
            return [
                refusal(
                    ErrorCode.LIMIT_REACHED,
                    f"This request would cost {_short(measure.cost)} of {MAX_COST}: ask for fewer "
                    "items per list (first, last) or for fewer nested lists.",
                )
            ]
        return []

    @classmethod
    def known(cls, schema: GraphQLSchema, text: str) -> Prepared:
        key = (id(schema), text)
        found = cls._cache.get(key)
        if found is not None:
            cls._cache.move_to_end(key)
            return found
        prepared = prepare(schema, text)
        if len(text) <= _CACHED_TEXT and not prepared.errors:
            cls._cache[key] = prepared
            if len(cls._cache) > _CACHED_DOCUMENTS:
                cls._cache.popitem(last=False)
        return prepared


def prepare(schema: GraphQLSchema, text: str) -> Prepared:
    if len(text) > MAX_TEXT:
        return _refused(
            refusal(
                ErrorCode.TOO_LARGE,
                f"The document is longer than {MAX_TEXT // 1024} KiB. Send values as variables.",
            )
        )
    try:
        document = parse(text, no_location=False, max_tokens=MAX_TOKENS)
    except GraphQLSyntaxError as error:
        return _refused(_syntax_refusal(error))
    except RecursionError:
        return _refused(_too_deep())
    try:
        return _checked(schema, document)
    except RecursionError:
        return _refused(_too_deep())


def _checked(schema: GraphQLSchema, document: DocumentNode) -> Prepared:
    lists = list_fields(schema)
    walk = _Walk(document, lists, {})
    measure = walk.whole()
    errors = _measure_errors(measure)
    if not errors:
        errors = tuple(validate_document(schema, document, tuple(specified_rules)))
    fields = frozenset(walk.fields)
    return Prepared(document, errors, measure.introspection > 0, lists, fields)


def _measure_errors(measure: Measure) -> tuple[GraphQLError, ...]:
    if measure.depth > MAX_DEPTH or measure.introspection > MAX_INTROSPECTION_DEPTH:
        return (_too_deep(),)
    if measure.aliases > MAX_ALIASES:
        return (
            refusal(
                ErrorCode.LIMIT_REACHED,
                f"{_short(measure.aliases)} aliases in one request; {MAX_ALIASES} are allowed.",
            ),
        )
    return ()


def _too_deep() -> GraphQLError:
    return refusal(
        ErrorCode.LIMIT_REACHED,
        f"The selection is nested deeper than {MAX_DEPTH} levels. Split the request in two.",
    )


def _syntax_refusal(error: GraphQLSyntaxError) -> GraphQLError:
    """The parser has limits of its own, and no code for them."""
    if "nested too deeply" in error.message:
        return _too_deep()
    if "tokens" in error.message:
        return refusal(
            ErrorCode.LIMIT_REACHED,
            f"The document has more than {MAX_TOKENS} tokens. Split it, or send values as "
            "variables.",
        )
    return error


def _refused(error: GraphQLError) -> Prepared:
    return Prepared(_stub(None), (error,), False, frozenset(), frozenset())


def _stub(operation_name: str | None) -> DocumentNode:
    """Stands in for a refused document until validation, where its errors are reported."""
    name = NameNode(value=operation_name) if operation_name else None
    operation = OperationDefinitionNode(
        operation=OperationType.QUERY,
        name=name,
        variable_definitions=(),
        directives=(),
        selection_set=SelectionSetNode(selections=()),
    )
    return DocumentNode(definitions=(operation,))


# --- the walk -------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def list_fields(schema: GraphQLSchema) -> frozenset[str]:
    """Names of the fields that answer with a connection, whose content repeats."""
    return frozenset(
        name
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
        if _is_page(get_named_type(field.type).name)
    )


def _is_page(type_name: str) -> bool:
    """A page is named after what it lists; `Connection` alone is a way to a provider."""
    return type_name.endswith("Connection") and type_name != "Connection"


def measure_document(
    document: DocumentNode, lists: frozenset[str], variables: dict[str, Any]
) -> Measure:
    return _Walk(document, lists, variables).whole()


class _Walk:
    def __init__(
        self, document: DocumentNode, lists: frozenset[str], variables: dict[str, Any]
    ) -> None:
        self.lists = lists
        self.variables = variables
        self.fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self.operations = [
            d for d in document.definitions if isinstance(d, OperationDefinitionNode)
        ]
        self.measured: dict[str, Measure] = {}
        self.fields: set[str] = set()

    def whole(self) -> Measure:
        return _beside(self.selections(one.selection_set, 0) for one in self.operations)

    def selections(self, chosen: SelectionSetNode | None, level: int) -> Measure:
        if chosen is None:
            return Measure()
        if level > 2 * MAX_INTROSPECTION_DEPTH:
            raise RecursionError
        return _beside(self._selection(node, level) for node in chosen.selections)

    def _selection(self, node: Any, level: int) -> Measure:
        if isinstance(node, FieldNode):
            return self._field(node, level)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        return self.selections(node.selection_set, level + 1)

    def _fragment(self, name: str) -> Measure:
        if name not in self.measured:
            self.measured[name] = Measure()
            fragment = self.fragments.get(name)
            if fragment is not None:
                self.measured[name] = self.selections(fragment.selection_set, 0)
        return self.measured[name]

    def _field(self, node: FieldNode, level: int) -> Measure:
        alias, name = 1 if node.alias else 0, node.name.value
        self.fields.add(name)
        if node.selection_set is None:
            return Measure(aliases=alias)
        inner = self.selections(node.selection_set, level + 1)
        if name in ("__schema", "__type"):
            return Measure(0, inner.depth + 1, inner.aliases + alias, inner.cost + 1)
        times = self._page(node) if name in self.lists else 1
        return Measure(
            inner.depth + 1,
            inner.introspection,
            inner.aliases + alias,
            1 + times * inner.cost,
        )

    def _page(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value not in ("first", "last"):
                continue
            value = argument.value
            if isinstance(value, IntValueNode):
                return min(max(int(value.value), 1), MAX_PAGE)
            if isinstance(value, VariableNode):
                given = self.variables.get(value.name.value)
                return min(max(given, 1), MAX_PAGE) if isinstance(given, int) else DEFAULT_PAGE
        return DEFAULT_PAGE


def _beside(parts: Iterator[Measure]) -> Measure:
    depth = introspection = aliases = cost = 0
    for part in parts:
        depth = max(depth, part.depth)
        introspection = max(introspection, part.introspection)
        aliases += part.aliases
        cost += part.cost
    return Measure(depth, introspection, aliases, cost)


def _short(number: int) -> str:
    return str(number) if number < 10**9 else "more than a billion"
