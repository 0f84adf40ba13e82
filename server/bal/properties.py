"""An entity as the rest of the product sees it: every property read, typed and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from server.bal.analytics import AnalyticsSpec, read_analytics
from server.bal.findings import Findings
from server.bal.nodes import Defaults, Entity, ListValue, Name, Node, Number, Property, Text, Value
from server.bal.output_targets import read_targets
from server.bal.property_values import (
    read_choice,
    read_flag,
    read_names,
    read_number,
    read_text,
    read_whole,
)
from server.bal.trigger_blocks import read_triggers
from server.bal.triggers import TriggerSpec
from server.bal.type_blocks import read_type_block
from server.bal.types import ObjectType
from server.bal.vocabulary import DEFAULTS_PROPERTIES, ENTITY_PROPERTIES, canonical_key

LONGEST_CACHE = 2_592_000


@dataclass(frozen=True, slots=True)
class StopWhen:
    """`steps` for stepCount:N, `tool` for hasToolResult:NAME, neither for noToolCalls."""

    steps: int | None = None
    tool: str | None = None


@dataclass(frozen=True, slots=True)
class DefaultsSpec:
    model: str | None = None
    fallbacks: tuple[str, ...] = ()
    no_fallbacks: bool = False
    queue: str | None = None
    timeout: int | float | None = None
    budget: int | float | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class EntitySpec:
    """What is None is not said in the text (nor in `defaults`). `no_fallbacks`: it
    wants none, not even those of its workspace. `reasoning` is a word or a flag;
    `unknown` keeps the keys that the language does not know."""

    name: str
    goal: str = ""
    description: str | None = None
    icon: str | None = None
    model: str | None = None
    fallbacks: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    can_request: tuple[str, ...] = ()
    input: ObjectType | None = None
    output: ObjectType | None = None
    history: str = "inherit"
    temperature: int | float | None = None
    max_tokens: int | None = None
    reasoning: str | bool | None = None
    stop_when: StopWhen | None = None
    retries: int | None = None
    timeout: int | float | None = None
    budget: int | float | None = None
    cache: int | float | None = None
    idempotent: bool | None = None
    on_tool_error: str = "tell"
    no_fallbacks: bool = False
    output_to: tuple[str, ...] = ()
    triggers: tuple[TriggerSpec, ...] = ()
    analytics: AnalyticsSpec | None = None
    unknown: dict[str, Value] = field(default_factory=dict[str, Value])


def entity_spec(entity: Entity, defaults: Defaults | None = None) -> EntitySpec:
    """The typed view; mistakes are left out of it, `check_entity` tells them."""
    findings = Findings()
    return check_entity(entity, check_defaults(defaults, findings), findings)


def check_entity(entity: Entity, defaults: DefaultsSpec, findings: Findings) -> EntitySpec:
    values = _known_properties(entity, findings)
    reasoning = values.get("reasoning")
    return EntitySpec(
        name=entity.name.value,
        goal=_read_goal(entity, values.get("goal"), findings),
        description=read_text("description", values.get("description"), findings),
        icon=read_text("icon", values.get("icon"), findings),
        model=_read_model(values.get("model"), findings) or defaults.model,
        fallbacks=read_names("fallbacks", values.get("fallbacks"), findings)
        if "fallbacks" in values
        else defaults.fallbacks,
        tools=read_names("tools", values.get("tools"), findings),
        can_request=read_names("can_request", values.get("can_request"), findings),
        input=read_type_block("input", values["input"], findings) if "input" in values else None,
        output=read_type_block("output", values["output"], findings)
        if "output" in values
        else None,
        history=read_choice("history", values.get("history"), _HISTORY, findings) or "inherit",
        temperature=read_number("temperature", values.get("temperature"), 0, 2, findings),
        max_tokens=read_whole("maxTokens", values.get("maxTokens"), 1, None, findings),
        reasoning=_read_reasoning(reasoning, findings),
        stop_when=_read_stop(values.get("stopWhen"), findings),
        retries=read_whole("retries", values.get("retries"), 0, 10, findings),
        timeout=_read_timeout(values.get("timeout"), findings) or defaults.timeout,
        budget=_read_budget(values.get("budget"), findings) or defaults.budget,
        cache=_read_cache(values.get("cache"), findings),
        no_fallbacks=_wants_none(values.get("fallbacks")) or defaults.no_fallbacks,
        idempotent=read_flag("idempotent", values.get("idempotent"), findings),
        on_tool_error=read_choice(
            "on_tool_error", values.get("on_tool_error"), _ON_TOOL_ERROR, findings
        )
        or "tell",
        output_to=read_targets(values.get("output_to"), findings),
        triggers=tuple(spec for spec, _ in trigger_nodes(values.get("trigger"), findings)),
        analytics=read_analytics(values["analytics"], findings) if "analytics" in values else None,
        unknown={key: value for key, value in values.items() if key not in _ENTITY_KEYS},
    )


def check_defaults(defaults: Defaults | None, findings: Findings) -> DefaultsSpec:
    if defaults is None:
        return DefaultsSpec()
    values: dict[str, Value] = {}
    for entry in defaults.value.entries:
        key = entry.key.value
        values.setdefault(key, entry.value)
        if key not in _DEFAULTS_KEYS:
            message = f"`{key}` is no key of `defaults`."
            hint = findings.meant(key, _DEFAULTS_KEYS)
            findings.warning("unknown_property", message, entry.key, hint)
    return DefaultsSpec(
        model=_read_model(values.get("model"), findings),
        fallbacks=read_names("fallbacks", values.get("fallbacks"), findings),
        no_fallbacks=_wants_none(values.get("fallbacks")),
        queue=read_text("queue", values.get("queue"), findings),
        timeout=_read_timeout(values.get("timeout"), findings),
        budget=_read_budget(values.get("budget"), findings),
        strict=read_flag("strict", values.get("strict"), findings),
    )


def trigger_nodes(value: Value | None, findings: Findings) -> list[tuple[TriggerSpec, Node]]:
    return [] if value is None else read_triggers(value, findings)


def property_of(entity: Entity, name: str) -> Property | None:
    """The first property of this name or of one of its aliases."""
    for one in entity.properties:
        if canonical_key(one.key.value) == name:
            return one
    return None


_HISTORY = ("inherit", "none")
_ON_TOOL_ERROR = ("tell", "pause")
_REASONING = ("low", "medium", "high")
_REASONING_FORMS = "true, false, low, medium or high"
_ENTITY_KEYS = frozenset(word.name for word in ENTITY_PROPERTIES)
_DEFAULTS_KEYS = tuple(word.name for word in DEFAULTS_PROPERTIES)
_ALL_ENTITY_KEYS = tuple(name for word in ENTITY_PROPERTIES for name in (word.name, *word.aliases))
_STOP = re.compile(r"(stepCount)\s*:\s*(\d{1,9})|(hasToolResult)\s*:\s*([\w.:/-]+)|noToolCalls")
_STOP_HINT = "It is stepCount:N, hasToolResult:NAME or noToolCalls."


def _known_properties(entity: Entity, findings: Findings) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for one in entity.properties:
        written = one.key.value
        name = canonical_key(written)
        if name in values:
            also = "" if written == name else f" (`{written}` is the same property as `{name}`)"
            message = f"`{entity.name.value}` has `{name}` twice{also}."
            findings.error("duplicate_property", message, one.key)
            continue
        values[name] = one.value
        if name not in _ENTITY_KEYS:
            message = f"`{written}` is no property of an entity; it is kept and has no effect."
            hint = findings.meant(written, _ALL_ENTITY_KEYS)
            findings.warning("unknown_property", message, one.key, hint)
    return values


def _read_goal(entity: Entity, value: Value | None, findings: Findings) -> str:
    if value is None:
        message = f"`{entity.name.value}` has no goal."
        hint = 'Say what it is to do: "goal": "Summarise the input".'
        if entity.name.value == "defaults":
            hint = "`defaults { … }` stands first in the program; anywhere else it is an entity."
        findings.error("missing_goal", message, entity.name, hint)
        return ""
    text = read_text("goal", value, findings)
    if text is not None and not text.strip():
        message = f"The goal of `{entity.name.value}` is blank."
        findings.error("missing_goal", message, value, "Say what the entity is to do.")
    return text or ""


def _read_model(value: Value | None, findings: Findings) -> str | None:
    text = read_text("model", value, findings)
    if value is None or text is None:
        return None
    if not text.strip() or any(mark.isspace() for mark in text.strip()):
        hint = "As in openai:gpt-4o-mini."
        findings.error("invalid_value", "A model is named `provider:model`.", value, hint)
        return None
    return text.strip()


def _read_reasoning(value: Value | None, findings: Findings) -> str | bool | None:
    if isinstance(value, Text | Name) and value.value in _REASONING:
        return value.value
    if isinstance(value, Text | Name) and (hint := findings.meant(value.value, _REASONING)):
        findings.error("invalid_value", f"`reasoning` is {_REASONING_FORMS}.", value, hint)
        return None
    return read_flag("reasoning", value, findings, _REASONING_FORMS)


def _read_stop(value: Value | None, findings: Findings) -> StopWhen | None:
    text = read_text("stopWhen", value, findings)
    if value is None or text is None:
        return None
    match = _STOP.fullmatch(text.strip())
    if match is None or (match[2] and int(match[2]) < 1):
        message = f"`{text}` does not say when the tools stop."
        findings.error("invalid_value", message, value, _STOP_HINT)
        return None
    return StopWhen(int(match[2]) if match[2] else None, match[4])


def _read_timeout(value: Value | None, findings: Findings) -> int | float | None:
    return read_number("timeout", value, 1, 86_400, findings)


def _read_budget(value: Value | None, findings: Findings) -> int | float | None:
    return read_number("budget", value, 0, None, findings, above=True)


def _wants_none(value: Value | None) -> bool:
    """An empty list says something that no list does not."""
    return isinstance(value, ListValue) and not value.items


def _read_cache(value: Value | None, findings: Findings) -> int | float | None:
    """Programs that are older than the word may have meant anything by it."""
    if value is not None and not isinstance(value, Number):
        message = "`cache` is a number of seconds; as it stands here it has no effect."
        findings.warning("unknown_property", message, value, 'As in "cache": 3600.')
        return None
    return read_number("cache", value, 0, LONGEST_CACHE, findings) or None
