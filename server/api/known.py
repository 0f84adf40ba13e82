"""What the schema says about each field, in the form in which a document's text is compared with
it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationType,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    TypeNameMetaFieldDef,
    get_named_type,
    is_input_type,
    is_leaf_type,
    is_required_argument,
)

_COUNTED = frozenset({"fields", "interfaces", "possibleTypes", "inputFields"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A field: `gives` names the type of what is below it, and is nothing for a value. `stays`: a
    rule looks at it that nothing here knows about. `counted`: how often it is in itself has a rule.
    """

    gives: str | None
    arguments: dict[str, Any]
    required: frozenset[str]
    stays: bool = False
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """`leaves` are names of values that need no arguments; `uniform` are names that have one type
    everywhere. Interfaces and unions are in `meeting`, each with the names that have one type
    wherever an answer may be of it, and in `alike` with the types whose fields are as its own."""

    types: dict[str, dict[str, Asked]]
    leaves: dict[str, frozenset[str]]
    possible: dict[str, frozenset[str]]
    uniform: frozenset[str]
    meeting: dict[str, frozenset[str]]
    alike: dict[str, frozenset[str]]
    roots: dict[OperationType, str]
    inputs: dict[str, Any]

    def overlap(self, one: str, other: str) -> bool:
        """An object may be of both types."""
        return one == other or not self.possible[one].isdisjoint(self.possible[other])


@lru_cache(maxsize=4)
def known_of(schema: GraphQLSchema) -> Known:
    kinds = list(schema.type_map.values())
    types = {kind.name: _fields(schema, kind) for kind in kinds if _holds(kind)}
    meeting = {
        kind.name: _uniform([kind, *schema.get_possible_types(kind)])
        for kind in kinds
        if isinstance(kind, _ABSTRACT)
    }
    roots = {one: schema.get_root_type(one) for one in OperationType}
    return Known(
        types,
        {name: _leaves(fields) for name, fields in types.items()},
        {kind.name: _possible(schema, kind) for kind in kinds if _holds(kind)},
        _uniform([kind for kind in kinds if _holds(kind)]),
        meeting,
        {kind.name: _alike(schema, kind) for kind in kinds if isinstance(kind, _ABSTRACT)},
        {one: kind.name for one, kind in roots.items() if kind is not None},
        {name: kind for name, kind in schema.type_map.items() if is_input_type(kind)},
    )


_ABSTRACT = (GraphQLInterfaceType, GraphQLUnionType)


def _holds(kind: Any) -> bool:
    return isinstance(kind, (GraphQLObjectType, *_ABSTRACT))


def _fields(schema: GraphQLSchema, kind: Any) -> dict[str, Asked]:
    fields = {"__typename": TypeNameMetaFieldDef, **getattr(kind, "fields", {})}
    if kind is schema.query_type:
        fields |= {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}
    # The first level of a subscription has a rule of its own, also through fragments.
    feeds = getattr(schema.subscription_type, "name", None) in _possible(schema, kind)
    counted = _COUNTED if kind.name == "__Type" else frozenset[str]()
    return {name: _asked(one, feeds, name in counted) for name, one in fields.items()}


def _asked(field: Any, stays: bool, counted: bool) -> Asked:
    named = get_named_type(field.type)
    return Asked(
        None if is_leaf_type(named) else named.name,
        {name: argument.type for name, argument in field.args.items()},
        frozenset(name for name, one in field.args.items() if is_required_argument(one)),
        stays,
        counted,
    )


def _leaves(fields: dict[str, Asked]) -> frozenset[str]:
    return frozenset(
        name
        for name, one in fields.items()
        if one.gives is None and not one.required and not one.stays
    )


def _possible(schema: GraphQLSchema, kind: Any) -> frozenset[str]:
    found = schema.get_possible_types(kind) if isinstance(kind, _ABSTRACT) else [kind]
    return frozenset(one.name for one in found)


def _alike(schema: GraphQLSchema, kind: Any) -> frozenset[str]:
    own = {name: str(one.type) for name, one in getattr(kind, "fields", {}).items()}
    return frozenset(
        one.name
        for one in schema.get_possible_types(kind)
        if all(str(one.fields[name].type) == form for name, form in own.items())
    )


def _uniform(kinds: list[Any]) -> frozenset[str]:
    forms: dict[str, set[str]] = defaultdict(set)
    for kind in kinds:
        for name, field in getattr(kind, "fields", {}).items():
            forms[name].add(_form(field.type))
    return frozenset(name for name, found in forms.items() if len(found) == 1) | {"__typename"}


def _form(kind: Any) -> str:
    """Objects of two types may be answered under one name; what is in them is compared then."""
    named = get_named_type(kind)
    return str(kind) if is_leaf_type(named) else str(kind).replace(named.name, "{}")
