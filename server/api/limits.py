"""What a document may ask for. Everything is decided before the first resolver runs, and in an
order in which the cheap test comes first: length, one look over the tokens for what is beyond a
limit, one with the schema's types at hand for what may be a mistake, parsing and validation of only
that, then parsing of all and one walk for repeats and cost, then whether the asker has points left.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Source,
    validate,
)
from strawberry.extensions import SchemaExtension

from server.api.cost import (
    DEEPEST,
    Measure,
    Shape,
    Walk,
    actual_cost,
    field_names,
    list_fields,
    measure_document,
    shapes_of,
)
from server.api.rates import Bill
from server.api.reading import read_document
from server.api.scanning import Scan, scan
from server.api.sifting import NotExecutable, Sifted, sifted
from server.api.variables import MERGING, RULES, Rules
from server.core.errors import ErrorCode, LimitReached
from server.models.places import only_asks

MAX_TEXT = 64 * 1024
MAX_TOKENS = 2_000
MAX_DEPTH = 12
MAX_ALIASES = 30
MAX_REPEATS = 60
MAX_SPREADS = 100
MAX_DIRECTIVES = 100
MAX_PAIRS = 3_000
MAX_WRITTEN_OUT = 100
MAX_COST = 10_000
MAX_INTROSPECTION_DEPTH = 20
MAX_MISTAKES = 10
FEW = 200  # tokens: for one rule alone it does not pay to look at so many twice

NO_FEED = (
    "A subscription needs a socket (graphql-transport-ws), or a POST that accepts "
    "text/event-stream."
)
_CACHED_DOCUMENTS = 256
_CACHED_TEXT = 16 * 1024


@dataclass(frozen=True)
class Prepared:
    """`fields` names every field that the document mentions anywhere; `varies`: its cost depends
    on variables. `streams`: it is a subscription. `plans` keeps how its answers are put together;
    None where a directive may change that from request to request."""

    document: DocumentNode
    errors: tuple[GraphQLError, ...]
    measure: Measure
    lists: frozenset[str]
    fields: frozenset[str]
    varies: bool = False
    streams: bool = False
    shapes: tuple[Shape, ...] = ()
    plans: dict[Any, Any] | None = None

    @cached_property
    def acts(self) -> bool:
        """It holds a mutation."""
        return any(one.operation is OperationType.MUTATION for one in self.operations)

    @cached_property
    def operations(self) -> tuple[OperationDefinitionNode, ...]:
        found = self.document.definitions
        return tuple(one for one in found if isinstance(one, OperationDefinitionNode))

    def cost(self, variables: dict[str, Any]) -> int:
        if not self.varies:
            return self.measure.cost
        return measure_document(self.document, self.lists, variables).cost


def refusal(code: ErrorCode, message: str, **more: Any) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code.value, **more})


class Admission:
    """Of one request: what stands against it, what it costs, and what is given back."""

    def __init__(self, prepared: Prepared, context: Any, variables: dict[str, Any] | None) -> None:
        self.prepared = prepared
        self.context = context
        self.variables = variables
        self.bill: Bill | None = None

    def begin(self) -> None:
        self.context.begin(self.prepared.fields, self.prepared.plans)
        only_asks.set(not self.prepared.acts)

    def refusals(self) -> list[GraphQLError]:
        """Takes the points of the request, or one for looking at what is refused."""
        if self.prepared.errors:
            self.bill = self.context.charge(1)
            return [*self.prepared.errors]
        return self._of_this_request()

    def _of_this_request(self) -> list[GraphQLError]:
        """What depends on its variables and viewer, and is not kept."""
        prepared, context = self.prepared, self.context
        if prepared.measure.introspection > 0 and not context.introspection:
            return [refusal(ErrorCode.FORBIDDEN, "Introspection is switched off here.")]
        if prepared.streams and not context.streaming:
            return [refusal(ErrorCode.INVALID_INPUT, NO_FEED)]
        cost = prepared.cost(self.variables or {})
        if cost > MAX_COST:
            self.bill = context.charge(1)
            return [too_dear(cost)]
        bill: Bill = context.charge(cost)
        self.bill = bill
        return [too_many(bill)] if bill.refused else []

    @asynccontextmanager
    async def time(self) -> AsyncIterator[None]:
        """A subscription may take as long as it likes; everything else has its time."""
        seconds = None if self.prepared.streams else self.context.seconds
        clock = asyncio.timeout(seconds)
        try:
            async with clock:
                yield
        except TimeoutError:
            if not clock.expired():
                raise
            raise LimitReached(
                f"This took longer than {seconds:g} seconds and was stopped.",
                hint="Ask for less at once.",
            ) from None

    def told(self, data: Any) -> dict[str, Any]:
        """`extensions` of the answer."""
        if self.bill is None or self.prepared.streams:
            return {}
        actual = actual_cost(self.prepared.shapes, data) if isinstance(data, dict) else 0
        self.bill.settle(actual)
        return {"cost": self.bill.told()}


class Gate(SchemaExtension):
    """For what goes the library's way: subscriptions, and documents of several operations."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        prepared = known(context.schema._schema, context.query or "")  # pyright: ignore[reportPrivateUsage]
        self.admission = Admission(prepared, context.context, context.variables)
        self.admission.begin()
        context.graphql_document = (
            _stub(context._provided_operation_name) if prepared.errors else prepared.document  # pyright: ignore[reportPrivateUsage]
        )
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = self.admission.refusals()
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        async with self.admission.time():
            yield

    def get_results(self) -> dict[str, Any]:
        result: Any = self.execution_context.result
        return self.admission.told(getattr(result, "data", None))


_cache: OrderedDict[tuple[int, str], Prepared] = OrderedDict()


def known(schema: GraphQLSchema, text: str) -> Prepared:
    """Parses, measures and validates once per text; later requests with it pay a look-up."""
    key = (id(schema), text)
    found = _cache.get(key)
    if found is not None:
        _cache.move_to_end(key)
        return found
    prepared = prepare(schema, text)
    if len(text) <= _CACHED_TEXT and not prepared.errors:
        _cache[key] = prepared
        if len(_cache) > _CACHED_DOCUMENTS:
            _cache.popitem(last=False)
    return prepared


def too_dear(cost: int) -> GraphQLError:
    return refusal(
        ErrorCode.LIMIT_REACHED,
        f"This request would cost {_short(cost)} of {MAX_COST}: ask for fewer "
        "items per list (first, last) or for fewer nested lists.",
    )


def too_many(bill: Bill) -> GraphQLError:
    return refusal(ErrorCode.RATE_LIMITED, bill.refusal, retryAfter=bill.wait)


def prepare(schema: GraphQLSchema, text: str) -> Prepared:
    if len(text) > MAX_TEXT:
        return _refused(
            refusal(
                ErrorCode.TOO_LARGE,
                f"The document is longer than {MAX_TEXT // 1024} KiB. Send values as variables.",
            )
        )
    seen = scan(text, MAX_TOKENS, DEEPEST)
    refused = _at_first_sight(schema, seen)
    if refused:
        return _refused(*refused)
    try:
        mistakes, sound = _mistakes(schema, text, seen)
        if mistakes:
            return _refused(*mistakes)
        document = read_document(text, MAX_TOKENS)
        sound = sound and document.token_count == seen.tokens
        return _checked(schema, document, text, sound=sound)
    except NotExecutable as error:
        return _refused(_not_executable(text, seen.starts[error.place]))
    except GraphQLSyntaxError as error:
        return _refused(_syntax_refusal(error))
    except RecursionError:
        return _refused(_too_deep())


def _at_first_sight(schema: GraphQLSchema, seen: Scan) -> tuple[GraphQLError, ...]:
    if seen.tokens > MAX_TOKENS:
        return (_too_many_tokens(),)
    if seen.depth > DEEPEST:
        return (_too_deep(),)
    measure = Measure(
        depth=seen.levels,
        introspection=seen.introspection,
        aliases=seen.aliases,
        repeats=seen.repeats,
        spreads=seen.spreads,
        directives=seen.directives,
        longest=seen.longest,
        pairs=seen.pairs,
    )
    return _measure_errors(measure) or _unheard_of(schema, seen.fields)


def _mistakes(
    schema: GraphQLSchema, text: str, seen: Scan
) -> tuple[tuple[GraphQLError, ...], bool]:
    """And whether there are surely no others."""
    left = sifted(schema, seen, text)
    if not left.cut and left.words <= FEW:
        return _mistakes_in(schema, text, left, RULES), left.whole
    alone = sifted(schema, seen, text, merging=False)
    found = _mistakes_in(schema, text, alone, RULES)
    if left.cut:
        return found or (too_entangled(),), False
    sound = left.whole and alone.whole and not alone.cut
    return found or _mistakes_in(schema, text, left, MERGING), sound


def _mistakes_in(
    schema: GraphQLSchema, text: str, left: Sifted, rules: Rules
) -> tuple[GraphQLError, ...]:
    if not left.words:
        return ()
    document = read_document(text, MAX_TOKENS, left.gaps)
    if not left.whole:
        return ()
    measure = Walk(document, list_fields(schema), {}).whole()
    return _measure_errors(measure) or _validated(schema, document, rules)


def _validated(
    schema: GraphQLSchema, document: DocumentNode, rules: Rules = RULES
) -> tuple[GraphQLError, ...]:
    found = validate(schema, document, rules, max_errors=MAX_MISTAKES, hide_suggestions=True)
    return tuple(found)


def _checked(schema: GraphQLSchema, document: DocumentNode, text: str, *, sound: bool) -> Prepared:
    """`sound`: each of its tokens was looked at, and there is no mistake in it."""
    walk = Walk(document, list_fields(schema), {})
    measure = walk.whole()
    errors = _measure_errors(measure) or (() if sound else _validated(schema, document))
    return Prepared(
        document,
        errors,
        measure,
        walk.lists,
        frozenset(walk.fields),
        walk.varies,
        any(one.operation is OperationType.SUBSCRIPTION for one in walk.operations),
        () if errors else shapes_of(document),
        None if errors or "@" in text else {},
    )


def _measure_errors(measure: Measure) -> tuple[GraphQLError, ...]:
    if measure.depth > MAX_DEPTH or measure.introspection > MAX_INTROSPECTION_DEPTH:
        return (_too_deep(),)
    counted = (
        (measure.aliases, MAX_ALIASES, "aliases in one request; {} are allowed."),
        (measure.repeats, MAX_REPEATS, "fields are asked for twice; {} may be. Ask once for each."),
        (measure.spreads, MAX_SPREADS, "fragments are spread in one request; {} may be."),
        (measure.directives, MAX_DIRECTIVES, "directives in one request; {} may be."),
        (
            measure.longest,
            MAX_WRITTEN_OUT,
            "values stand in one list, or variables or arguments beside each other; {} may. Send "
            "a list as a variable.",
        ),
        (
            measure.pairs,
            MAX_PAIRS,
            "pairs of fields would have to be compared, because fields with others in them are "
            "asked for several times in one place; {} may be. Ask once for each.",
        ),
    )
    return tuple(
        refusal(ErrorCode.LIMIT_REACHED, f"{_short(count)} {words.format(most)}")
        for count, most, words in counted
        if count > most
    )


def _unheard_of(schema: GraphQLSchema, fields: set[str]) -> tuple[GraphQLError, ...]:
    """Many names that no type has: said without the long way of validation, which says where."""
    unknown = sorted(fields - field_names(schema))
    if len(unknown) <= MAX_MISTAKES:
        return ()
    return tuple(
        refusal(ErrorCode.INVALID_INPUT, f"Cannot query field '{name[:80]}': no type has it.")
        for name in unknown[:MAX_MISTAKES]
    )


def _too_deep() -> GraphQLError:
    return refusal(
        ErrorCode.LIMIT_REACHED,
        f"The selection is nested deeper than {MAX_DEPTH} levels. Split the request in two.",
    )


def too_entangled() -> GraphQLError:
    return refusal(
        ErrorCode.LIMIT_REACHED,
        "Too much of this document would have to be compared and checked at length: fields of one "
        "name with other arguments or of other types, or values that are written in an unusual "
        "way. Split the request in two.",
    )


def _not_executable(text: str, place: int) -> GraphQLError:
    return GraphQLError(
        "Only operations and fragments are executed: a request cannot define anything for the "
        "schema.",
        source=Source(text),
        positions=[place],
    )


def _syntax_refusal(error: GraphQLSyntaxError) -> GraphQLError:
    """The parser has limits of its own, and no code for them."""
    if "nested too deeply" in error.message:
        return _too_deep()
    if "tokens" in error.message:
        return _too_many_tokens()
    return error


def _too_many_tokens() -> GraphQLError:
    return refusal(
        ErrorCode.LIMIT_REACHED,
        f"The document has more than {MAX_TOKENS} tokens. Split it, or send values as variables.",
    )


def _refused(*errors: GraphQLError) -> Prepared:
    return Prepared(_stub(None), errors, Measure(), frozenset(), frozenset())


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


def _short(number: int) -> str:
    return str(number) if number < 10**9 else "more than a billion"
