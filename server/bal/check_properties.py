"""Every property of every entity, the defaults and the analytics of the program."""

from __future__ import annotations

from server.bal.analytics import read_analytics
from server.bal.check_context import Context
from server.bal.nodes import Analytics
from server.bal.properties import check_defaults, check_entity


def check_properties(context: Context) -> None:
    program, findings = context.program, context.findings
    context.defaults = check_defaults(program.defaults, findings)
    for entity in program.entities:
        if findings.full:
            return
        spec = check_entity(entity, context.defaults, findings)
        context.specs.setdefault(entity.name.value, spec)
        context.entities.setdefault(entity.name.value, entity)
    for item in program.items:
        if isinstance(item, Analytics):
            read_analytics(item.value, findings)
