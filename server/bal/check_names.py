"""Names of entities: defined once, known where they are used, used where they are defined."""

from __future__ import annotations

from server.bal.check_context import Context
from server.bal.findings import Findings
from server.bal.nodes import Loop, Name, When
from server.bal.properties import EntitySpec, property_of, trigger_nodes
from server.bal.span import Span
from server.bal.vocabulary import STEP_KEYWORDS
from server.bal.walk import all_steps, entity_reference

_SPAWN = "spawn_baleybot"
_KEYWORDS = tuple(word.name for word in STEP_KEYWORDS)


def check_names(context: Context) -> None:
    _check_duplicates(context)
    used = _check_references(context)
    if context.findings.full:
        return
    if context.program.steps:
        _check_unused(context, used)
        _check_redundant_triggers(context, used)
    else:
        _check_no_composition(context)


def _check_duplicates(context: Context) -> None:
    for entity in context.program.entities:
        name = entity.name.value
        first = context.entities[name]
        if first is not entity:
            message = f"The entity `{name}` is defined in line {first.span.line} already."
            context.findings.error(
                "duplicate_entity", message, entity.name, "Give it another name."
            )


def _check_references(context: Context) -> dict[str, Name]:
    """The first reference to each entity of the program."""
    used: dict[str, Name] = {}
    for step in all_steps(context.program):
        if context.findings.full:
            break
        _check_form(step, context.findings)
        name = entity_reference(step)
        if name is None:
            continue
        if name.value in context.entities:
            used.setdefault(name.value, name)
            continue
        _report_unknown(name, context)
    for name in used.values():
        if name.span.start < context.entities[name.value].span.start:
            message = f"`{name.value}` is used before its definition."
            hint = "It runs all the same; definitions are easier to read first."
            context.findings.warning("used_before_definition", message, name, hint)
    return used


def _report_unknown(name: Name, context: Context) -> None:
    findings = context.findings
    hint = findings.meant(name.value, context.entities) or findings.meant(name.value, _KEYWORDS)
    hint = hint or f'Define it: {name.value} {{ "goal": "…" }}'
    findings.error("unknown_entity", f"No entity is called `{name.value}`.", name, hint)


def _check_form(step: object, findings: Findings) -> None:
    if isinstance(step, When):
        hint = "Write `if` after the entity, or `route`."
        findings.warning("legacy_when", "`when` is an older form.", _keyword(findings, step), hint)
    elif isinstance(step, Loop) and not any(one.key.value == "max" for one in step.settings):
        if step.settings:
            message = "This loop has no `max`; it stops after 10 rounds."
            hint = 'Say so: loop("until": "…", "max": 10).'
            findings.warning("loop_without_max", message, _keyword(findings, step), hint)


def _keyword(findings: Findings, step: When | Loop) -> Span:
    lines = findings.lines
    start = step.span.start
    return lines.span(start, start + 4) if lines else step.span


def _check_unused(context: Context, used: dict[str, Name]) -> None:
    if any(_spawns(context.specs[name]) for name in used):
        return
    for name, spec in context.specs.items():
        if name not in used and not spec.triggers and not _spawns(spec):
            message = f"`{name}` is never run: no step names it and it has no trigger."
            context.findings.warning("unused_entity", message, context.entities[name].name)


def _check_no_composition(context: Context) -> None:
    """Entities with a trigger of their own run when it fires, so nothing is lost with them."""
    names = list(context.specs)
    if not names or _spawns(context.specs[names[0]]):
        return
    idle = [name for name in names[1:] if not context.specs[name].triggers]
    if not idle:
        return
    message = f"Only `{names[0]}` runs: the program has no composition."
    hint = f"Write for example `chain {{ {' '.join(names[:4])} }}`."
    context.findings.warning("no_composition", message, context.entities[names[0]].name, hint)


def _spawns(spec: EntitySpec) -> bool:
    return _SPAWN in spec.tools or _SPAWN in spec.can_request


def _check_redundant_triggers(context: Context, used: dict[str, Name]) -> None:
    """The composition runs both already; the completion of one must not start the other again."""
    for name, spec in context.specs.items():
        if name not in used or not any(one.source in used for one in spec.triggers):
            continue
        written = property_of(context.entities[name], "trigger")
        if written is None:
            continue
        for trigger, node in trigger_nodes(written.value, Findings()):
            if trigger.source in used:
                message = f"The composition runs `{name}` already; this trigger does nothing."
                context.findings.warning("redundant_trigger", message, node)
