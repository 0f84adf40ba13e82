"""Where each step stands: the braces around it and its neighbours, for whoever edits the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from server.bal.keys import StepKeys
from server.bal.nodes import (
    Arm,
    Block,
    Branch,
    Chain,
    Filter,
    Gate,
    If,
    Loop,
    Map,
    Node,
    Parallel,
    Program,
    Route,
    Step,
    StepNode,
    Try,
    When,
)


@dataclass(frozen=True, slots=True)
class Room:
    """Braces that hold steps: `place` names them in their step (then, else, catch …), `anchors`
    are steps, branches or arms."""

    owner: Node
    place: str
    anchors: Sequence[Step | Branch | Arm]


@dataclass(frozen=True, slots=True)
class Site:
    """Where a step stands. `anchor` is the step itself, or the branch or arm that holds it; `outer`
    is the step around it, None at the top level."""

    step: Step
    anchor: Step | Branch | Arm
    room: Room
    index: int
    outer: Step | None


def rooms(step: Step) -> list[Room]:
    """The braces directly inside a step, in written order; an `else if` is a step of its own."""
    match step:
        case Chain() | Gate() | Loop() | Map() | Filter():
            return [_block("", step.body)]
        case Parallel(branches=branches):
            return [Room(step, "", branches)]
        case If(then=then, otherwise=otherwise):
            last = [_block("else", otherwise)] if isinstance(otherwise, Block) else []
            return [_block("then", then), *last]
        case Try(body=body, catch=catch, final=final):
            parts = (("body", body), ("catch", catch), ("finally", final))
            return [_block(place, block) for place, block in parts if block is not None]
        case Route(arms=arms) | When(arms=arms):
            return [Room(step, "", arms)]
        case _:
            return []


def _block(place: str, block: Block) -> Room:
    return Room(block, place, block.steps)


def sites(program: Program) -> Iterator[Site]:
    """Every step in written order. An `else if` stands where its first `if` stands."""
    top = Room(program, "", program.steps)
    yield from _sites_in(top, None)


def _sites_in(room: Room, outer: Step | None) -> Iterator[Site]:
    for index, anchor in enumerate(room.anchors):
        match anchor:
            case Branch(step=step) | Arm(body=StepNode() as step):
                yield from _sites_of(Site(step, anchor, room, index, outer))
            case Arm(key=key, body=Block() as body):
                yield from _sites_in(Room(body, key.value, body.steps), outer)
            case Arm():
                pass
            case step:
                yield from _sites_of(Site(step, step, room, index, outer))


def _sites_of(site: Site) -> Iterator[Site]:
    yield site
    for room in rooms(site.step):
        yield from _sites_in(room, site.step)
    other = site.step.otherwise if isinstance(site.step, If) else None
    while isinstance(other, If):
        yield Site(other, site.anchor, site.room, site.index, site.outer)
        for room in rooms(other):
            yield from _sites_in(room, other)
        other = other.otherwise


def site_of(program: Program, keys: StepKeys, key: str) -> Site | None:
    return next((site for site in sites(program) if keys.get(site.step) == key), None)
