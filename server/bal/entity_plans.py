"""What the plan keeps of each entity."""

from __future__ import annotations

from typing import Any

from server.bal.nodes import (
    Bool,
    Entity,
    ListValue,
    Name,
    Null,
    Number,
    ObjectValue,
    Program,
    Text,
    Value,
)
from server.bal.plan_steps import EntityPlan
from server.bal.types import ObjectType, TypeField, TypeMistake, parse_type, to_text
from server.bal.values import is_list

ALIASES = {
    "canRequest": "can_request",
    "needsApproval": "can_request",
    "max_tokens": "maxTokens",
    "stop_when": "stopWhen",
    "triggers": "trigger",
    "outputTo": "output_to",
}


def plain(value: Value) -> Any:
    """A value of the text as JSON; a bare name is the text of that name."""
    match value:
        case Text(value=text) | Name(value=text):
            return text
        case Number(value=number):
            return number
        case Bool(value=flag):
            return flag
        case Null():
            return None
        case ListValue(items=items):
            return [plain(item) for item in items]
        case ObjectValue(entries=entries):
            return {entry.key.value: plain(entry.value) for entry in entries}


def defaults_of(program: Program) -> dict[str, Any]:
    return {} if program.defaults is None else plain(program.defaults.value)


def triggers_of(entity: Entity) -> tuple[Any, ...]:
    given = _properties(entity).get("trigger")
    if given is None:
        return ()
    value = plain(given)
    return tuple(value) if is_list(value) else (value,)


def entity_plan(entity: Entity, defaults: dict[str, Any]) -> EntityPlan:
    properties = _properties(entity)
    values = {name: plain(value) for name, value in properties.items()}
    return EntityPlan(
        name=entity.name.value,
        goal=values.get("goal", ""),
        description=values.get("description"),
        model=values.get("model", defaults.get("model")),
        fallbacks=_texts(values.get("fallbacks", defaults.get("fallbacks"))),
        tools=_texts(values.get("tools")),
        can_request=_texts(values.get("can_request")),
        input=_block(properties.get("input")),
        output=_block(properties.get("output")),
        history=values.get("history", "inherit"),
        temperature=values.get("temperature"),
        max_tokens=values.get("maxTokens"),
        reasoning=values.get("reasoning"),
        stop_when=values.get("stopWhen"),
        retries=values.get("retries"),
        timeout=values.get("timeout", defaults.get("timeout")),
        budget=values.get("budget", defaults.get("budget")),
        idempotent=values.get("idempotent") is not False,
        output_to=_texts(values.get("output_to")),
    )


def _properties(entity: Entity) -> dict[str, Value]:
    named = {one.key.value: one.value for one in entity.properties}
    return {ALIASES.get(name, name): value for name, value in named.items()}


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(dict.fromkeys(value)) if is_list(value) else ()


def _block(value: Value | None) -> str | None:
    return to_text(_object(value)) if isinstance(value, ObjectValue) else None


def _object(value: ObjectValue) -> ObjectType:
    fields: list[TypeField] = []
    for entry in value.entries:
        inner = entry.value
        if isinstance(inner, ObjectValue):
            fields.append(TypeField(entry.key.value, _object(inner)))
        elif isinstance(inner, Text | Name):
            parsed = parse_type(inner.value)
            if not isinstance(parsed, TypeMistake):
                fields.append(TypeField(entry.key.value, parsed))
    return ObjectType(tuple(fields))
