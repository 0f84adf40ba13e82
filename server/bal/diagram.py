"""A program as a diagram. The text is the truth: this is a view of it, made anew each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from server.bal.collector import collector_paused
from server.bal.diagram_entities import Links, entity_data
from server.bal.diagram_flow import Flow
from server.bal.diagram_layout import Box, Leaf, Places, arrange
from server.bal.diagram_nodes import Diagram, DiagramEdge, DiagramNode
from server.bal.errors import Diagnostic
from server.bal.keys import step_keys
from server.bal.nodes import Entity, Program
from server.bal.parser import parse

__all__ = ["Diagram", "DiagramEdge", "DiagramNode", "Drawing", "diagram", "draw"]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Bad text has no diagram, only its mistakes."""

    diagram: Diagram | None
    diagnostics: tuple[Diagnostic, ...]


def draw(source: str) -> Drawing:
    parsed = parse(source)
    wrong = any(found.severity == "error" for found in parsed.diagnostics)
    return Drawing(None if wrong else diagram(parsed.program), tuple(parsed.diagnostics))


def diagram(program: Program) -> Diagram:
    with collector_paused():
        return _diagram(program)


def _diagram(program: Program) -> Diagram:
    defaults, defined = program.defaults, program.entities
    entities = {entity.name.value: entity_data(entity, defaults) for entity in defined}
    flow = Flow(step_keys(program), entities)
    _, composition = flow.steps(program.steps, None, [])
    alone = _alone(defined, flow.first, entities)
    links = Links(_once(defined), {**flow.first, **{node.id: node.id for node in alone}})
    links.draw()
    loose = [*_of_type(links.nodes, "trigger"), *alone, *_of_type(links.nodes, "output")]
    boxes: list[Box] = [*([composition] if program.steps else []), *(Leaf(n.id) for n in loose)]
    places = arrange(boxes, _between(links.edges, loose, bool(program.steps)))
    nodes = (*flow.nodes, *loose)
    return Diagram(
        tuple(_placed(node, places) for node in nodes), (*flow.edges, *_distinct(links.edges))
    )


def _once(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    seen: dict[str, Entity] = {}
    for entity in entities:
        seen.setdefault(entity.name.value, entity)
    return tuple(seen.values())


def _alone(
    entities: Sequence[Entity], drawn: dict[str, str], data: dict[str, dict[str, object]]
) -> list[DiagramNode]:
    """Entities that are no step: the only one, or ways in of their own."""
    return [
        DiagramNode(entity.name.value, "baleybot", data[entity.name.value], span=entity.span)
        for entity in _once(entities)
        if entity.name.value not in drawn
    ]


def _of_type(nodes: Sequence[DiagramNode], kind: str) -> list[DiagramNode]:
    return [node for node in nodes if node.type == kind]


def _between(
    edges: Sequence[DiagramEdge], loose: Sequence[DiagramNode], composed: bool
) -> list[tuple[int, int]]:
    """Edges between boxes; what has no box of its own is in the first one, the composition."""
    first = 1 if composed else 0
    box = {node.id: place for place, node in enumerate(loose, first)}
    pairs = ((box.get(edge.source, 0), box.get(edge.target, 0)) for edge in edges)
    return [(source, target) for source, target in pairs if source != target]


def _distinct(edges: Sequence[DiagramEdge]) -> list[DiagramEdge]:
    return list(dict.fromkeys(edges))


def _placed(node: DiagramNode, places: Places) -> DiagramNode:
    x, y, width, height = places[node.id]
    return replace(node, x=x, y=y, width=width, height=height)
