"""What changed in the composition. Steps are compared as the diagram shows them: equal ones are
matched first, then the ones of the same name, then the ones of the same kind."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from server.bal.diagram_flow import Flow
from server.bal.diagram_nodes import DiagramNode
from server.bal.diff_entities import json_text, listed
from server.bal.diff_nodes import Change
from server.bal.keys import step_keys
from server.bal.nodes import Program

_WORDS: Final[dict[str, str]] = {
    "tool": "the call of {name}",
    "select": "the select",
    "merge": "the merge",
    "processor": "the processor {name}",
    "if": "the choice “{condition}”",
    "gate": "the gate “{condition}”",
    "filter": "the filter “{condition}”",
    "parallel": "the parallel block",
    "map": "the map over {source}",
    "try": "the try",
    "route": "the route by {name}",
}
_NOT_COMPARED: Final = frozenset(("step", "missing"))
_ROUNDS: Final = 10


class _Side:
    """The drawn steps of one program, entity names already those of the new program."""

    def __init__(self, program: Program, renamed: Mapping[str, str]) -> None:
        flow = Flow(step_keys(program), {})
        flow.steps(program.steps, None, [])
        self.nodes = flow.nodes
        self.edges = flow.edges
        self.data = [_data(node, renamed) for node in flow.nodes]
        self.children: dict[str, list[int]] = defaultdict(list)
        for place, node in enumerate(flow.nodes):
            if node.parent is not None:
                self.children[node.parent].append(place)
        self.place = {node.id: place for place, node in enumerate(flow.nodes)}

    def words(self, place: int) -> str:
        node, data = self.nodes[place], self.data[place]
        if node.type == "baleybot":
            return str(data["name"])
        around = self._around(place)
        if node.type == "loop":
            return f"the loop{around}"
        words = _WORDS[node.type].format(**{**data, "name": json_text(data["name"])})
        return f"{words}{around}" if node.type in ("parallel", "try", "map") else words

    def article(self, place: int) -> str:
        node, data = self.nodes[place], self.data[place]
        if node.type == "loop":
            until = f" until {json_text(data['until'])}" if data.get("until") else ""
            rounds = f" of at most {data.get('max', _ROUNDS)} rounds"
            return f"a loop{rounds}{until}{self._around(place)}"
        words = self.words(place)
        return f"a {words.removeprefix('the ')}" if words.startswith("the ") else words

    def _around(self, place: int) -> str:
        names = [
            str(self.data[child]["name"])
            for child in self.children[self.nodes[place].id]
            if self.nodes[child].type in ("baleybot", "tool")
        ]
        shown = list(dict.fromkeys(names))
        return f" around {listed(shown[:3])}" if shown else ""

    def before(self, place: int) -> str:
        """` after writer`: the step that comes before this one."""
        target = self.nodes[place].id
        for edge in self.edges:
            if edge.target == target and edge.type != "loop" and edge.source in self.place:
                source = self.place[edge.source]
                if self.nodes[place].parent != edge.source:
                    return f" after {self.words(source)}"
        return ""


def composition_changes(old: Program, new: Program, renamed: Mapping[str, str]) -> list[Change]:
    before, after = _Side(old, renamed), _Side(new, {})
    if not before.nodes or not after.nodes:
        return list(_all_or_nothing(before, after))
    pairs = _pairs(before, after)
    found = [*_gone(before, pairs), *_new(after, pairs), *_different(before, after, pairs)]
    found += _moved(before, after, pairs)
    same = {place: place for place in pairs.values()}
    if not found and _ways(before, pairs) != _ways(after, same):
        sentence = f"the order of the steps is now {_order(after)}"
        found.append(
            Change("order_changed", "composition", _names(before), _names(after), sentence)
        )
    return found


def _data(node: DiagramNode, renamed: Mapping[str, str]) -> dict[str, Any]:
    data = {key: held for key, held in node.data.items() if key not in _NOT_COMPARED}
    if node.type == "baleybot" or "entity" in data:
        name = renamed.get(str(data["name"]), str(data["name"]))
        data = {**data, "name": name, **({"entity": name} if "entity" in data else {})}
    return data


def _all_or_nothing(before: _Side, after: _Side) -> Iterator[Change]:
    if after.nodes:
        sentence = f"the entities now run in order: {_order(after)}"
        yield Change("composition_added", "composition", None, _names(after), sentence)
    elif before.nodes:
        sentence = "the composition was removed"
        yield Change("composition_removed", "composition", _names(before), None, sentence)


def _order(side: _Side) -> str:
    words = [side.words(place) for place, node in enumerate(side.nodes) if node.parent is None]
    return ", ".join(words[:12]) + (" …" if len(words) > 12 else "")


def _names(side: _Side) -> list[str]:
    return [side.words(place) for place in range(len(side.nodes))]


# --- matching ----------------------------------------------------------------------------------


def _pairs(before: _Side, after: _Side) -> dict[int, int]:
    """New place by old place."""
    pairs: dict[int, int] = {}
    rules: tuple[Callable[[_Side, int], str], ...] = (_exactly, _by_key, _by_label, _by_kind)
    for rule in rules:
        taken = set(pairs.values())
        waiting: dict[str, deque[int]] = defaultdict(deque)
        for place in range(len(after.nodes)):
            if place not in taken:
                waiting[rule(after, place)].append(place)
        for place in range(len(before.nodes)):
            if place not in pairs and waiting[rule(before, place)]:
                pairs[place] = waiting[rule(before, place)].popleft()
    return pairs


def _exactly(side: _Side, place: int) -> str:
    parent = side.nodes[place].parent
    kind = side.nodes[side.place[parent]].type if parent is not None else ""
    return f"{kind} {side.nodes[place].type} {json.dumps(side.data[place], sort_keys=True)}"


def _by_key(side: _Side, place: int) -> str:
    return f"{side.nodes[place].type} {json.dumps(side.data[place], sort_keys=True)}"


def _by_label(side: _Side, place: int) -> str:
    """The same entity or tool, or the same construct with the same first step inside."""
    node = side.nodes[place]
    if node.type in ("baleybot", "tool"):
        return f"{node.type} {side.data[place]['name']}"
    return f"{node.type} {node.id.rpartition('/')[2].partition('~')[0]}"


def _by_kind(side: _Side, place: int) -> str:
    node = side.nodes[place]
    return f"{place} alone" if node.type in ("baleybot", "tool") else node.type


# --- telling -----------------------------------------------------------------------------------


def _gone(before: _Side, pairs: Mapping[int, int]) -> Iterator[Change]:
    for place, node in enumerate(before.nodes):
        if place not in pairs:
            is_step = node.type in ("baleybot", "tool")
            words = before.words(place)
            sentence = f"{words} is no longer a step" if is_step else f"{words} was removed"
            yield Change("step_removed", node.id, before.data[place], None, sentence)


def _new(after: _Side, pairs: Mapping[int, int]) -> Iterator[Change]:
    known = set(pairs.values())
    for place, node in enumerate(after.nodes):
        if place not in known:
            if node.type == "baleybot":
                sentence = f"{after.words(place)} is now a step{after.before(place)}"
            else:
                sentence = f"{after.article(place)} was added"
            yield Change("step_added", node.id, None, after.data[place], sentence)


def _different(before: _Side, after: _Side, pairs: Mapping[int, int]) -> Iterator[Change]:
    for old, new in pairs.items():
        one, other = before.data[old], after.data[new]
        if one != other:
            sentence = "; ".join(_settings(before.words(old), after.nodes[new].type, one, other))
            yield Change("step_changed", after.nodes[new].id, one, other, sentence)


def _settings(words: str, kind: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    told = False
    for key in {**old, **new}:
        if old.get(key) == new.get(key) or (key == "name" and kind != "processor"):
            continue
        told = True
        yield _setting(words, key, old.get(key), new.get(key))
    if not told:
        yield f"{words} changed"


def _setting(words: str, key: str, old: Any, new: Any) -> str:
    match key:
        case "max":
            return f"{words} now runs at most {new if new is not None else _ROUNDS} rounds"
        case "until":
            return f"{words} now runs until {json_text(new)}" if new else f"{words} has no until"
        case "condition" | "expression" | "source":
            return f"{words} now reads {json_text(new)}"
        case "capture":
            return f"{words} is kept as {new}" if new else f"{words} is no longer kept as {old}"
        case "with" | "arguments" | "fields":
            given = "is given" if key != "fields" else "now builds"
            return f"{words} {given} {listed(list(new))}" if new else f"{words} is given nothing"
        case "onError":
            return f"{words} on error: {new or 'stop'}"
        case "branches" if all(name.startswith("branch_") for name in new):
            return f"{words} now has {len(new)} branches"
        case "branches" | "keys":
            return f"{words} now has the ways {listed([str(one) for one in new])}"
        case _:
            return f"{key} of {words} is now {json_text(new)}"


def _moved(before: _Side, after: _Side, pairs: Mapping[int, int]) -> Iterator[Change]:
    """Into another container; one that was just put around it or taken away tells that itself."""
    known = set(pairs.values())
    for old, new in pairs.items():
        one, other = before.nodes[old].parent, after.nodes[new].parent
        source = before.place[one] if one is not None else None
        target = after.place[other] if other is not None else None
        expected = pairs.get(source) if source is not None else None
        if expected == target or (source is not None and source not in pairs):
            continue
        if target is not None and target not in known:
            continue
        where = f"into {after.words(target)}" if target is not None else "out of its block"
        sentence = f"{after.words(new)} moved {where}"
        yield Change("step_moved", after.nodes[new].id, one, other, sentence)


def _ways(side: _Side, names: Mapping[int, int]) -> Sequence[tuple[str, int, int, str]]:
    return sorted(
        (
            edge.type,
            names[side.place[edge.source]],
            names[side.place[edge.target]],
            edge.label or "",
        )
        for edge in side.edges
    )
