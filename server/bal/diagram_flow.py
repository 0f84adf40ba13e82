"""From the composition to nodes, edges and boxes: one drawing function per construct.

A *port* is an end that waits for the next node: where it comes from and as what kind of edge. Every
construct has exactly one node that others lead to, so the number of edges stays linear.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.bal.diagram_layout import Box, Leaf, column, frame, row
from server.bal.diagram_nodes import DiagramEdge, DiagramNode, EdgeType, NodeType
from server.bal.entity_plans import plain
from server.bal.json_values import plain_fields
from server.bal.keys import StepKeys, branch_names, child_key
from server.bal.literals import path_text, reference_text
from server.bal.nodes import (
    Arm,
    Block,
    Call,
    Chain,
    Condition,
    Fields,
    Filter,
    Gate,
    If,
    Loop,
    Map,
    Merge,
    Name,
    Parallel,
    Path,
    Processor,
    Route,
    Select,
    Setting,
    Step,
    StepNode,
    Try,
    Use,
    When,
)


@dataclass(frozen=True, slots=True)
class Port:
    source: str
    type: EdgeType = "chain"
    label: str | None = None


Ends = list[Port]


class Flow:
    """Draws steps; `entities` has the data of each entity by name."""

    def __init__(self, keys: StepKeys, entities: Mapping[str, dict[str, Any]]) -> None:
        self.nodes: list[DiagramNode] = []
        self.edges: list[DiagramEdge] = []
        self.first: dict[str, str] = {}
        self._keys = keys
        self._entities = entities

    def steps(self, steps: Sequence[Step], parent: str | None, ends: Ends) -> tuple[Ends, Box]:
        boxes: list[Box] = []
        for step in steps:
            ends, box = self.step(step, parent, ends)
            boxes.append(box)
        return ends, row(boxes)

    def step(self, step: Step, parent: str | None, ends: Ends) -> tuple[Ends, Box]:
        match step:
            case Call(entity=name, context=context):
                data = {"with": plain_fields(context)} if context else {}
                return self._entity(self._keys[step], name.value, step, parent, ends, data)
            case Chain(body=body):
                return self.steps(body.steps, parent, ends)
            case If():
                return self._if(step, parent, ends)
            case Gate(condition=condition, body=body):
                return self._gate(step, condition, body, parent, ends)
            case When():
                return self._when(step, parent, ends)
            case Use() | Select() | Merge() | Processor():
                return self._simple(step, parent, ends)
            case _:
                return self._container(step, parent, ends)

    # --- single nodes --------------------------------------------------------------------------

    def _node(
        self,
        node_id: str,
        kind: NodeType,
        step: StepNode,
        parent: str | None,
        ends: Ends,
        data: dict[str, Any],
    ) -> None:
        data["step"] = self._keys[step]
        if step.capture is not None:
            data["capture"] = reference_text(step.capture)
        if step.on_error is not None:
            data["onError"] = step.on_error.action
        self.nodes.append(DiagramNode(node_id, kind, data, parent, span=step.span))
        for end in ends:
            self.edges.append(DiagramEdge(end.type, end.source, node_id, end.label))

    def _entity(
        self,
        node_id: str,
        name: str,
        step: StepNode,
        parent: str | None,
        ends: Ends,
        data: dict[str, Any],
    ) -> tuple[Ends, Box]:
        known = self._entities.get(name)
        data = {**(known or {"name": name, "missing": True}), **data}
        self._node(node_id, "baleybot", step, parent, ends, data)
        self.first.setdefault(name, node_id)
        return [Port(node_id)], Leaf(node_id)

    def _simple(
        self, step: Use | Select | Merge | Processor, parent: str | None, ends: Ends
    ) -> tuple[Ends, Box]:
        kind: NodeType
        match step:
            case Use(tool=tool, arguments=arguments):
                kind, data = "tool", {"name": tool.value, "arguments": _fields(arguments)}
            case Select(fields=fields):
                kind, data = "select", {"name": "Select", "fields": _fields(fields)}
            case Merge(fields=fields):
                kind, data = "merge", {"name": "Merge", "fields": _fields(fields)}
            case Processor(label=label, expression=expression):
                kind = "processor"
                data = {"name": label.value, "expression": expression.text.value}
        key = self._keys[step]
        self._node(key, kind, step, parent, ends, data)
        return [Port(key)], Leaf(key)

    # --- choices -------------------------------------------------------------------------------

    def _if(self, step: If, parent: str | None, ends: Ends) -> tuple[Ends, Box]:
        """An `else if` is a choice of its own that the fail side leads to."""
        heads: list[Box] = []
        arms: list[Box] = []
        left: Ends = []
        one: If | Block | None = step
        while isinstance(one, If):
            key, condition = self._keys[one], one.condition.text.value
            self._node(key, "if", one, parent, ends, {"name": condition, "condition": condition})
            heads.append(Leaf(key))
            passed: Ends = [Port(key, "conditional_pass", "pass")]
            after, box = self.steps(one.then.steps, parent, passed)
            left += after
            arms.append(box)
            ends = [Port(key, "conditional_fail", "fail")]
            one = one.otherwise
        if one is not None:
            ends, box = self.steps(one.steps, parent, ends)
            arms.append(box)
        return left + ends, row([column(heads), column(arms)])

    def _gate(
        self, step: Gate, condition: Condition, body: Block, parent: str | None, ends: Ends
    ) -> tuple[Ends, Box]:
        key, text = self._keys[step], condition.text.value
        self._node(key, "gate", step, parent, ends, {"name": text, "condition": text})
        left, box = self.steps(body.steps, parent, [Port(key, "conditional_pass", "pass")])
        return [*left, Port(key, "conditional_fail", "fail")], row([Leaf(key), box])

    def _when(self, step: When, parent: str | None, ends: Ends) -> tuple[Ends, Box]:
        name = step.entity.value
        key = child_key(self._keys[step], name)
        _, judge = self._entity(key, name, step, parent, ends, {})
        ways: dict[str, Port] = {
            "pass": Port(key, "conditional_pass", "pass"),
            "fail": Port(key, "conditional_fail", "fail"),
        }
        left: Ends = []
        boxes: list[Box] = []
        for arm in step.arms:
            way = ways.pop(arm.key.value, Port(key, "route", arm.key.value))
            after, box = self._arm(arm, parent, [way])
            left += after
            boxes.append(box)
        return [*left, *ways.values()], row([judge, column(boxes)])

    def _arm(self, arm: Arm, parent: str | None, ends: Ends) -> tuple[Ends, Box]:
        body = arm.body
        steps = body.steps if isinstance(body, Block) else (body,)
        return self.steps(steps, parent, ends)

    # --- containers ----------------------------------------------------------------------------

    def _container(self, step: Step, parent: str | None, ends: Ends) -> tuple[Ends, Box]:
        key = self._keys[step]
        match step:
            case Parallel():
                self._node(key, "parallel", step, parent, ends, _parallel_data(step))
                inner = self._branches(step, key)
            case Loop():
                self._node(key, "loop", step, parent, ends, _loop_data(step))
                inner = self._loop(step, key)
            case Map():
                self._node(key, "map", step, parent, ends, _map_data(step))
                _, inner = self.steps(step.body.steps, key, [Port(key, "map", "each item")])
            case Filter(condition=condition, body=body):
                text = condition.text.value
                self._node(key, "filter", step, parent, ends, {"name": text, "condition": text})
                if not body.steps:
                    return [Port(key)], Leaf(key)
                _, inner = self.steps(body.steps, key, [Port(key, "conditional_pass", "pass")])
            case Try():
                self._node(key, "try", step, parent, ends, {"name": "Try", **_plain(step.settings)})
                inner = self._try(step, key)
            case Route():
                inner = self._route(step, key, parent, ends)
            case _:
                raise TypeError(type(step).__name__)
        return [Port(key)], frame(key, inner)

    def _branches(self, step: Parallel, key: str) -> Box:
        boxes: list[Box] = []
        for name, branch in zip(branch_names(step), step.branches, strict=True):
            label = name if branch.label else None
            boxes.append(self.step(branch.step, key, [Port(key, "parallel", label)])[1])
        return column(boxes)

    def _loop(self, step: Loop, key: str) -> Box:
        """The way back goes from every end of the body to its first node."""
        first = len(self.nodes)
        ends, inner = self.steps(step.body.steps, key, [Port(key)])
        label = self.nodes[first - 1].data["name"]
        for end in ends if step.body.steps else ():
            self.edges.append(DiagramEdge("loop", end.source, self.nodes[first].id, label))
        return inner

    def _try(self, step: Try, key: str) -> Box:
        boxes: list[Box] = [self.steps(step.body.steps, key, [Port(key)])[1]]
        if step.catch is not None:
            failed: Ends = [Port(key, "conditional_fail", "error")]
            boxes.append(self.steps(step.catch.steps, key, failed)[1])
        if step.final is not None:
            boxes.append(self.steps(step.final.steps, key, [Port(key, "chain", "finally")])[1])
        return column(boxes)

    def _route(self, step: Route, key: str, parent: str | None, ends: Ends) -> Box:
        head, source = step.classifier, key
        name = head.value if isinstance(head, Name) else head.text.value
        data = {"name": name, "entity" if isinstance(head, Name) else "condition": name}
        self._node(key, "route", step, parent, ends, {**data, "keys": _arm_keys(step.arms)})
        judge: list[Box] = []
        if isinstance(head, Name):
            source = child_key(key, name)
            judge = [self._entity(source, name, step, key, [Port(key)], {})[1]]
        arms = [self._arm(arm, key, [Port(source, "route", arm.key.value)])[1] for arm in step.arms]
        return row([*judge, column(arms)])


def _arm_keys(arms: Iterable[Arm]) -> list[str]:
    return [arm.key.value for arm in arms]


def _fields(fields: Fields | None) -> dict[str, Any] | None:
    return None if fields is None else plain_fields(fields)


def _plain(settings: Iterable[Setting]) -> dict[str, Any]:
    return {
        one.key.value: one.value.text.value
        if isinstance(one.value, Condition)
        else plain(one.value)
        for one in settings
    }


def _parallel_data(step: Parallel) -> dict[str, Any]:
    return {"name": "In parallel", "branches": branch_names(step), **_plain(step.settings)}


def _loop_data(step: Loop) -> dict[str, Any]:
    data = _plain(step.settings)
    words: list[str] = []
    if "until" in data:
        words.append(f"until {data['until']}")
    if "max" in data:
        words.append(f"at most {data['max']} times")
    return {"name": ", ".join(words), **data}


def _map_data(step: Map) -> dict[str, Any]:
    source = step.source
    text = path_text(source) if isinstance(source, Path) else source.value
    return {"name": f"each of {text}", "source": text, **_plain(step.settings)}
