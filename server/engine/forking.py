"""What an execution that begins again at some step takes over from an earlier one.

Everything before that step in the program, and everything that does not depend on it: the other
branches of a parallel block, the other items of a map. What comes after it in any block around it,
later rounds of a loop and later attempts of a try are done anew."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from server.bal.plan import Plan
from server.bal.plan_steps import (
    AnyStep,
    LoopStep,
    RouteStep,
    Steps,
    TryStep,
    WhenStep,
    steps_inside,
)

_TIMES = re.compile(r"\[(\d+)\]")
_INSIDE = ("/", "[", "#")
# Their blocks run one after the other.
IN_TURN = (TryStep, RouteStep, WhenStep)


class UnknownStep(LookupError):
    """The program has no such step."""


@dataclass(frozen=True, slots=True)
class Undone:
    """Keys as they run; what lies inside one of them is undone with it. `rounds`: of these blocks
    the rounds after the number. `around`: has no result any more, but what lies inside it stays."""

    keys: frozenset[str] = frozenset()
    rounds: Mapping[str, int] = field(default_factory=dict[str, int])
    around: frozenset[str] = frozenset()

    def __contains__(self, key: str) -> bool:
        return key in self.keys or any(self._holds(outer, key) for outer in _outer(key))

    def begun_inside(self) -> set[str]:
        """Whatever stands around something that is undone, by its key."""
        keys = (*self.keys, *self.around, *self.rounds)
        return {*self.rounds, *(outer for key in keys for outer in _outer(key))}

    def _holds(self, outer: str, key: str) -> bool:
        if outer in self.keys:
            return True
        number = self.rounds.get(outer)
        return number is not None and _later_round(key, outer, number)

    @classmethod
    def together(cls, parts: Iterable[Undone]) -> Undone:
        keys, around, rounds = set[str](), set[str](), dict[str, int]()
        for part in parts:
            keys |= part.keys
            around |= part.around
            for block, number in part.rounds.items():
                rounds[block] = min(number, rounds.get(block, number))
        return cls(frozenset(keys), rounds, frozenset(around))


def plan_key(key: str) -> str:
    """The key in the program of a step as it runs: without rounds and items."""
    return _TIMES.sub("", key)


def undone_from(plan: Plan, key: str) -> Undone:
    """Raises UnknownStep when the program has none with this key."""
    way = _way_to(plan.root, plan_key(key))
    if way is None:
        raise UnknownStep(key)
    keys, rounds = {key}, dict[str, int]()
    for place in way:
        block = place.container
        outer = "" if block is None else _as_it_runs(block.key, key)
        round_ = _round_of(outer, key)
        keys.update(_beside(step.key, block, outer, round_) for step in place.later)
        keys.update(_beside(step.key, block, outer, None) for step in place.ends)
        if isinstance(block, LoopStep | TryStep):
            rounds[outer] = round_ or 1
    return Undone(frozenset(keys), rounds)


def undone_after(plan: Plan, key: str) -> Undone:
    """The step is gone through once more, and what lies inside it is judged by itself."""
    undone = undone_from(plan, key)
    return replace(undone, keys=undone.keys - {key}, around=frozenset({key}))


def all_keys(plan: Plan) -> frozenset[str]:
    return frozenset(_keys(plan.root))


# --- inside ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """A block around the step, with what follows in it; `ends` are the blocks of the same
    container that run after this one."""

    container: AnyStep | None
    later: Steps
    ends: Steps = ()


def _way_to(steps: Steps, wanted: str, container: AnyStep | None = None) -> list[_Place] | None:
    """The innermost first."""
    for number, step in enumerate(steps):
        here = _Place(container, steps[number + 1 :])
        if step.key == wanted:
            return [here]
        blocks = list(steps_inside(step))
        for place, inside in enumerate(blocks):
            found = _way_to(inside, wanted, step)
            if found is not None:
                after = blocks[place + 1 :] if isinstance(step, IN_TURN) else []
                found[-1] = replace(found[-1], ends=tuple(one for block in after for one in block))
                return [*found, here]
    return None


def _beside(step_key: str, container: AnyStep | None, outer: str, round_: int | None) -> str:
    """The key of a step of the same block as it runs there."""
    if container is None:
        return step_key
    tail = step_key.removeprefix(container.key)
    return f"{outer}{'' if round_ is None else f'[{round_}]'}{tail}"


def _as_it_runs(block: str, key: str) -> str:
    """The block's own key inside the same rounds and items as `key`."""
    at = 0
    for letter in block:
        while key[at : at + 1] == "[" and letter != "[":
            at = key.index("]", at) + 1
        if key[at : at + 1] != letter:
            return block
        at += 1
    return key[:at]


def _round_of(outer: str, key: str) -> int | None:
    found = _TIMES.match(key, len(outer)) if outer and key.startswith(outer) else None
    return None if found is None else int(found[1])


def _later_round(key: str, block: str, number: int) -> bool:
    found = _TIMES.match(key, len(block))
    return found is not None and int(found[1]) > number


def _outer(key: str) -> Iterator[str]:
    for place, letter in enumerate(key):
        if letter in _INSIDE and place:
            yield key[:place]


def _keys(steps: Steps) -> Iterator[str]:
    for step in steps:
        yield step.key
        for inside in steps_inside(step):
            yield from _keys(inside)
