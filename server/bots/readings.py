"""All that an import or an export wants to know of a text, from reading it once. Reading many texts
keeps a core busy for seconds, so it is done in a thread, and never inside a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from server.bal.checker import check
from server.bal.nodes import Program
from server.bal.plan import Plan
from server.bal.planner import plan as make_plan
from server.bal.properties import entity_spec
from server.bots.programs import Face, face_of
from server.connections.uses import providers_in
from server.tools.catalogue import BUILT_IN

_BUILT_IN = frozenset(tool.name for tool in BUILT_IN)


@dataclass(frozen=True, slots=True)
class Reading:
    """`tools`: those that do not come with every installation. `plan`: None with mistakes."""

    face: Face
    mistakes: int
    providers: frozenset[str]
    tools: frozenset[str]
    plan: Plan | None


async def readings(sources: Iterable[str]) -> Mapping[str, Reading]:
    texts = set(sources)
    return await asyncio.to_thread(lambda: {text: read(text) for text in texts})


def read(source: str) -> Reading:
    report = check(source)
    return Reading(
        face=face_of(report),
        mistakes=sum(one.severity == "error" for one in report.diagnostics),
        providers=providers_in(report.program),
        tools=_tools(report.program),
        plan=make_plan(report.program) if report.ok else None,
    )


def _tools(program: Program) -> frozenset[str]:
    specs = [entity_spec(entity, program.defaults) for entity in program.entities]
    named = {name for spec in specs for name in (*spec.tools, *spec.can_request)}
    return frozenset(named) - _BUILT_IN
