"""Lists and objects whose fields are all plain are answered without the long way of graphql-core,
which makes a path, an info and half a dozen calls for every field of every row.

A selection is turned into nested closures, one per field, and each answers its field for all rows
of a list at once. The executor collects the fields, so aliases, fragments, `@skip` and `@include`
are its own. The closures are kept with the document, unless what is selected depends on a
directive. Whatever does not fit, such as a null that may not be, an error
or a value to wait for, is left to the long way, from the start of that list or object: what is
answered then, and every error with its place, comes from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from inspect import signature
from itertools import islice
from operator import attrgetter
from types import CoroutineType
from typing import Any, Final, cast

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    Undefined,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor import to_nodes
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from server.api.row_fields import straight

Column = list[Any]
Complete = Callable[[Column], Column]
Get = Callable[[Column], Column]
Field = tuple[str, Get, Complete]

# What is written as it is when it has exactly this type.
_AS_IT_IS: Final = {
    "String": str,
    "ID": str,
    "Cursor": str,
    "BalSource": str,
    "Boolean": bool,
    "BigInt": int,
}
_TYPE_NAME: Final = "__typename"
_MISTAKE: Final = "UserError"
_NOTHING: Final = id(None)
_NONE: Final = {type(None)}


# What has exactly this type is written at once, without a look whether it is to be waited for.
_WRITTEN_AT_ONCE: Final = {"DateTime": datetime, "Decimal": Decimal}
_MOST_INT: Final = 2**31


class NotPlain(Exception):
    """This is for the long way."""


@dataclass(slots=True)
class Asking:
    """A field whose resolver takes an info: `info` is there while rows are read."""

    make: Callable[[ProjectingExecutor], Any]
    info: Any = None


@dataclass(slots=True)
class Plan:
    """How a value of one selection is answered; `complete` None: the long way."""

    complete: Complete | None
    asking: list[Asking] = field(default_factory=list[Asking])

    def apply(self, executor: ProjectingExecutor, value: Any) -> Any:
        if self.complete is None:
            return Undefined
        for one in self.asking:
            one.info = one.make(executor)
        try:
            return self.complete([value])[0]
        finally:
            for one in self.asking:
                one.info = None


LONG_WAY: Final = Plan(None)
Plans = dict[tuple[Any, ...], Plan]


class ProjectingExecutor(StrawberryGraphQLCoreExecutionContext):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept: Plans | None = getattr(self.context_value, "plans", None)
        # The details are kept with what was made of them: their identity is the key.
        self._made: dict[tuple[Any, int], tuple[FieldDetailsList, Plan]] = {}
        self._asking: list[Asking] = []

    def build_per_event_executor(self, payload: Any) -> ProjectingExecutor:
        """A subscription goes on for days: what was noted for one event goes with it."""
        one = cast("ProjectingExecutor", super().build_per_event_executor(payload))
        one._made, one._asking, one._relevant_sub_fields = {}, [], {}
        return one

    def complete_list_value(
        self,
        return_type: GraphQLList[Any],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        done = self._short_way(return_type, field_details_list, result, position_context)
        if done is not Undefined:
            return done
        return super().complete_list_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        done = self._short_way(return_type, field_details_list, result, position_context)
        if done is not Undefined:
            return done
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _short_way(
        self, kind: Any, details: FieldDetailsList, value: Any, position_context: Any
    ) -> Any:
        if position_context is not None:
            return Undefined
        try:
            return self._plan_of(kind, details).apply(self, value)
        except Exception:
            # Not swallowed: the long way comes upon it too, and knows how to tell it.
            self._made[kind, id(details)] = (details, LONG_WAY)
            return Undefined

    def _plan_of(self, kind: Any, details: FieldDetailsList) -> Plan:
        key = (kind, id(details))
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = (details, self._kept_plan(kind, details))
        return found[1]

    def _kept_plan(self, kind: Any, details: FieldDetailsList) -> Plan:
        if self._kept is None:
            return self._planned(kind, details)
        key = (kind, *[id(one.node) for one in details])
        plan = self._kept.get(key)
        if plan is None:
            plan = self._kept[key] = self._planned(kind, details)
        return plan

    def _planned(self, kind: Any, details: FieldDetailsList) -> Plan:
        manager = self.middleware_manager
        if manager is not None and manager.middlewares:
            return LONG_WAY
        self._asking = []
        try:
            return Plan(self._present(kind, details, required=True), self._asking)
        except NotPlain:
            return LONG_WAY

    def _complete(self, kind: GraphQLOutputType, details: FieldDetailsList) -> Complete:
        if isinstance(kind, GraphQLNonNull):
            inner = kind.of_type
            return self._present(inner, details, required=True)
        return self._present(kind, details, required=False)

    def _present(self, kind: Any, details: FieldDetailsList, *, required: bool) -> Complete:
        if isinstance(kind, GraphQLList):
            return _list_of(self._complete(kind.of_type, details), required)
        if isinstance(kind, GraphQLObjectType):
            return self._object(kind, details, required)
        if is_leaf_type(kind):
            return _leaf(kind, self.is_awaitable, required)
        if kind.name == _MISTAKE:
            return _none_of
        raise NotPlain

    def _object(
        self, kind: GraphQLObjectType, details: FieldDetailsList, required: bool
    ) -> Complete:
        collected = self.collect_subfields(kind, details)
        if collected.new_defer_usages:
            raise NotPlain
        fields = [
            self._field(kind, name, inner) for name, inner in collected.grouped_field_set.items()
        ]
        return _object_of(kind, fields, required)

    def _field(self, parent: GraphQLObjectType, name: str, details: FieldDetailsList) -> Field:
        node = details[0].node
        if node.name.value == _TYPE_NAME:
            return name, _constant(parent.name), _as_given
        field = self.schema.get_field(parent, node.name.value)
        if field is None or field.args or node.arguments:
            raise NotPlain
        get = self._getter(field, parent, name, details)
        return name, get, self._complete(field.type, details)

    def _getter(
        self, field: GraphQLField, parent: GraphQLObjectType, name: str, details: FieldDetailsList
    ) -> Get:
        """What takes an info gets one for all rows."""
        get, with_info, ours = _reader(field)
        if not with_info:
            return get
        path, nodes = Path(None, name, parent.name), to_nodes(details)

        def make(executor: ProjectingExecutor) -> Any:
            raw = executor.build_resolve_info(field, nodes, parent, path)
            config: Any = executor.schema._strawberry_schema.config  # type: ignore[attr-defined]
            return config.info_class(_raw_info=raw, _field=ours)

        asking = Asking(make)
        self._asking.append(asking)
        return _at_once(lambda source: get(source, asking.info))


def _reader(field: GraphQLField) -> tuple[Callable[..., Any], bool, Any]:
    """Of a plain attribute, or of a method that takes nothing or no more than the info. With an
    info it reads one row, else all of them."""
    ours: Any = (field.extensions or {}).get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(ours, StrawberryField) or ours.extensions or ours.is_async:
        raise NotPlain
    if ours.base_resolver is None:
        return _each(attrgetter(ours.python_name)), False, ours
    call: Any = ours.base_resolver.wrapped_func
    read = straight(call)
    if read is not None:
        return read, False, ours
    taken = _parameters(call)
    if taken == ("self",):
        return _at_once(call), False, ours
    if taken != ("self", "info"):
        raise NotPlain
    return call, True, ours


@cache
def _parameters(call: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(signature(call).parameters)


def _constant(text: str) -> Get:
    return lambda sources: [text] * len(sources)


def _as_given(values: Column) -> Column:
    return values


def _each(read: Callable[[Any], Any]) -> Get:
    return lambda sources: list(map(read, sources))


def _at_once(call: Callable[[Any], Any]) -> Get:
    def get(sources: Column) -> Column:
        return [_ready(call(source)) for source in sources]

    return get


def _ready(found: Any) -> Any:
    if isinstance(found, CoroutineType):
        found.close()  # the long way makes another and waits for it
        raise NotPlain
    return found


def _none_of(values: Column) -> Column:
    """As a rule nothing was wrong. Which type a mistake has is for the long way to find out."""
    if values:
        raise NotPlain
    return values


def _list_of(complete: Complete, required: bool) -> Complete:
    def lists(values: Column) -> Column:
        if len(values) == 1 and type(values[0]) is list:
            return [complete(values[0])]
        there = [value for value in values if not _missing(value, required)]
        if any(type(value) is not list for value in there):
            raise NotPlain
        done = iter(complete([item for value in there for item in value]))
        return [None if value is None else list(islice(done, len(value))) for value in values]

    return lists


def _missing(value: Any, required: bool) -> bool:
    if value is None and required:
        raise NotPlain
    return value is None


def _object_of(kind: GraphQLObjectType, fields: list[Field], required: bool) -> Complete:
    names = [name for name, _, _ in fields]
    readers = [(get, complete) for _, get, complete in fields]
    recognise = _recogniser(kind)

    def objects(sources: Column) -> Column:
        recognise(sources)
        columns = [complete(get(sources)) for get, complete in readers]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def complete(sources: Column) -> Column:
        """The same few objects stand beside many rows: each is answered once."""
        apart = {id(source): source for source in sources}
        if len(apart) == len(sources) and _NOTHING not in apart:
            return objects(sources)
        there = [one for one in apart.values() if not _missing(one, required)]
        done = dict(zip(map(id, there), objects(there), strict=True)) if there else {}
        return [done.get(id(source)) for source in sources]

    return complete


def _recogniser(kind: GraphQLObjectType) -> Callable[[Column], None]:
    check, known = kind.is_type_of, set[type]()

    def recognise(sources: Column) -> None:
        if check is None or known.issuperset(map(type, sources)):
            return
        for source in sources:
            if check(source, None) is not True:  # type: ignore[arg-type]  # ours ask for no info
                raise NotPlain
            known.add(type(source))

    return recognise


def _leaf(kind: GraphQLLeafType, is_awaitable: Callable[[Any], bool], required: bool) -> Complete:
    write = kind.coerce_output_value

    def written(value: Any) -> Any:
        if value is None and not required:
            return None
        if value is None or isinstance(value, Exception) or is_awaitable(value):
            raise NotPlain
        found = Undefined if value is Undefined else write(value)
        if found is None or found is Undefined:
            raise NotPlain
        return found

    def one_by_one(values: Column) -> Column:
        return list(map(written, values))

    quick = _quick_writer(kind)
    if quick is None:
        return one_by_one
    fitting, write_all = quick

    def complete(values: Column) -> Column:
        types = set(map(type, values))
        if types == fitting:
            return write_all(values)
        if required or types - fitting != _NONE:
            return one_by_one(values)
        there = iter(write_all([value for value in values if value is not None]))
        return [None if value is None else next(there) for value in values]

    return complete


def _quick_writer(kind: GraphQLLeafType) -> tuple[set[type], Complete] | None:
    """For values of exactly one type: how all of them are written."""
    write = kind.coerce_output_value
    if isinstance(kind, GraphQLEnumType):
        own = getattr(kind, "wrapped_cls", None)
        return None if own is None else ({own}, _Names(write).of)
    if kind.name in _AS_IT_IS:
        return {_AS_IT_IS[kind.name]}, _as_given
    if kind.name in _WRITTEN_AT_ONCE:
        return {_WRITTEN_AT_ONCE[kind.name]}, lambda values: list(map(write, values))
    return ({int}, _in_range) if kind.name == "Int" else None


class _Names(dict[Any, Any]):
    """What the members of an enum are called outside."""

    def __init__(self, write: Callable[[Any], Any]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, member: Any) -> Any:
        name = self[member] = self._write(member)
        return name

    def of(self, members: Column) -> Column:
        return list(map(self.__getitem__, members))


def _in_range(values: Column) -> Column:
    if values and not -_MOST_INT <= min(values) <= max(values) < _MOST_INT:
        raise NotPlain
    return values
