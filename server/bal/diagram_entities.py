"""What a diagram shows of entities beyond the composition: their data, and who starts, spawns and
shares data with whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from server.bal.diagram_nodes import DiagramEdge, DiagramNode, EdgeType
from server.bal.entity_plans import plain
from server.bal.findings import Findings
from server.bal.nodes import Defaults, Entity, ListValue, Name, Property, Text, Value
from server.bal.output_targets import read_targets
from server.bal.trigger_blocks import read_triggers
from server.bal.triggers import TriggerSpec
from server.bal.vocabulary import canonical_key

_SHOWN: Final[dict[str, str]] = {
    "description": "description",
    "icon": "icon",
    "goal": "goal",
    "model": "model",
    "fallbacks": "fallbacks",
    "tools": "tools",
    "can_request": "canRequest",
    "input": "input",
    "output": "output",
    "history": "history",
    "temperature": "temperature",
    "maxTokens": "maxTokens",
    "reasoning": "reasoning",
    "stopWhen": "stopWhen",
    "retries": "retries",
    "timeout": "timeout",
    "budget": "budget",
    "cache": "cache",
    "idempotent": "idempotent",
    "on_tool_error": "onToolError",
    "output_to": "outputTo",
    "trigger": "trigger",
}
_ALWAYS: Final[dict[str, Any]] = {
    "goal": "",
    **dict.fromkeys(
        ("model", "trigger", "output", "temperature", "reasoning", "stopWhen", "retries")
    ),
}
"""What every entity shows, None when the text does not say it."""
_LISTS: Final = frozenset(("tools", "can_request", "fallbacks", "output_to"))
_SHARING: Final = ("store_memory", "shared_storage")
_SPAWNING: Final = "spawn_baleybot"
_MOST_SPAWN_EDGES: Final = 5000


def entity_data(entity: Entity, defaults: Defaults | None) -> dict[str, Any]:
    """The properties as they are written; the model also when it comes from `defaults`."""
    data: dict[str, Any] = {"name": entity.name.value, **_ALWAYS, "tools": [], "canRequest": []}
    for prop in entity.properties:
        key = canonical_key(prop.key.value)
        if key in _SHOWN:
            data[_SHOWN[key]] = _shown(key, prop.value)
    if data["model"] is None:
        data["model"] = _default_model(defaults)
    return data


def _shown(key: str, value: Value) -> Any:
    shown = plain(value)
    if key not in _LISTS or isinstance(shown, list):
        return shown  # type: ignore[reportUnknownVariableType]
    return [shown] if isinstance(value, Text | Name) else []


def _default_model(defaults: Defaults | None) -> Any:
    entries = defaults.value.entries if defaults else ()
    return next((plain(entry.value) for entry in entries if entry.key.value == "model"), None)


class Links:
    """Edges between entities, and the nodes of their triggers and outputs. `place` tells the node
    that stands for an entity."""

    def __init__(self, entities: tuple[Entity, ...], place: dict[str, str]) -> None:
        self.nodes: list[DiagramNode] = []
        self.edges: list[DiagramEdge] = []
        self._entities = entities
        self._place = place

    def draw(self) -> None:
        tools: dict[str, set[str]] = {}
        for entity in self._entities:
            for prop in entity.properties:
                key = canonical_key(prop.key.value)
                if key == "trigger":
                    self._triggers(entity.name.value, prop)
                elif key == "output_to":
                    self._outputs(entity.name.value, prop)
                elif key in ("tools", "can_request"):
                    tools.setdefault(entity.name.value, set()).update(_names(prop.value))
        self._spawning([name for name, used in tools.items() if _SPAWNING in used])
        for tool in _SHARING:
            self._sharing(tool, [name for name, used in tools.items() if tool in used])

    def _triggers(self, entity: str, prop: Property) -> None:
        specs = {spec.text: spec for spec, _ in read_triggers(prop.value, Findings())}
        for spec in specs.values():
            source = spec.source or ""
            if spec.kind == "bb_completion" and source in self._place:
                self._edge("trigger", source, entity, spec.ending)
            elif spec.kind != "manual":
                self._trigger_node(entity, spec, prop)

    def _trigger_node(self, entity: str, spec: TriggerSpec, prop: Property) -> None:
        node_id = f"trigger:{entity}:{spec.text}"
        data: dict[str, Any] = {
            "name": spec.words,
            "kind": spec.kind,
            "trigger": spec.text,
            "entity": entity,
            "enabled": spec.enabled,
        }
        self.nodes.append(DiagramNode(node_id, "trigger", data, span=prop.span))
        self.edges.append(DiagramEdge("trigger", node_id, self._place[entity]))

    def _outputs(self, entity: str, prop: Property) -> None:
        for target in dict.fromkeys(read_targets(prop.value, Findings())):
            node_id = f"output:{entity}:{target}"
            data = {"name": target, "entity": entity}
            self.nodes.append(DiagramNode(node_id, "output", data, span=prop.span))
            self.edges.append(DiagramEdge("output", self._place[entity], node_id))

    def _spawning(self, hubs: list[str]) -> None:
        """All hubs to all others; past a limit nobody can read them, then the first hub alone."""
        others = [entity.name.value for entity in self._entities]
        if len(hubs) * len(others) > _MOST_SPAWN_EDGES:
            hubs = hubs[:1]
        for hub in hubs:
            for other in others:
                if other != hub:
                    self._edge("spawn", hub, other)

    def _sharing(self, tool: str, names: list[str]) -> None:
        for other in names[1:]:
            self._edge("shared_data", names[0], other, tool)

    def _edge(self, kind: EdgeType, source: str, target: str, label: str | None = None) -> None:
        self.edges.append(DiagramEdge(kind, self._place[source], self._place[target], label))


def _names(value: Value) -> Iterator[str]:
    for item in value.items if isinstance(value, ListValue) else (value,):
        if isinstance(item, Text | Name):
            yield item.value
