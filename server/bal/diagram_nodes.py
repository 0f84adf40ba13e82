"""The diagram as data: nodes, edges, places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from server.bal.span import NOWHERE, Span

NodeType = Literal[
    "baleybot",
    "trigger",
    "output",
    "tool",
    "select",
    "merge",
    "processor",
    "if",
    "gate",
    "filter",
    "parallel",
    "loop",
    "map",
    "try",
    "route",
]
EdgeType = Literal[
    "chain",
    "parallel",
    "conditional_pass",
    "conditional_fail",
    "loop",
    "map",
    "route",
    "spawn",
    "shared_data",
    "trigger",
    "output",
]

NODE_WIDTH: Final = 280
NODE_HEIGHT: Final = 150
ANIMATED: Final = frozenset(("chain", "spawn"))


@dataclass(frozen=True, slots=True)
class DiagramNode:
    """`id` is the key of the step (as in the records of a run), or the name of an entity that is
    no step. `parent` is the container that it stands in; `x` and `y` count from the corner
    of the diagram, not of the parent. `span` is its place in the text and no part of equality."""

    id: str
    type: NodeType
    data: dict[str, Any]
    parent: str | None = None
    x: int = 0
    y: int = 0
    width: int = NODE_WIDTH
    height: int = NODE_HEIGHT
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        span = self.span
        return {
            "id": self.id,
            "type": self.type,
            "data": self.data,
            "position": {"x": self.x, "y": self.y},
            "parent": self.parent,
            "width": self.width,
            "height": self.height,
            "span": {
                "line": span.line,
                "column": span.column,
                "endLine": span.end_line,
                "endColumn": span.end_column,
            },
        }


@dataclass(frozen=True, slots=True)
class DiagramEdge:
    type: EdgeType
    source: str
    target: str
    label: str | None = None

    @property
    def id(self) -> str:
        edge = f"{self.type}:{self.source}->{self.target}"
        return edge if self.label is None else f"{edge}:{self.label}"

    @property
    def animated(self) -> bool:
        return self.type in ANIMATED

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "target": self.target,
            "label": self.label,
            "animated": self.animated,
        }


@dataclass(frozen=True, slots=True)
class Diagram:
    nodes: tuple[DiagramNode, ...]
    edges: tuple[DiagramEdge, ...]

    def node(self, node_id: str) -> DiagramNode | None:
        return next((node for node in self.nodes if node.id == node_id), None)

    def to_json(self) -> dict[str, Any]:
        return {
            "nodes": [node.to_json() for node in self.nodes],
            "edges": [edge.to_json() for edge in self.edges],
        }
