"""The value of `trigger`: a text, a list of texts, or an object with `type`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from server.bal import triggers
from server.bal.expressions import ExpressionError, parse_expression
from server.bal.findings import Findings
from server.bal.nodes import Bool, Entry, ListValue, Name, Node, ObjectValue, Text, Value
from server.bal.triggers import KINDS, TriggerMistake, TriggerSpec, Wrong, parse_trigger

# Which keys of the object form belong to which kind.
_KEYS: dict[str, tuple[str, ...]] = {
    "manual": (),
    "webhook": ("webhookPath",),
    "schedule": ("schedule", "timezone"),
    "bb_completion": ("sourceBaleybotId", "completionType"),
    "db_event": ("connection", "table", "operation"),
    "event": ("event",),
}
_COMMON = ("type", "enabled", "condition")
_ALL_KEYS = (*_COMMON, *(key for keys in _KEYS.values() for key in keys))


def read_triggers(value: Value, findings: Findings) -> list[tuple[TriggerSpec, Node]]:
    """Each trigger with the node it stands at."""
    found: list[tuple[TriggerSpec, Node]] = []
    seen: set[str] = set()
    for node in value.items if isinstance(value, ListValue) else (value,):
        spec = _read_one(node, findings)
        if spec is None:
            continue
        if spec.text in seen:
            message = f"The trigger `{spec.text}` stands here twice."
            findings.warning("redundant_trigger", message, node)
        seen.add(spec.text)
        found.append((spec, node))
    return found


def _read_one(node: Value, findings: Findings) -> TriggerSpec | None:
    if isinstance(node, Text | Name):
        return _read_text(node, node.value, findings)
    if isinstance(node, ObjectValue):
        return _read_object(node, findings)
    hint = 'As in "schedule:daily@9am" or { type: schedule, schedule: "daily@9am" }.'
    findings.error("invalid_trigger", "A trigger is a text or an object.", node, hint)
    return None


def _read_text(node: Node, text: str, findings: Findings) -> TriggerSpec | None:
    spec = parse_trigger(text)
    if isinstance(spec, TriggerMistake):
        place = findings.inside(node, spec.start, spec.end)
        findings.error("invalid_trigger", spec.message, place, spec.hint)
        return None
    return spec


def _read_object(node: ObjectValue, findings: Findings) -> TriggerSpec | None:
    entries = {entry.key.value: entry for entry in node.entries}
    kind = _kind(node, entries, findings)
    for key, entry in entries.items():
        if key not in _ALL_KEYS:
            message = f"`{key}` is no key of a trigger."
            hint = findings.meant(key, _ALL_KEYS)
            findings.warning("unknown_property", message, entry.key, hint)
    if kind is None:
        return None
    before = findings.errors
    texts = dict(_texts(entries, findings))
    if findings.errors > before:
        return None
    try:
        spec = _build(kind, texts)
    except Wrong as wrong:
        at = next((entries[key].value for key in _KEYS[kind] if key in entries), node)
        findings.error("invalid_trigger", wrong.message, at, wrong.hint)
        return None
    return _with_condition(replace(spec, enabled=_enabled(entries, findings)), entries, findings)


def _kind(node: ObjectValue, entries: dict[str, Entry], findings: Findings) -> str | None:
    entry = entries.get("type")
    if entry is None:
        hint = f"It is one of {', '.join(KINDS)}."
        findings.error("invalid_trigger", "This trigger has no `type`.", node, hint)
        return None
    value = entry.value
    kind = value.value if isinstance(value, Text | Name) else ""
    kind = "bb_completion" if kind == "other_bb" else kind
    if kind not in _KEYS:
        hint = findings.meant(kind, KINDS) or f"It is one of {', '.join(KINDS)}."
        findings.error("invalid_trigger", f"`{kind}` is no kind of trigger.", value, hint)
        return None
    return kind


def _texts(entries: dict[str, Entry], findings: Findings) -> Iterator[tuple[str, str]]:
    for key, entry in entries.items():
        if key in ("type", "enabled") or key not in _ALL_KEYS:
            continue
        if isinstance(entry.value, Text | Name):
            yield key, entry.value.value
        else:
            findings.error("invalid_trigger", f"`{key}` is a text.", entry.value)


def _build(kind: str, texts: dict[str, str]) -> TriggerSpec:
    match kind:
        case "manual":
            return triggers.manual()
        case "webhook":
            return triggers.webhook(texts.get("webhookPath"))
        case "schedule":
            zone = f" tz={texts['timezone']}" if "timezone" in texts else ""
            spec = texts.get("schedule")
            return triggers.schedule(None if spec is None else f"{spec}{zone}")
        case "bb_completion":
            ending = texts.get("completionType", "success")
            return triggers.completion_of(texts.get("sourceBaleybotId", "").strip(), ending)
        case "event":
            return triggers.event(texts.get("event"))
        case _:
            place = texts.get("table", "")
            if "connection" in texts:
                place = f"{texts['connection']}/{place}"
            return triggers.db_event(f"{place}:{texts.get('operation', 'any')}")


def _enabled(entries: dict[str, Entry], findings: Findings) -> bool:
    entry = entries.get("enabled")
    if entry is None or isinstance(entry.value, Bool):
        return entry is None or (isinstance(entry.value, Bool) and entry.value.value)
    findings.error("invalid_trigger", "`enabled` is true or false.", entry.value)
    return True


def _with_condition(
    spec: TriggerSpec, entries: dict[str, Entry], findings: Findings
) -> TriggerSpec:
    entry = entries.get("condition")
    if entry is None or not isinstance(entry.value, Text | Name):
        return spec
    text = entry.value.value
    found = parse_expression(text)
    if isinstance(found, ExpressionError):
        place = findings.inside(entry.value, found.offset, found.end)
        findings.error("invalid_condition", found.message, place, found.hint)
        return spec
    return replace(spec, condition=text)
