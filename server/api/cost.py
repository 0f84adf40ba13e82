"""What a document costs, before it runs and after.

Before: each object that may be made counts one, fields that work hard count more, and what stands
in a list counts once for each row that the page may have. After: the same, with the rows that came.
Plain values cost nothing of note.

The walk remembers each fragment, so fragments that spread fragments cost their text and not their
expansion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from server.core.paging import DEFAULT_PAGE, MAX_PAGE

DEEPEST = 40  # the walk itself ends here, whatever a document says

# What a field costs by itself, where that is more than the one of an object or the nothing of a
# value. Each asks the database for more than its rows, or computes.
WEIGHTS: dict[str, int] = {
    "totalCount": 5,
    "stats": 5,
    "standing": 2,
    "stateAt": 20,
    "healing": 20,
    "costs": 20,
    "metrics": 20,
    "estimateExecution": 20,
    "balAssist": 10,
    "compareBal": 10,
    "editBal": 10,
    "previewBalChange": 10,
    "health": 2,
    "queryCost": 5,
}
MUTATION = 10

# Lists that are no connection, and how long they are as a rule.
USUAL_LENGTH: dict[str, int] = {"steps": 25, "forks": 10, "usedBy": 5, "entities": 3}


@dataclass(frozen=True, slots=True)
class Measure:
    """`depth` counts levels with selections; `introspection` the same below `__schema`. `repeats`
    counts fields that answer under a name which stands beside them already: comparing them with
    each other is what validation spends most on, and `pairs` estimates how often. `longest` is the
    longest list that is written out; `size` counts the fields."""

    depth: int = 0
    introspection: int = 0
    aliases: int = 0
    repeats: int = 0
    spreads: int = 0
    longest: int = 0
    cost: int = 0
    directives: int = 0
    pairs: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """One selection set: its measure, how often each name is answered, and how many fields are
    below those that have some."""

    measure: Measure = field(default_factory=Measure)
    names: Counter[str] = field(default_factory=Counter[str])
    sizes: dict[str, int] = field(default_factory=dict[str, int])


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


@lru_cache(maxsize=4)
def field_names(schema: GraphQLSchema) -> frozenset[str]:
    """Every name that some type has a field of."""
    kinds = (kind for kind in schema.type_map.values() if hasattr(kind, "fields"))
    return frozenset(name for kind in kinds for name in getattr(kind, "fields", ())) | {
        "__typename",
        "__schema",
        "__type",
    }


def _is_page(type_name: str) -> bool:
    """A page is named after what it lists; `Connection` alone is a way to a provider."""
    return type_name.endswith("Connection") and type_name != "Connection"


def measure_document(
    document: DocumentNode, lists: frozenset[str], variables: Mapping[str, Any]
) -> Measure:
    return Walk(document, lists, variables).whole()


class Walk:
    """`fields` are all that were met; `varies`: the cost depends on a variable."""

    def __init__(
        self, document: DocumentNode, lists: frozenset[str], variables: Mapping[str, Any]
    ) -> None:
        self.lists = lists
        self.variables = variables
        self.fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self.operations = [
            d for d in document.definitions if isinstance(d, OperationDefinitionNode)
        ]
        self.fields: set[str] = set()
        self.varies = False
        self._met: dict[str, Part] = {}

    def whole(self) -> Measure:
        found = _beside(self._operation(one) for one in self.operations)
        for name in self.fragments:  # also those that nothing spreads: they are validated too
            self._fragment(name)
        return found

    def _operation(self, one: OperationDefinitionNode) -> Measure:
        part = self._selections(one.selection_set, 0)
        changes = one.operation is OperationType.MUTATION
        extra = MUTATION * sum(part.names.values()) if changes else 0
        named = len(one.variable_definitions or ())
        return _beside([part.measure, Measure(cost=extra, longest=named)])

    def _selections(self, chosen: SelectionSetNode | None, level: int) -> Part:
        if chosen is None:
            return Part()
        if level > DEEPEST:
            raise RecursionError
        names: Counter[str] = Counter()
        sizes: dict[str, int] = {}
        parts: list[Measure] = []
        aliases = cost = longest = 0
        for node in chosen.selections:
            if not isinstance(node, FieldNode):
                part = self._spread(node, level)
                names.update(part.names)
                sizes.update(part.sizes)
                parts.append(part.measure)
                continue
            key = (node.alias or node.name).value
            names[key] += 1
            aliases += node.alias is not None
            longest = max(longest, _longest(node)) if node.arguments else longest
            if node.selection_set is None:  # most fields by far: no object is made for one
                self.fields.add(node.name.value)
                cost += WEIGHTS.get(node.name.value, 0)
            else:
                parts.append(self._field(node, level))
                sizes[key] = max(sizes.get(key, 0), parts[-1].size)
        parts.append(
            Measure(
                aliases=aliases,
                repeats=names.total() - len(names),
                longest=longest,
                cost=cost,
                pairs=pairs_of(names, sizes),
                size=names.total(),
            )
        )
        return Part(_beside(parts), names, sizes)

    def _spread(self, node: Any, level: int) -> Part:
        if isinstance(node, FragmentSpreadNode):
            part = self._fragment(node.name.value)
        else:
            part = self._selections(node.selection_set, level + 1)
        return Part(_beside([part.measure, Measure(spreads=1)]), part.names, part.sizes)

    def _fragment(self, name: str) -> Part:
        if name not in self._met:
            self._met[name] = Part()
            fragment = self.fragments.get(name)
            if fragment is not None:
                self._met[name] = self._selections(fragment.selection_set, 0)
        return self._met[name]

    def _field(self, node: FieldNode, level: int) -> Measure:
        name = node.name.value
        self.fields.add(name)
        inner = self._selections(node.selection_set, level + 1).measure
        hidden = name in ("__schema", "__type")
        return replace(
            inner,
            depth=0 if hidden else inner.depth + 1,
            introspection=inner.depth + 1 if hidden else inner.introspection,
            cost=WEIGHTS.get(name, 1) + self._rows(node, name) * inner.cost,
        )

    def _rows(self, node: FieldNode, name: str) -> int:
        if name not in self.lists:
            return self._ids(node) if name == "nodes" else USUAL_LENGTH.get(name, 1)
        for argument in node.arguments or ():
            if argument.name.value in ("first", "last"):
                given = self._value(argument.value)
                return min(max(given, 1), MAX_PAGE) if isinstance(given, int) else DEFAULT_PAGE
        return DEFAULT_PAGE

    def _ids(self, node: FieldNode) -> int:
        """Of `nodes(ids)`; the `nodes` of a connection have no argument, and count with it."""
        for argument in node.arguments or ():
            given = self._value(argument.value)
            return min(len(given), MAX_PAGE) if isinstance(given, list | tuple) else 1
        return 1

    def _value(self, value: Any) -> Any:
        if isinstance(value, VariableNode):
            self.varies = True
            return self.variables.get(value.name.value)
        if isinstance(value, IntValueNode):
            return int(value.value[:9])
        return value.values if isinstance(value, ListValueNode) else None


def _longest(node: FieldNode) -> int:
    lists = (a.value.values for a in node.arguments or () if isinstance(a.value, ListValueNode))
    return max([len(node.arguments or ()), *map(len, lists)])


def pairs_of(names: Counter[str], sizes: Mapping[str, int]) -> int:
    """Each of several with one name is compared with each other, and so is what is below them."""
    if names.total() == len(names):
        return 0
    return sum(
        count * (count - 1) // 2 * (1 + 2 * sizes.get(name, 0))
        for name, count in names.items()
        if count > 1
    )


def _beside(parts: Iterable[Measure]) -> Measure:
    depth = introspection = aliases = repeats = spreads = longest = cost = pairs = size = 0
    for part in parts:
        depth = max(depth, part.depth)
        introspection = max(introspection, part.introspection)
        aliases += part.aliases
        repeats += part.repeats
        spreads += part.spreads
        longest = max(longest, part.longest)
        cost += part.cost
        pairs += part.pairs
        size += part.size
    return Measure(
        depth,
        introspection,
        aliases,
        repeats,
        spreads,
        longest,
        cost,
        pairs=pairs,
        size=size,
    )


# --- afterwards -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shape:
    """What to count in an answer: a name that is answered, its weight, and what is below it."""

    name: str
    weight: int
    below: tuple[Shape, ...]


def shapes_of(document: DocumentNode) -> tuple[Shape, ...]:
    """Of all operations together: a name that one of them lacks is not in its answer."""
    fragments = {
        d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
    }
    found: list[Shape] = []
    for one in document.definitions:
        if isinstance(one, OperationDefinitionNode):
            extra = MUTATION if one.operation is OperationType.MUTATION else 0
            found += _shapes(one.selection_set, fragments, extra, 0)
    return tuple(found)


def _shapes(
    chosen: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    extra: int,
    level: int,
) -> list[Shape]:
    found: dict[str, Shape] = {}
    for node in chosen.selections if level <= DEEPEST else ():
        if isinstance(node, FieldNode):
            name = node.name.value
            below = None if name.startswith("__") else node.selection_set
            weight = extra + WEIGHTS.get(name, 0 if below is None else 1)
            inner = _shapes(below, fragments, 0, level + 1) if below is not None else []
            if weight:
                key = (node.alias or node.name).value
                found.setdefault(key, Shape(key, weight, tuple(inner)))
            continue
        if isinstance(node, FragmentSpreadNode):
            fragment = fragments.get(node.name.value)
            inner_set = None if fragment is None else fragment.selection_set
        else:
            inner_set = getattr(node, "selection_set", None)
        if inner_set is not None:
            for shape in _shapes(inner_set, fragments, extra, level + 1):
                found.setdefault(shape.name, shape)
    return list(found.values())


def actual_cost(shapes: tuple[Shape, ...], data: Any) -> int:
    return _counted(shapes, (data,))


def _counted(shapes: tuple[Shape, ...], rows: Iterable[Any]) -> int:
    """Of all rows of a page together: name by name, since most of them are the same for each."""
    total = 0
    for shape in shapes:
        name = shape.name
        found = [value for row in rows if (value := row.get(name)) is not None]
        if list in set(map(type, found)):
            found = list(chain.from_iterable(one if type(one) is list else (one,) for one in found))
        total += shape.weight * len(found)
        if shape.below and found:
            total += _counted(shape.below, [row for row in found if type(row) is dict])
    return total
