"""A stable name for every step: the same text gives the same keys, and an edit elsewhere does not
move them. `writer`, `parallel/left/researcher`, `loop/editor`, `writer~2`.

A key is the way down: the key of the container, the group inside it (then, else, a branch, an arm)
and the step's own label. A container is called by its kind alone, so that what is put into it
renames nothing; only where several of a kind stand in one block does the first entity inside tell
them apart, as in `loop:editor`. Rounds, items and further attempts add `[n]` to the container at
run time.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from server.bal.nodes import (
    Arm,
    Block,
    Call,
    Chain,
    Fields,
    Filter,
    Gate,
    If,
    Loop,
    Map,
    Merge,
    Name,
    Node,
    Parallel,
    Processor,
    Program,
    Route,
    Select,
    Step,
    Try,
    Use,
    When,
)

LONGEST_KEY = 190
LONGEST_LABEL = 60
MARKED = str.maketrans({mark: f"%{ord(mark):02x}" for mark in "/[]~#%\n\r\t"})

Group = tuple[str, tuple[Step, ...]]


class StepKeys:
    """Keys by node. Equal nodes at different places are different steps, so a node is known by
    its identity; `program` keeps the nodes alive."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._keys: dict[int, str] = {}
        self._tails: dict[int, str] = {}

    def __getitem__(self, step: Node) -> str:
        return self._keys[id(step)]

    def __contains__(self, step: Node) -> bool:
        return id(step) in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, step: Node) -> str | None:
        return self._keys.get(id(step))

    def tail(self, step: Node) -> str:
        """What the step adds to the key of its container."""
        return self._tails[id(step)]

    def name(self, step: Node, parent: str, tail: str) -> str:
        key = child_key(parent, tail)
        self._keys[id(step)] = key
        self._tails[id(step)] = tail
        return key


def step_keys(program: Program) -> StepKeys:
    keys = StepKeys(program)
    waiting: list[tuple[str, list[Group]]] = [("", [("", program.steps)])]
    while waiting:
        parent, inside = waiting.pop()
        for step, tail in _tails(inside):
            key = keys.name(step, parent, tail)
            waiting.extend(_inside(step, key, keys))
    return keys


def child_key(parent: str, tail: str) -> str:
    """Very deep programs get the digest of the way down instead of the way itself."""
    if not parent:
        return tail
    key = f"{parent}/{tail}"
    if len(key) <= LONGEST_KEY:
        return key
    return f"#{hashlib.sha256(parent.encode()).hexdigest()[:24]}/{tail}"


def branch_names(step: Parallel) -> list[str]:
    """The field of each branch in the result: its label, else `branch_<position>`."""
    return [
        branch.label.value if branch.label else f"branch_{position}"
        for position, branch in enumerate(step.branches)
    ]


def arm_key(arm: Arm) -> str:
    return arm.key.value


def arm_steps(arm: Arm) -> tuple[Step, ...]:
    return arm.body.steps if isinstance(arm.body, Block) else (arm.body,)


def else_ifs(step: If) -> tuple[list[If], Block | None]:
    """The `else if`s in written order and the last else: a long chain of them is flat."""
    found: list[If] = []
    otherwise = step.otherwise
    while isinstance(otherwise, If):
        found.append(otherwise)
        otherwise = otherwise.otherwise
    return found, otherwise


def groups(step: Step) -> list[Group]:
    """The blocks inside a step by their place in it; an `else if` is not entered."""
    match step:
        case Chain() | Gate() | Loop() | Map() | Filter():
            return [("", step.body.steps)]
        case Parallel():
            names = branch_names(step)
            return [(name, (b.step,)) for name, b in zip(names, step.branches, strict=True)]
        case If():
            last = step.otherwise
            rest = [("else", last.steps)] if isinstance(last, Block) else []
            return [("then", step.then.steps), *rest]
        case Try():
            parts = (("body", step.body), ("catch", step.catch), ("finally", step.final))
            return [(place, block.steps) for place, block in parts if block is not None]
        case Route() | When():
            return [(arm_key(arm), arm_steps(arm)) for arm in step.arms]
        case _:
            return []


def _inside(step: Step, key: str, keys: StepKeys) -> Iterator[tuple[str, list[Group]]]:
    if not isinstance(step, If):
        yield key, [(_safe(place), steps) for place, steps in groups(step)]
        return
    chain, otherwise = else_ifs(step)
    blocks: list[Group] = [("then", step.then.steps)]
    for other, tail in zip(chain, _numbered(_elif_labels(chain)), strict=True):
        keys.name(other, key, tail)
        blocks.append((tail, other.then.steps))
    if otherwise is not None:
        blocks.append(("else", otherwise.steps))
    yield key, blocks


def _tails(inside: list[Group]) -> Iterator[tuple[Step, str]]:
    for place, steps in inside:
        prefix = f"{place}/" if place else ""
        for step, label in zip(steps, _numbered(_labels(steps)), strict=True):
            yield step, prefix + label


def _numbered(labels: Iterable[str]) -> Iterator[str]:
    """`~2`, `~3` … only among equal labels of one block."""
    seen: Counter[str] = Counter()
    for label in labels:
        seen[label] += 1
        yield label if seen[label] == 1 else f"{label}~{seen[label]}"


def _elif_labels(chain: list[If]) -> list[str]:
    if len(chain) == 1:
        return ["elif"]
    return [_told_apart("elif", one.then.steps) for one in chain]


def _labels(steps: tuple[Step, ...]) -> Iterator[str]:
    kinds = Counter(map(step_type, steps))
    for step in steps:
        kind = step_type(step)
        own = _own_label(step)
        if own is not None:
            yield _safe(own)
        else:
            yield kind if kinds[kind] == 1 else _told_apart(kind, (step,))


def _told_apart(kind: str, steps: tuple[Step, ...]) -> str:
    inside = _first_inside(steps)
    return _safe(f"{kind}:{inside}" if inside else kind)


def _own_label(step: Step) -> str | None:
    """What the step says itself; a container says nothing."""
    match step:
        case Call():
            return step.entity.value
        case Use():
            return f"use:{step.tool.value}"
        case Select(fields=fields) | Merge(fields=fields):
            return f"{step_type(step)}:{_capture(step) or _field_names(fields)}"
        case Processor():
            return f"processor:{_capture(step) or step.label.value}"
        case _:
            return None


def step_type(step: Step) -> str:
    """The word of the construct: entity, use, chain, parallel …"""
    return "entity" if isinstance(step, Call) else type(step).__name__.lower()


def _capture(step: Step) -> str | None:
    match step.capture:
        case None:
            return None
        case Name(value=value):
            return value
        case variable:
            return variable.name


def _field_names(fields: Fields) -> str:
    return "+".join(field.key.value for field in fields.fields)


def _first_inside(steps: tuple[Step, ...]) -> str:
    """The first entity or tool in written order."""
    waiting: list[Step] = list(reversed(steps))
    while waiting:
        step = waiting.pop()
        match step:
            case Call():
                return step.entity.value
            case Use():
                return step.tool.value
            case When():
                return step.entity.value
            case Route(classifier=Name(value=name)):
                return name
            case If(otherwise=If() as other):
                waiting.append(other)
            case _:
                pass
        for _, inside in reversed(groups(step)):
            waiting.extend(reversed(inside))
    return ""


def _safe(label: str) -> str:
    safe = label.translate(MARKED)
    if len(safe) <= LONGEST_LABEL:
        return safe
    return safe[: LONGEST_LABEL - 9] + "#" + hashlib.sha256(label.encode()).hexdigest()[:8]
