"""An input that stands before every start: the library finds out the types of its fields anew each
time, though they never change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strawberry.scalars import is_scalar
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.unset import UNSET

Place = tuple[str, Any]
"""The field, and what its values are made into: None where they stay as they are."""


def build_quickly(kind: type[Any]) -> None:
    """For an input whose optional fields all have a default."""
    definition: StrawberryObjectDefinition = kind.__strawberry_definition__
    places: dict[str, Place] = {}

    def built(kind: type[Any], given: Mapping[str, Any], context: InputContext) -> Any:
        if not places:
            places.update(_places(definition, context))
        values: dict[str, Any] = {}
        for name, value in given.items():
            field, type_ = places[name]
            if type_ is not None and value is not None and value is not UNSET:
                values[field] = context.convert(value, type_, name)
            else:
                values[field] = value
        return kind(**values)

    definition.from_input = built


def _places(definition: StrawberryObjectDefinition, context: InputContext) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for field in definition.fields:
        type_: Any = field.resolve_type(type_definition=definition)
        if isinstance(type_, StrawberryOptional):
            type_ = type_.of_type
        ready = isinstance(type_, StrawberryEnumDefinition) or is_scalar(
            type_, context.scalar_registry
        )
        name = context.config.name_converter.from_field(field)
        found[name] = (str(field.python_name), None if ready else type_)
    return found
