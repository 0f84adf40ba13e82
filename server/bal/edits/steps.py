"""Edits of the composition: add, delete, move, wrap, unwrap, replace. A step is named by its key,
which the nodes of the diagram carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from server.bal.cursor import Cursor, plain_words
from server.bal.edits.draft import (
    INDENT,
    Draft,
    EditRefused,
    EditResult,
    Replacement,
    reindented,
)
from server.bal.lexer import tokenize
from server.bal.literals import quote
from server.bal.nodes import (
    Arm,
    Block,
    Branch,
    Chain,
    Filter,
    If,
    Node,
    Parallel,
    Program,
    Route,
    Step,
    Try,
    When,
)
from server.bal.read_steps import is_step_word
from server.bal.tokens import NAME
from server.bal.tree import Room, Site, rooms, site_of, sites
from server.bal.walk import children

WRAPPERS: Final = ("chain", "parallel", "loop", "map", "if", "gate", "filter", "try")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a step should stand: `before` or `after` another one, or at the end `into` a container
    (`place`: then, else, catch, a label or key). Nothing at all: the end of the composition."""

    before: str | None = None
    after: str | None = None
    into: str | None = None
    place: str = ""


END: Final = Target()


def add_step(source: str, text: str, to: Target = END) -> EditResult:
    """`text` is the step as BAL writes it, such as `writer` or `use notify with { … }`."""
    draft = Draft(source)
    if not draft.program.steps:
        return draft.finish([_first_step(draft, text, to)])
    return draft.finish([_insertion(draft, text, to)])


def delete_step(source: str, key: str) -> EditResult:
    """A block that would be left empty goes too."""
    draft = Draft(source)
    site = _site(draft, key)
    return draft.finish([_deletion(draft, site)])


def move_step(source: str, key: str, to: Target) -> EditResult:
    draft = Draft(source)
    site = _whole(draft, key)
    goal = _site(draft, to.before or to.after or to.into or "")
    if _holds(site.step, goal.step):
        raise EditRefused("A step cannot move into itself.")
    if isinstance(site.room.owner, Program):
        raise EditRefused("The composition itself cannot move; move a step inside it.")
    if len(site.room.anchors) == 1:
        raise EditRefused(
            f"It is the only step there (line {site.step.span.line}). Move or delete the "
            "block around it instead."
        )
    if isinstance(site.anchor, Arm):
        raise EditRefused("The arm of a choice stays with its key; change the text of the arm.")
    start, end = draft.extent(site.anchor)
    text = draft.source[start:end].rstrip(" \t\r\n").removesuffix(",")
    if isinstance(site.anchor, Branch) and not _takes_branches(goal, to):
        # The label stays behind, a remark between it and the step does not.
        label, (start, end) = start, (site.step.span.start, site.step.span.end)
        remarks = [c.text for c in draft.program.comments if label <= c.span.start < start]
        text = "\n".join([*remarks, draft.source[start:end]])
    text = reindented(text, draft.indent_at(start), "")
    removal, insertion = draft.removal(site.anchor), _insertion(draft, text, to)
    stays = removal.start < insertion.start < removal.end
    return draft.finish([] if stays else [removal, insertion])


def replace_step(source: str, key: str, text: str) -> EditResult:
    """The step, without its label and remarks, becomes `text`."""
    draft = Draft(source)
    site = _whole(draft, key)
    span = site.step.span
    if isinstance(site.room.owner, Program) and not _opens_at_top(draft, text):
        text = f"chain {{ {text} }}"
    indent = draft.indent_at(span.start)
    return draft.finish([Replacement(span.start, span.end, _indented(draft, text, indent))])


def wrap_step(
    source: str, key: str, kind: str, settings: Mapping[str, Any] | None = None, last: str = ""
) -> EditResult:
    """Puts a block around the step, or around all from it to its sibling `last`."""
    draft = Draft(source)
    head = wrapper_head(kind, settings or {})
    site = _whole(draft, key)
    final = _whole(draft, last) if last else site
    if final.room.owner is not site.room.owner or final.index < site.index:
        raise EditRefused("Only steps that stand together in one block can be wrapped together.")
    if final.anchor is not site.anchor and not isinstance(site.anchor, Step):
        raise EditRefused("Branches are wrapped one by one.")
    start, end = site.step.span.start, final.step.span.end
    if not draft.starts_line(site.anchor.span.start):
        close = Replacement(end, end, " }")
        return draft.finish([Replacement(start, start, f"{head} {{ "), close])
    indent = draft.indent_at(start)
    newline = draft.newline
    opening = Replacement(start, start, f"{head} {{{newline}{indent}{INDENT}")
    closing = Replacement(end, end, f"{newline}{indent}}}")
    return draft.finish([opening, *draft.deeper(start, end, INDENT), closing])


def unwrap_step(source: str, key: str) -> EditResult:
    """Takes the block away and keeps what is in it."""
    draft = Draft(source)
    site = _whole(draft, key)
    inside = rooms(site.step)
    if len(inside) != 1 or (isinstance(site.step, If) and site.step.otherwise):
        raise EditRefused("Only a block with one way through can be taken away.")
    if site.step.capture or site.step.on_error:
        raise EditRefused("The block keeps its value under a name or handles errors itself.")
    if isinstance(site.step, Parallel | Route | When) or not isinstance(site.anchor, Step):
        raise EditRefused("Branches and arms cannot be taken out of their block at once.")
    if isinstance(site.room.owner, Program):
        raise EditRefused("The outermost block stays: a program needs a composition.")
    if not inside[0].anchors:
        return draft.finish([draft.removal(site.anchor)])
    block = inside[0].owner.span
    head = range(site.step.span.start, block.start)
    if any(comment.span.start in head for comment in draft.program.comments):
        raise EditRefused("A remark stands between the words of this block; move it first.")
    indent = draft.indent_at(site.step.span.start)
    first = inside[0].anchors[0].span
    lead = draft.source[block.start + 1 : first.start]
    start = block.start + 1 + (len(lead) - len(lead.lstrip()))
    end = block.start + 1 + len(draft.source[block.start + 1 : block.end - 1].rstrip())
    text = reindented(draft.source[start:end], draft.indent_at(first.start), indent)
    return draft.finish([Replacement(site.step.span.start, site.step.span.end, text)])


def wrapper_head(kind: str, settings: Mapping[str, Any]) -> str:
    """`loop ("until": "…", "max": 3)`; sensible settings where none are given."""
    condition = quote(str(settings.get("condition") or "result"))
    match kind:
        case "chain" | "parallel":
            return kind
        case "if" | "gate" | "filter":
            return f"{kind} ({condition})"
        case "map":
            return f"map {settings.get('source') or 'result'}"
        case "loop":
            until = settings.get("until")
            lead = f'"until": {quote(str(until))}, ' if until else ""
            return f'loop ({lead}"max": {_count(settings, "max", 3)})'
        case "try":
            return f'try ("retries": {_count(settings, "retries", 1)})'
        case _:
            raise EditRefused(f"A step can be wrapped in {', '.join(WRAPPERS)}; not in `{kind}`.")


def _count(settings: Mapping[str, Any], name: str, usual: int) -> int:
    value = settings.get(name) or usual
    if not isinstance(value, int) or isinstance(value, bool):
        raise EditRefused(f"`{name}` is a whole number.")
    return value


def _site(draft: Draft, key: str) -> Site:
    site = site_of(draft.program, draft.keys, key)
    if site is None:
        raise EditRefused(f"There is no step `{key}` in this text; look at the diagram again.")
    return site


def _whole(draft: Draft, key: str) -> Site:
    """A step that stands for itself, not the `else if` of another one."""
    site = _site(draft, key)
    if _is_else_if(site):
        raise EditRefused("An `else if` belongs to its `if`; edit the whole choice instead.")
    return site


def _is_else_if(site: Site) -> bool:
    match site.anchor:
        case Branch(step=step):
            return step is not site.step
        case Arm(body=body):
            return body is not site.step
        case step:
            return step is not site.step


def _without_else_if(draft: Draft, step: Step) -> Replacement:
    for site in sites(draft.program):
        if isinstance(site.step, If) and site.step.otherwise is step and isinstance(step, If):
            return Replacement(site.step.then.span.end, step.then.span.end, "")
    raise EditRefused("There is no such `else if` in this text; look at the diagram again.")


def _deletion(draft: Draft, site: Site) -> Replacement:
    """The step, or the outermost block that it is the only content of."""
    outer = site.outer
    if _is_else_if(site):
        return _without_else_if(draft, site.step)
    if len(site.room.anchors) > 1 or outer is None or isinstance(outer, Filter):
        return draft.removal(site.anchor)
    match outer:
        case Route(arms=arms) | When(arms=arms) if len(arms) > 1:
            return draft.removal(next(arm for arm in arms if arm.body is site.room.owner))
        case If(then=then, otherwise=Block() as block) if block is site.room.owner:
            return Replacement(then.span.end, block.span.end, "")
        case If(otherwise=If() | Block()) | Try(catch=Block()) | Try(final=Block()):
            raise EditRefused(
                f"It is the only step of its block in line {site.step.span.line}, and a block "
                "cannot be empty. Delete the whole block instead."
            )
        case _:
            around = next(one for one in sites(draft.program) if one.step is outer)
            return _deletion(draft, around)


# --- where new text goes -----------------------------------------------------------------------


def _first_step(draft: Draft, text: str, to: Target) -> Replacement:
    """A program without a composition runs its first entity: that stays the first step."""
    names = [entity.name.value for entity in draft.program.entities]
    first = to.after or to.before or next(iter(names), None)
    if first not in names:
        raise EditRefused("There is no composition yet; name an entity that comes first.")
    order = [text, first] if to.before else [first, text]
    if text == first:
        order = [text]
    items = [item for item in draft.program.items if not isinstance(item, Step)]
    _, end = draft.extent(next(item for item in reversed(items) if _is_entity(item, names)))
    lines = "".join(f"\n{_indented(draft, INDENT + one, INDENT)}" for one in order)
    return Replacement(end, end, draft.written(f"\n\nchain {{{lines}\n}}"))


def _is_entity(item: Node, names: list[str]) -> bool:
    name = getattr(item, "name", None)
    return getattr(name, "value", None) in names


def _insertion(draft: Draft, text: str, to: Target) -> Replacement:
    key = to.before or to.after or to.into
    if key is None:
        return _at_the_end(draft, text)
    if to.into is not None:
        return _into(draft, _site(draft, key).step, text, to.place)
    site = _whole(draft, key)
    if isinstance(site.anchor, Arm):
        raise EditRefused("An arm holds one step or a block; wrap it in a chain first.")
    if isinstance(site.room.owner, Program) and not _opens_at_top(draft, text):
        return _beside_top(draft, site, text, bool(to.before))
    return _beside(draft, site.anchor, text, bool(to.before))


def _opens_at_top(draft: Draft, text: str) -> bool:
    """A bare name at the top level would be the beginning of a definition."""
    cursor = Cursor(tokenize(text), plain_words(tokenize(draft.source)))
    return cursor.kind == NAME and is_step_word(cursor)


def _beside_top(draft: Draft, site: Site, text: str, before: bool) -> Replacement:
    match site.step:
        case Chain(body=body) if body.steps:
            return _beside(draft, body.steps[0 if before else -1], text, before)
        case _:
            return _beside(draft, site.anchor, f"chain {{ {text} }}", before)


def _at_the_end(draft: Draft, text: str) -> Replacement:
    last = draft.program.steps[-1]
    if isinstance(last, Chain) and last.body.steps and not last.capture:
        return _beside(draft, last.body.steps[-1], text, False)
    return _beside(
        draft, last, text if _opens_at_top(draft, text) else f"chain {{ {text} }}", False
    )


def _into(draft: Draft, step: Step, text: str, place: str) -> Replacement:
    for room in rooms(step):
        if room.place == place or (not place and room is rooms(step)[0]):
            return _into_room(draft, room, text)
    raise EditRefused(f"This step has no block `{place}`.")


def _into_room(draft: Draft, room: Room, text: str) -> Replacement:
    if room.anchors:
        if isinstance(room.anchors[-1], Arm):
            raise EditRefused("A new arm needs a key; write it in the text.")
        return _beside(draft, room.anchors[-1], text, False)
    start, end = room.owner.span.start + 1, room.owner.span.end - 1
    indent = draft.indent_at(room.owner.span.start)
    body = _indented(draft, text, indent + INDENT)
    lead = draft.source[start:end].rstrip()
    newline = draft.newline
    return Replacement(start + len(lead), end, f"{newline}{indent}{INDENT}{body}{newline}{indent}")


def _beside(draft: Draft, anchor: Node, text: str, before: bool) -> Replacement:
    """On a line of its own when its neighbour has one, or when a remark ends a line."""
    start, end = draft.extent(anchor)
    indent = draft.indent_at(anchor.span.start)
    body, newline = _indented(draft, text, indent), draft.newline
    if before:
        alone = draft.starts_line(start) or bool(tokenize(text).comments)
        place = start if draft.starts_line(start) else anchor.span.start
        return Replacement(place, place, f"{body}{newline}{indent}" if alone else f"{body} ")
    alone = draft.starts_line(start) and draft.ends_line(end)
    if alone or draft.has_remark_behind(anchor):
        return Replacement(end, end, f"{newline}{indent}{body}")
    tail = f"{newline}{indent}" if tokenize(text).comments else ""
    return Replacement(end, end, f" {body}{tail}")


def _indented(draft: Draft, text: str, indent: str) -> str:
    """Text with its lines under the indent of the place it goes to."""
    text = text.strip("\r\n").replace("\r\n", "\n")
    rest = [line for line in text.split("\n")[1:] if line.strip()]
    old = min((line[: len(line) - len(line.lstrip(" \t"))] for line in rest), key=len, default="")
    return draft.written(reindented(text, old, indent))


def _holds(step: Step, other: Step) -> bool:
    return step is other or any(_holds(inner, other) for inner in children(step))


def _takes_branches(goal: Site, to: Target) -> bool:
    if to.into is not None:
        return isinstance(goal.step, Parallel)
    return isinstance(goal.anchor, Branch)
