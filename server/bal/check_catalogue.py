"""Tools, models and connections against what the workspace has."""

from __future__ import annotations

from collections.abc import Iterator

from server.bal.check_context import Context
from server.bal.findings import Findings
from server.bal.nodes import Entity, ListValue, Name, Node, Text, Use, Value
from server.bal.properties import property_of, trigger_nodes
from server.bal.walk import all_steps


def check_catalogue(context: Context) -> None:
    catalogue, findings = context.catalogue, context.findings
    if catalogue.tools is not None:
        _check_tools(context, catalogue.tools)
    for entity in context.program.entities:
        if catalogue.models is not None:
            _check_models(entity, catalogue.models, findings)
        if catalogue.connections is not None:
            _check_connections(entity, catalogue.connections, findings)
    defaults = context.program.defaults
    if defaults is not None and catalogue.models is not None:
        for entry in defaults.value.entries:
            if entry.key.value in ("model", "fallbacks"):
                _check_model(entry.value, catalogue.models, findings)


def _check_tools(context: Context, known: frozenset[str]) -> None:
    for entity in context.program.entities:
        for key in ("tools", "can_request"):
            for name, node in _listed(entity, key):
                _check_tool(name, node, known, context.findings)
    for step in all_steps(context.program):
        if isinstance(step, Use):
            _check_tool(step.tool.value, step.tool, known, context.findings)


def _check_tool(name: str, node: Node, known: frozenset[str], findings: Findings) -> None:
    if name not in known:
        hint = findings.meant(name, known) or "Add the tool to the workspace, or rename it here."
        findings.warning("unknown_tool", f"The workspace has no tool `{name}`.", node, hint)


def _check_models(entity: Entity, known: frozenset[str], findings: Findings) -> None:
    for key in ("model", "fallbacks"):
        written = property_of(entity, key)
        if written is not None:
            _check_model(written.value, known, findings)


def _check_model(value: Value, known: frozenset[str], findings: Findings) -> None:
    for name, node in _names(value):
        if name in known or name.startswith("demo:"):
            continue
        if ":" not in name and any(one.partition(":")[2] == name for one in known):
            continue
        hint = findings.meant(name, known)
        findings.warning("unknown_model", f"The workspace has no model `{name}`.", node, hint)


def _check_connections(entity: Entity, known: frozenset[str], findings: Findings) -> None:
    written = property_of(entity, "trigger")
    if written is None:
        return
    for trigger, node in trigger_nodes(written.value, Findings()):
        name = trigger.connection
        if name is not None and name not in known:
            message = f"The workspace has no connection `{name}`."
            hint = findings.meant(name, known)
            findings.warning("unknown_connection", message, node, hint)


def _listed(entity: Entity, key: str) -> Iterator[tuple[str, Node]]:
    written = property_of(entity, key)
    if written is not None:
        yield from _names(written.value)


def _names(value: Value) -> Iterator[tuple[str, Node]]:
    for item in value.items if isinstance(value, ListValue) else (value,):
        if isinstance(item, Text | Name):
            yield item.value.strip(), item
