"""Edits of whole entities: add, rename, delete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from server.bal.edits.draft import Draft, EditRefused, EditResult, Replacement
from server.bal.edits.references import references
from server.bal.json_values import value_of
from server.bal.nodes import (
    Arm,
    Branch,
    Call,
    Defaults,
    Entity,
    If,
    Name,
    Node,
    Program,
    Property,
    Route,
    Step,
    Text,
    When,
)
from server.bal.printer import entity_text
from server.bal.tree import Room, rooms
from server.bal.walk import all_steps, arm_steps


def add_entity(source: str, name: str, properties: Mapping[str, object]) -> EditResult:
    """Behind the last entity; it is no step yet."""
    if not source.strip("\ufeff \t\r\n"):
        return _first_entity(source, name, properties)
    draft = Draft(source)
    text = draft.written(entity_text(_entity(draft.free_name(name), properties)))
    program, gap = draft.program, draft.newline * 2
    before = [item for item in program.items if isinstance(item, Entity | Defaults)]
    if before:
        _, end = draft.extent(before[-1])
        return draft.finish([Replacement(end, end, gap + text)])
    start, _ = draft.extent(program.items[0])
    return draft.finish([Replacement(start, start, text + gap)])


def _first_entity(source: str, name: str, properties: Mapping[str, object]) -> EditResult:
    text = entity_text(_entity(name, properties)) + "\n"
    Draft(text)
    return EditResult(text, (Replacement(0, len(source), text),))


def _entity(name: str, properties: Mapping[str, object]) -> Entity:
    if not str(properties.get("goal") or "").strip():
        raise EditRefused("An entity needs a goal: say what it should do.")
    held = tuple(
        Property(Text(key), value_of(value))
        for key, value in properties.items()
        if value is not None
    )
    return Entity(Name(name), held)


def rename_entity(source: str, name: str, new_name: str) -> EditResult:
    """The definition and every reference: steps, classifiers, `{{name.…}}`, completion triggers."""
    draft = Draft(source)
    entity = draft.entity(name)
    if new_name == name:
        return draft.finish([])
    draft.free_name(new_name)
    spans = [entity.name.span, *references(draft.program, name)]
    return draft.finish(Replacement(span.start, span.end, new_name) for span in spans)


def delete_entity(source: str, name: str) -> EditResult:
    """The definition with the remarks directly above it, and its steps. A block that would be
    left empty goes too."""
    draft = Draft(source)
    entity = draft.entity(name)
    _refuse_when_it_decides(draft.program, name)
    doomed: list[Node] = [entity]
    for step in draft.program.steps:
        if _vanishes(step, name):
            doomed.append(step)
        else:
            doomed.extend(_leaving(step, name))
    removals = [draft.removal(node) for node in doomed]
    if all(item in doomed for item in draft.program.items):
        raise EditRefused(f"`{name}` is all there is; a program needs at least one entity.")
    return draft.finish([*removals, *_gap(draft, entity, removals[0])])


def _gap(draft: Draft, entity: Entity, removal: Replacement) -> list[Replacement]:
    """One of the two blank lines that would meet where the entity stood."""
    after = draft.source[removal.end :]
    blank = after[: len(after) - len(after.lstrip("\r\n"))]
    if not blank or not draft.starts_line(removal.start):
        return []
    before = draft.source[: removal.start].rstrip(" \t\r\n\ufeff")
    if not before or draft.source[len(before) : removal.start].count("\n") > 1:
        first = blank.index("\n") + 1
        return [Replacement(removal.end, removal.end + (len(blank) if not before else first), "")]
    return []


def _refuse_when_it_decides(program: Program, name: str) -> None:
    for step in all_steps(program):
        match step:
            case Route(classifier=Name(value=held)) | When(entity=Name(value=held)):
                if held == name:
                    raise EditRefused(
                        f"`{name}` decides the way in line {step.span.line}. Let another "
                        "entity decide there, or take that step out first."
                    )
            case _:
                pass


def _vanishes(step: Step, name: str) -> bool:
    """Whether nothing would be left of this step."""
    if isinstance(step, Call):
        return step.entity.value == name
    inside = rooms(step)
    if not inside or (isinstance(step, If) and isinstance(step.otherwise, If)):
        return False
    return all(
        room.anchors and all(_anchor_vanishes(one, name) for one in room.anchors) for room in inside
    )


def _anchor_vanishes(anchor: Node, name: str) -> bool:
    match anchor:
        case Branch(step=step):
            return _vanishes(step, name)
        case Arm():
            return all(_vanishes(step, name) for step in arm_steps(anchor.body))
        case step:
            return _vanishes(step, name)  # type: ignore[arg-type]


def _leaving(step: Step, name: str) -> Iterator[Node]:
    """What leaves this step, which itself stays."""
    for room in rooms(step):
        yield from _leaving_room(room, step, name)
    if isinstance(step, If) and isinstance(step.otherwise, If):
        yield from _leaving(step.otherwise, name)


def _leaving_room(room: Room, step: Step, name: str) -> Iterator[Node]:
    gone = [anchor for anchor in room.anchors if _anchor_vanishes(anchor, name)]
    if gone and len(gone) == len(room.anchors):
        raise EditRefused(
            f"`{name}` is the only step of a block of the `{type(step).__name__.lower()}` in line "
            f"{step.span.line}. Change that step first."
        )
    yield from gone
    for anchor in room.anchors:
        if anchor in gone:
            continue
        match anchor:
            case Branch(step=inner):
                yield from _leaving(inner, name)
            case Arm():
                block = Room(anchor, "", arm_steps(anchor.body))
                yield from _leaving_room(block, step, name)
            case inner:
                yield from _leaving(inner, name)
