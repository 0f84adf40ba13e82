"""Gives every comment to the node it belongs to, so that it travels with it.

An *anchor* is a node that starts its own line in the canonical text (a definition, a property, a
step, an item of a list); a *container* holds anchors between two braces. A comment belongs to
the anchor that ends on its line, else to the next anchor of its container, else to the end of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from server.bal.nodes import (
    Analytics,
    Arm,
    Block,
    Branch,
    Call,
    Chain,
    Comment,
    Defaults,
    Entity,
    Entry,
    Field,
    FieldList,
    Fields,
    Filter,
    Gate,
    If,
    ListValue,
    Loop,
    Map,
    Merge,
    Node,
    ObjectValue,
    Parallel,
    Program,
    Property,
    Route,
    Run,
    Select,
    StepNode,
    Try,
    Use,
    When,
)


@dataclass(frozen=True, slots=True)
class Container:
    """The room between two braces: its owner, where it is, and the anchors in it."""

    owner: Node
    start: int
    end: int
    line: int
    anchors: Sequence[Node]


@dataclass(slots=True)
class CommentMap:
    """Who owns which comments; the keys are identities of nodes of one program.

    `head` stands behind the opening brace, `last` before the closing one; `touched` are the
    containers that hold a comment and so cannot be written on one line.
    """

    before: dict[int, list[Comment]] = field(default_factory=dict[int, list[Comment]])
    after: dict[int, list[Comment]] = field(default_factory=dict[int, list[Comment]])
    head: dict[int, Comment] = field(default_factory=dict[int, Comment])
    last: dict[int, list[Comment]] = field(default_factory=dict[int, list[Comment]])
    touched: set[int] = field(default_factory=set[int])
    moved: set[int] = field(default_factory=set[int])


def attach(program: Program) -> CommentMap:
    """Every comment of the program lands in exactly one place of the map."""
    owners = CommentMap()
    if not program.comments:
        return owners
    root = Container(program, -1, len(program.source) + 1, -1, program.items)
    for comment in program.comments:
        _place(comment, root, owners)
    return owners


def _place(comment: Comment, container: Container, owners: CommentMap) -> None:
    start = comment.span.start
    while True:
        owners.touched.add(id(container.owner))
        anchors = container.anchors
        index = bisect_right(anchors, start, key=_start_of) - 1
        if index < 0 or start >= anchors[index].span.end:
            _place_between(comment, container, index, owners)
            return
        inner = _room_within(comment, anchors[index], owners)
        if inner is None:
            return
        container = inner


def _place_between(comment: Comment, container: Container, index: int, owners: CommentMap) -> None:
    """Between two anchors, before the first or behind the last one."""
    anchors, line = container.anchors, comment.span.line
    if index >= 0 and anchors[index].span.end_line == line:
        owners.after.setdefault(id(anchors[index]), []).append(comment)
    elif index < 0 and container.line == line and id(container.owner) not in owners.head:
        owners.head[id(container.owner)] = comment
    elif index + 1 < len(anchors):
        owners.before.setdefault(id(anchors[index + 1]), []).append(comment)
    else:
        owners.last.setdefault(id(container.owner), []).append(comment)


def _room_within(comment: Comment, anchor: Node, owners: CommentMap) -> Container | None:
    """The container of this anchor that holds the comment; None when it stands between the
    words, then it moves into the next container or before the anchor."""
    start = comment.span.start
    rooms = containers(anchor)
    for place, room in enumerate(rooms):
        if room.start <= start < room.end:
            return room
        if start < room.start:
            if place == 0:
                break
            _place_first(comment, room, owners)
            return None
    owners.moved.add(id(comment))
    owners.before.setdefault(id(anchor), []).append(comment)
    return None


def _place_first(comment: Comment, room: Container, owners: CommentMap) -> None:
    owners.touched.add(id(room.owner))
    owners.moved.add(id(comment))
    if room.anchors:
        owners.before.setdefault(id(room.anchors[0]), []).append(comment)
    else:
        owners.last.setdefault(id(room.owner), []).append(comment)


def _start_of(node: Node) -> int:
    return node.span.start


def containers(anchor: Node) -> list[Container]:
    """The containers of an anchor in written order, without those of anchors inside."""
    rooms = list(_own_containers(anchor))
    if isinstance(anchor, StepNode) and anchor.on_error and anchor.on_error.value:
        rooms.extend(_own_containers(anchor.on_error.value))
    return rooms


def _own_containers(node: Node) -> Iterable[Container]:
    match node:
        case Property(value=held) | Entry(value=held) | Field(value=held):
            return _own_containers(held)
        case Defaults(value=held) | Analytics(value=held) | Run(value=held):
            return _own_containers(held)
        case Branch(step=held):
            return containers(held)
        case Arm(body=held):
            return containers(held)
        case ListValue() | ObjectValue() | FieldList() | Fields() | Block():
            return (_of_braces(node),)
        case Entity(name=name, properties=properties):
            return (Container(node, name.span.end, node.span.end, name.span.end_line, properties),)
        case StepNode():
            return _of_step(node)
        case _:
            return ()


def _of_step(step: StepNode) -> Iterable[Container]:
    match step:
        case Call(context=fields) | Use(arguments=fields):
            return (_of_braces(fields),) if fields else ()
        case Select(fields=fields) | Merge(fields=fields):
            return (_of_braces(fields),)
        case Chain(body=body) | Gate(body=body) | Loop(body=body) | Map(body=body):
            return (_of_braces(body),)
        case Filter(body=body):
            return (_of_braces(body),)
        case If():
            return _of_if(step)
        case Try(body=body, catch=catch, final=final):
            return tuple(_of_braces(block) for block in (body, catch, final) if block)
        case Parallel(settings=settings, branches=branches):
            return (_behind(step, settings[-1] if settings else None, branches),)
        case Route(classifier=head, arms=arms) | When(entity=head, arms=arms):
            return (_behind(step, head, arms),)
        case _:
            return ()


def _of_if(step: If) -> Iterable[Container]:
    following: If | Block | None = step
    while isinstance(following, If):
        yield _of_braces(following.then)
        following = following.otherwise
    if following is not None:
        yield _of_braces(following)


def _of_braces(node: ListValue | ObjectValue | FieldList | Fields | Block) -> Container:
    match node:
        case ListValue(items=anchors) | FieldList(items=anchors):
            held: Sequence[Node] = anchors
        case ObjectValue(entries=anchors) | Fields(fields=anchors) | Block(steps=anchors):
            held = anchors
    return Container(node, node.span.start, node.span.end, node.span.line, held)


def _behind(step: StepNode, head: Node | None, anchors: Sequence[Node]) -> Container:
    """The braces of parallel, route and when have no node of their own: they reach from the head
    to what follows the closing brace."""
    start = head.span.end if head else step.span.start
    line = head.span.end_line if head else step.span.line
    tail = step.capture or step.on_error
    end = tail.span.start if tail else step.span.end
    return Container(step, start, end, line, anchors)
