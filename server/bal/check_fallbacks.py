"""Models that step in for another one: whether they can do what it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from server.bal.check_context import Ability, Context
from server.bal.nodes import Entity, ListValue, Name, Node, Text, Value
from server.bal.properties import EntitySpec, property_of


def check_fallbacks(context: Context) -> None:
    """Each place is blamed once, however many entities share it."""
    if context.catalogue.ability is None:
        return
    blamed: set[tuple[int, str]] = set()
    for name, spec in context.specs.items():
        for model, node in _chain(context, context.entities.get(name)):
            for kind, message in _remarks(context, spec, model):
                if (node.span.start, kind) not in blamed:
                    blamed.add((node.span.start, kind))
                    context.findings.warning(kind, message, node, _HINTS[kind])


_HINTS = {
    "fallback_without_tools": "Name another model here, or take the tools away.",
    "smaller_context": "Name a model that reads as much; of what is too long for it the oldest "
    "messages are left out.",
}


def _remarks(context: Context, spec: EntitySpec, model: str) -> Iterator[tuple[str, str]]:
    able, first = _ability(context, model), _ability(context, spec.model)
    if able is None:
        return
    if (spec.tools or spec.can_request) and not able.tools:
        message = f"`{model}` knows no tools, and `{spec.name}` has some: it fails on this model."
        yield "fallback_without_tools", message
    if first is not None and _smaller(able.context, first.context):
        message = (
            f"`{model}` reads {able.context:,} tokens at most, `{spec.model}` {first.context:,}."
        )
        yield "smaller_context", message


def _ability(context: Context, model: str | None) -> Ability | None:
    known = context.catalogue.ability
    return None if known is None or not model else known(model)


def _smaller(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other


def _chain(context: Context, entity: Entity | None) -> Iterator[tuple[str, Node]]:
    own = None if entity is None else property_of(entity, "fallbacks")
    if own is not None:
        yield from _names(own.value)
        return
    defaults = context.program.defaults
    if defaults is not None:
        for entry in defaults.value.entries:
            if entry.key.value == "fallbacks":
                yield from _names(entry.value)


def _names(value: Value) -> Iterator[tuple[str, Node]]:
    for item in value.items if isinstance(value, ListValue) else (value,):
        if isinstance(item, Text | Name):
            yield item.value.strip(), item
