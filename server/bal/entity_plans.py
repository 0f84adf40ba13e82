"""What the plan keeps of each entity, as data that can be stored."""

from __future__ import annotations

from typing import Any

from server.bal.nodes import (
    Bool,
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
from server.bal.properties import EntitySpec, StopWhen
from server.bal.triggers import TriggerSpec
from server.bal.types import to_text


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


def trigger_rows(triggers: tuple[TriggerSpec, ...]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "kind": one.kind,
            "text": one.text,
            "condition": one.condition,
            "enabled": one.enabled,
        }
        for one in triggers
    )


def entity_plan(spec: EntitySpec) -> EntityPlan:
    return EntityPlan(
        name=spec.name,
        goal=spec.goal,
        description=spec.description,
        model=spec.model,
        fallbacks=spec.fallbacks,
        tools=spec.tools,
        can_request=spec.can_request,
        input=None if spec.input is None else to_text(spec.input),
        output=None if spec.output is None else to_text(spec.output),
        history=spec.history,
        temperature=spec.temperature,
        max_tokens=spec.max_tokens,
        reasoning=spec.reasoning,
        stop_when=_stop_text(spec.stop_when),
        retries=spec.retries,
        timeout=spec.timeout,
        budget=spec.budget,
        idempotent=spec.idempotent is not False,
        output_to=spec.output_to,
        cache=spec.cache,
        no_fallbacks=spec.no_fallbacks,
        on_tool_error=spec.on_tool_error,
    )


def _stop_text(stop: StopWhen | None) -> str | None:
    if stop is None:
        return None
    if stop.steps is not None:
        return f"stepCount:{stop.steps}"
    return "noToolCalls" if stop.tool is None else f"hasToolResult:{stop.tool}"
