"""Lists and objects whose fields are all plain are answered without the long way of graphql-core,
which makes a path, an info and half a dozen calls for every field of every row.

A selection is turned once per request into nested closures, one per field: the executor collects
the fields, so aliases, fragments, `@skip` and `@include` are its own. Whatever does not fit, such
as a null that may not be, an error or a value to wait for, is left to the long way, from the start
of that list or object: what is answered then, and every error with its place, comes from there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import signature
from operator import attrgetter
from types import CoroutineType
from typing import Any, Final

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

Complete = Callable[[Any], Any]
Field = tuple[str, Callable[[Any], Any], Complete]

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


class NotPlain(Exception):
    """This is for the long way."""


class ProjectingExecutor(StrawberryGraphQLCoreExecutionContext):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The details are kept with what was made of them: their identity is the key.
        self._made: dict[tuple[Any, int], tuple[FieldDetailsList, Complete | None]] = {}

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
        complete = self._complete_of(kind, details)
        if complete is None:
            return Undefined
        try:
            return complete(value)
        except Exception:
            # Not swallowed: the long way comes upon it too, and knows how to tell it.
            self._made[kind, id(details)] = (details, None)
            return Undefined

    def _complete_of(self, kind: Any, details: FieldDetailsList) -> Complete | None:
        key = (kind, id(details))
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = (details, self._compiled(kind, details))
        return found[1]

    def _compiled(self, kind: Any, details: FieldDetailsList) -> Complete | None:
        manager = self.middleware_manager
        if manager is not None and manager.middlewares:
            return None
        try:
            return self._present(kind, details, required=True)
        except NotPlain:
            return None

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
        raise NotPlain

    def _object(
        self, kind: GraphQLObjectType, details: FieldDetailsList, required: bool
    ) -> Complete:
        collected = self.collect_subfields(kind, details)
        if collected.new_defer_usages:
            raise NotPlain
        fields = [
            (name, *self._field(kind, name, inner))
            for name, inner in collected.grouped_field_set.items()
        ]
        return _object_of(kind, fields, required)

    def _field(
        self, parent: GraphQLObjectType, name: str, details: FieldDetailsList
    ) -> tuple[Callable[[Any], Any], Complete]:
        node = details[0].node
        if node.name.value == _TYPE_NAME:
            return _constant(parent.name), _as_given
        field = self.schema.get_field(parent, node.name.value)
        if field is None or field.args or node.arguments:
            raise NotPlain
        return self._getter(field, parent, name, details), self._complete(field.type, details)

    def _getter(
        self, field: GraphQLField, parent: GraphQLObjectType, name: str, details: FieldDetailsList
    ) -> Callable[[Any], Any]:
        """What takes an info gets one for all rows."""
        get, with_info, ours = _reader(field)
        if not with_info:
            return get
        path = Path(None, name, parent.name)
        raw = self.build_resolve_info(field, to_nodes(details), parent, path)
        info: Any = self.schema._strawberry_schema.config.info_class(_raw_info=raw, _field=ours)  # type: ignore[attr-defined]
        return _at_once(lambda source: get(source, info))


def _reader(field: GraphQLField) -> tuple[Callable[..., Any], bool, Any]:
    """Of a plain attribute, or of a method that takes nothing or no more than the info."""
    ours: Any = (field.extensions or {}).get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(ours, StrawberryField) or ours.extensions or ours.is_async:
        raise NotPlain
    if ours.base_resolver is None:
        return attrgetter(ours.python_name), False, ours
    call: Any = ours.base_resolver.wrapped_func
    taken = _parameters(call)
    if taken == ("self",):
        return _at_once(call), False, ours
    if taken != ("self", "info"):
        raise NotPlain
    return call, True, ours


@cache
def _parameters(call: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(signature(call).parameters)


def _constant(text: str) -> Callable[[Any], Any]:
    return lambda _: text


def _as_given(value: Any) -> Any:
    return value


def _at_once(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def get(source: Any) -> Any:
        found = call(source)
        if isinstance(found, CoroutineType):
            found.close()  # the long way makes another and waits for it
            raise NotPlain
        return found

    return get


def _list_of(complete: Complete, required: bool) -> Complete:
    def each(value: Any) -> list[Any] | None:
        if type(value) is list:
            return [complete(item) for item in value]
        return _nothing(value, required)

    return each


def _nothing(value: Any, required: bool) -> None:
    if required or value is not None:
        raise NotPlain


def _object_of(
    kind: GraphQLObjectType,
    fields: list[tuple[str, Callable[[Any], Any], Complete]],
    required: bool,
) -> Complete:
    check, known = kind.is_type_of, set[type]()

    def complete(source: Any) -> dict[str, Any] | None:
        if source is None:
            return _nothing(source, required)
        if check is not None and type(source) not in known:
            if check(source, None) is not True:  # type: ignore[arg-type]  # ours ask for no info
                raise NotPlain
            known.add(type(source))
        return {name: done(get(source)) for name, get, done in fields}

    return complete


def _leaf(kind: GraphQLLeafType, is_awaitable: Callable[[Any], bool], required: bool) -> Complete:
    plain, write = _AS_IT_IS.get(kind.name), kind.coerce_output_value

    def written(value: Any) -> Any:
        if value is None or value is Undefined:
            return _nothing(value, required)
        if isinstance(value, Exception) or is_awaitable(value):
            raise NotPlain
        found = write(value)
        if found is None or found is Undefined:
            raise NotPlain
        return found

    if isinstance(kind, GraphQLEnumType):
        return _enum(getattr(kind, "wrapped_cls", None), written)
    if plain is None:
        return written
    return lambda value: value if type(value) is plain else written(value)


def _enum(own: Any, written: Complete) -> Complete:
    names: dict[Any, str] = {}

    def complete(value: Any) -> Any:
        if type(value) is not own:
            return written(value)
        if value not in names:
            names[value] = written(value)
        return names[value]

    return complete
