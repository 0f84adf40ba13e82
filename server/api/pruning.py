"""Takes out of a document what validation can have nothing to say about, so that its thirty rules
go only through the rest: a document of 1,500 fields with one mistake is refused as soon as a small
one.

Taken out are fields as bare names that their type has, with what is below them when all of it goes.
No rule finds fault with one of these by itself. Together with another one it might be at fault only
where both are answered under one name; so what is there under another name, or with arguments or
directives, is left with all that could meet it. Below an interface or a union fields of several
types meet: there only names go that have the same type wherever they are. So it is everywhere once
a fragment is on an interface or may be spread below one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

Holder = TypeVar(
    "Holder", OperationDefinitionNode, FragmentDefinitionNode, InlineFragmentNode, FieldNode
)
TYPE_NAME = "__typename"


@dataclass(frozen=True, slots=True)
class Known:
    """What each field of a type gives: nothing for a value, else the type's name. `asking` are type
    and name of those that need arguments; `uniform` are names that have one type everywhere;
    `meeting` are interfaces and unions."""

    fields: dict[str, dict[str, str | None]]
    asking: frozenset[tuple[str, str]]
    uniform: frozenset[str]
    meeting: frozenset[str]
    roots: dict[OperationType, str]


def pruned(schema: GraphQLSchema, document: DocumentNode, marked: set[str]) -> DocumentNode:
    """`marked` are the names under which something else than a bare field is answered."""
    known = known_fields(schema)
    pruning = _Pruning(known, marked)
    left = [pruning.definition(one) for one in document.definitions]
    if pruning.twofold:
        pruning = _Pruning(known, marked, meeting=True)
        left = [pruning.definition(one) for one in document.definitions]
    return DocumentNode(definitions=tuple(left), loc=document.loc)


@lru_cache(maxsize=4)
def known_fields(schema: GraphQLSchema) -> Known:
    fields: dict[str, dict[str, str | None]] = {}
    types: dict[str, set[str]] = defaultdict(set)
    asking: set[tuple[str, str]] = set()
    meeting: set[str] = set()
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            meeting.add(kind.name)
            fields[kind.name] = {TYPE_NAME: None}
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            fields[kind.name] = {TYPE_NAME: None}
            for name, field in kind.fields.items():
                types[name].add(_form(field.type))
                named = get_named_type(field.type)
                fields[kind.name][name] = None if is_leaf_type(named) else named.name
                if any(map(is_required_argument, field.args.values())):
                    asking.add((kind.name, name))
    uniform = {name for name, found in types.items() if len(found) == 1} | {TYPE_NAME}
    roots = {one: schema.get_root_type(one) for one in OperationType}
    return Known(
        fields,
        frozenset(asking),
        frozenset(uniform),
        frozenset(meeting),
        {one: kind.name for one, kind in roots.items() if kind is not None},
    )


def _form(kind: Any) -> str:
    """Objects of two types may be answered under one name; what is in them is compared then."""
    named = get_named_type(kind)
    return str(kind) if is_leaf_type(named) else str(kind).replace(named.name, "{}")


class _Pruning:
    """`meeting`: fields of several types may meet anywhere, which `twofold` finds out."""

    def __init__(self, known: Known, marked: set[str], *, meeting: bool = False) -> None:
        self.known = known
        self.marked = marked
        self.meeting = meeting
        # Its first level has a rule of its own, also through fragments.
        self.feeds = known.roots.get(OperationType.SUBSCRIPTION)
        self.spread = False
        self.below = False
        self.on_meeting = False

    @property
    def twofold(self) -> bool:
        return not self.meeting and (self.on_meeting or (self.spread and self.below))

    def definition(self, one: Any) -> Any:
        if isinstance(one, OperationDefinitionNode):
            root = self.known.roots.get(one.operation)
            if root is None:
                return one
            return _with(one, self._left(one.selection_set, root, self.meeting))
        if isinstance(one, FragmentDefinitionNode):
            self.spread = True
            return _with(one, self._left(one.selection_set, self._condition(one), self.meeting))
        return one

    def _condition(self, fragment: FragmentDefinitionNode | InlineFragmentNode) -> str:
        """Empty: on whatever it stands in."""
        name = "" if fragment.type_condition is None else fragment.type_condition.name.value
        self.on_meeting = self.on_meeting or name in self.known.meeting
        return name

    def _left(self, chosen: SelectionSetNode, parent: str, meeting: bool) -> SelectionSetNode:
        if parent not in self.known.fields:
            return chosen
        if parent in self.known.meeting:
            meeting = self.below = True
        left: list[SelectionNode] = []
        for node in chosen.selections:
            if type(node) is FieldNode:
                kept = self._field(node, parent, meeting)
                if kept is not None:
                    left.append(kept)
            elif type(node) is InlineFragmentNode:
                on = self._condition(node) or parent
                left.append(_with(node, self._left(node.selection_set, on, meeting)))
            else:
                left.append(node)
        return SelectionSetNode(selections=tuple(left), loc=chosen.loc)

    def _field(self, node: FieldNode, parent: str, meeting: bool) -> FieldNode | None:
        name, chosen = node.name.value, node.selection_set
        fields = self.known.fields[parent]
        if name not in fields:
            return node
        bare = name not in self.marked and (not meeting or name in self.known.uniform)
        bare = bare and not (node.alias or node.arguments or node.directives)
        bare = bare and (parent, name) not in self.known.asking
        bare = bare and parent != self.feeds
        gives = fields[name]
        if gives is None or chosen is None:
            return None if bare and gives is chosen else node
        left = self._left(chosen, gives, meeting)
        return None if bare and not left.selections else _with(node, left)


def _with(node: Holder, chosen: SelectionSetNode) -> Holder:
    """A node cannot be changed, and making one takes longer than all the rest here."""
    made = object.__new__(type(node))
    made.__dict__.update(node.__dict__, selection_set=chosen)
    return made
