"""The canonical text of a program: two spaces, quoted keys, one property and one step per line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.bal.comments import CommentMap, attach
from server.bal.literals import (
    key_text,
    literal,
    number_text,
    path_text,
    quote,
    reference_text,
)
from server.bal.nodes import (
    Analytics,
    Arm,
    Block,
    Bool,
    Branch,
    Call,
    Chain,
    Comment,
    Condition,
    Defaults,
    Definition,
    Entity,
    Entry,
    Field,
    FieldList,
    Fields,
    FieldValue,
    Filter,
    Gate,
    If,
    ListValue,
    Loop,
    Map,
    Merge,
    Name,
    Node,
    Null,
    Number,
    ObjectValue,
    Parallel,
    Path,
    Processor,
    Program,
    Property,
    Route,
    Run,
    Select,
    Setting,
    Step,
    StepNode,
    Text,
    Try,
    Use,
    Value,
    When,
)
from server.bal.vocabulary import PROPERTY_ORDER, canonical_key

WIDTH: Final = 100
_STEP: Final = "  "
_BLOCKS: Final = frozenset(("output", "input", "analytics"))
"""Properties whose block is always written line by line."""
_TOOL_LISTS: Final = frozenset(("tools", "can_request"))
_UNKNOWN: Final = len(PROPERTY_ORDER)


def to_text(program: Program) -> str:
    """Reading it gives a program that means the same; comments stay with what they describe."""
    printer = _Printer(program.source, attach(program))
    printer.program(program)
    return "\n".join(printer.lines) + "\n" if printer.lines else ""


def value_text(value: Value, indent: str = "") -> str:
    """A value alone, as an edit puts it behind a key that stands at `indent`."""
    printer = _Printer("", CommentMap())
    printer.value(indent, value, indent)
    return "\n".join(printer.lines)[len(indent) :]


def step_text(step: Step, indent: str = "") -> str:
    """A step alone, its first line without the indent."""
    printer = _Printer("", CommentMap())
    printer.step(indent, step, indent)
    return "\n".join(printer.lines)[len(indent) :]


def entity_text(entity: Entity) -> str:
    printer = _Printer("", CommentMap())
    printer.item(entity)
    return "\n".join(printer.lines)


def property_text(prop: Property, indent: str = _STEP) -> str:
    """One `"key": value`, its first line without the indent."""
    printer = _Printer("", CommentMap())
    printer.property(prop, indent)
    return "\n".join(printer.lines)[len(indent) :]


def canonical_order(properties: Sequence[Property]) -> list[Property]:
    """In the order of the language reference; unknown keys behind, as written."""
    return sorted(properties, key=_place_of)


def _place_of(prop: Property) -> int:
    return PROPERTY_ORDER.get(prop.key.value, _UNKNOWN)


class _Printer:
    """Collects lines. Methods that take `prefix` put it, indent included, before the first line."""

    def __init__(self, source: str, comments: CommentMap) -> None:
        self.lines: list[str] = []
        self._source = source
        self._comments = comments
        self._touched = comments.touched

    def program(self, program: Program) -> None:
        previous: Node | None = None
        for item in program.items:
            if previous is not None and not self._close_together(previous, item):
                self.lines.append("")
            self._before(item, "")
            self.item(item)
            self._after(item)
            previous = item
        rest = self._comments.last.get(id(program))
        if rest:
            if previous is not None and rest[0].span.line - previous.span.end_line > 1:
                self.lines.append("")
            self._own_lines(rest, "")

    def _close_together(self, previous: Node, item: Node) -> bool:
        return (
            isinstance(previous, StepNode)
            and isinstance(item, StepNode)
            and id(item) not in self._comments.before
        )

    def item(self, item: Definition | Step) -> None:
        match item:
            case Entity(name=name, properties=properties):
                if not properties and id(item) not in self._touched:
                    self.lines.append(name.value + " {}")
                    return
                self._open(name.value + " {", item)
                self._properties(canonical_order(properties))
                self._close("}", item, "")
            case Defaults(value=value):
                self.value("defaults ", value, "", broken=True)
            case Analytics(value=value):
                self.value("analytics ", value, "", broken=True)
            case Run(value=value):
                self.value("run(", value, "")
                self.lines[-1] += ")"
            case _:
                self.step("", item, "")

    # --- properties and values -----------------------------------------------------------------

    def _properties(self, properties: Sequence[Property]) -> None:
        for prop in properties:
            self._before(prop, _STEP)
            self.property(prop, _STEP)
            if prop is not properties[-1]:
                self.lines[-1] += ","
            self._after(prop)

    def property(self, prop: Property, indent: str) -> None:
        name = canonical_key(prop.key.value)
        key = f'"{name}"' if name != prop.key.value else key_text(prop.key, self._source)
        prefix, value = f"{indent}{key}: ", prop.value
        if name in _TOOL_LISTS:
            self._tools(prefix, value, indent)
        else:
            self.value(prefix, value, indent, broken=name in _BLOCKS)

    def _tools(self, prefix: str, value: Value, indent: str) -> None:
        match value:
            case Text() | Name():
                self.lines.append(f"{prefix}[{self._scalar(value)}]")
            case ObjectValue(entries=()) if id(value) not in self._touched:
                self.lines.append(prefix + "[]")
            case _:
                self.value(prefix, value, indent)

    def value(
        self, prefix: str, node: Value | FieldValue, indent: str, *, broken: bool = False
    ) -> None:
        """On one line when it fits and holds no comment, else one item per line."""
        if not isinstance(node, ListValue | ObjectValue | FieldList | Fields):
            self.lines.append(prefix + self._scalar(node))
            return
        anchors, left, right = _parts(node)
        if not (broken and anchors):
            text = self._flat(node, WIDTH - len(prefix) - 1)
            if text is not None:
                self.lines.append(prefix + text)
                return
        self._open(prefix + left, node)
        inner = indent + _STEP
        for anchor in anchors:
            self._before(anchor, inner)
            self._anchor(anchor, inner)
            if anchor is not anchors[-1]:
                self.lines[-1] += ","
            self._after(anchor)
        self._close(indent + right, node, indent)

    def _anchor(self, anchor: Node, indent: str) -> None:
        match anchor:
            case Entry(key=key, value=value) | Field(key=key, value=value):
                self.value(f"{indent}{key_text(key, self._source)}: ", value, indent)
            case _:
                self.value(indent, anchor, indent)  # type: ignore[arg-type]

    def _scalar(self, node: Value | FieldValue) -> str:
        match node:
            case Text():
                return literal(node, self._source)
            case Number(value=value):
                return number_text(value)
            case Bool(value=value):
                return "true" if value else "false"
            case Null():
                return "null"
            case Name(value=value):
                return quote(value)
            case Path():
                return path_text(node)
            case _:
                return self._flat(node, 1 << 60) or ""

    def _flat(self, node: Value | FieldValue, room: int) -> str | None:
        """On one line of at most `room` characters, else None. Gives up as soon as it is too
        long, so nesting costs no more than the width of a line."""
        if room < 0 or id(node) in self._touched:
            return None
        if not isinstance(node, ListValue | ObjectValue | FieldList | Fields):
            text = self._scalar(node)
            return text if len(text) <= room and "\n" not in text else None
        anchors, left, right = _parts(node)
        if not anchors:
            return left + right
        pad = "" if left == "[" else " "
        room -= 2 + 2 * len(pad)
        texts: list[str] = []
        for anchor in anchors:
            text = self._flat_anchor(anchor, room)
            if text is None:
                return None
            room -= len(text) + 2
            texts.append(text)
        return f"{left}{pad}{', '.join(texts)}{pad}{right}" if room >= -2 else None

    def _flat_anchor(self, anchor: Node, room: int) -> str | None:
        match anchor:
            case Entry(key=key, value=value) | Field(key=key, value=value):
                name = key_text(key, self._source) + ": "
                text = None if "\n" in name else self._flat(value, room - len(name))
                return None if text is None else name + text
            case _:
                return self._flat(anchor, room)  # type: ignore[arg-type]

    # --- steps ---------------------------------------------------------------------------------

    def step(self, prefix: str, step: Step, indent: str) -> None:
        match step:
            case Call(entity=name, context=fields):
                self._call(prefix + name.value, fields, step, indent)
            case Use(tool=name, arguments=fields):
                self._call(f"{prefix}use {name.value}", fields, step, indent)
            case Select(fields=fields):
                self.value(prefix + "select ", fields, indent)
            case Merge(fields=fields):
                self.value(prefix + "merge ", fields, indent)
            case Processor(label=label, expression=expression):
                text = f"{literal(label, self._source)}) {{ {self._condition(expression)} }}"
                self.lines.append(f"{prefix}processor ({text}")
            case _:
                self._container(prefix, step, indent)
        self._tail(step, indent)

    def _call(self, head: str, fields: Fields | None, step: StepNode, indent: str) -> None:
        if fields is None:
            self.lines.append(head)
        else:
            self.value(head + " with ", fields, indent)

    def _container(self, prefix: str, step: Step, indent: str) -> None:
        match step:
            case Chain(body=body):
                self._block(prefix + "chain", body, indent)
            case If():
                self._if(prefix, step, indent)
            case Gate(condition=condition, body=body):
                self._block(f"{prefix}gate ({self._condition(condition)})", body, indent)
            case Filter(condition=condition, body=body):
                self._block(f"{prefix}filter ({self._condition(condition)})", body, indent)
            case Loop(settings=settings, body=body):
                self._block(f"{prefix}loop ({self._settings(settings, quoted=True)})", body, indent)
            case Map():
                self._block(f"{prefix}map {self._map_head(step)}", step.body, indent)
            case Try():
                self._try(prefix, step, indent)
            case Parallel(settings=settings, branches=branches):
                options = f" ({self._settings(settings, quoted=False)})" if settings else ""
                self._braces(f"{prefix}parallel{options} {{", branches, step, indent)
            case Route(classifier=classifier, arms=arms):
                head = (
                    classifier.value
                    if isinstance(classifier, Name)
                    else self._condition(classifier)
                )
                self._braces(f"{prefix}route ({head}) {{", arms, step, indent)
            case When(entity=entity, arms=arms):
                self._braces(f"{prefix}when {entity.value} {{", arms, step, indent)
            case _:
                raise TypeError(type(step).__name__)

    def _tail(self, step: StepNode, indent: str) -> None:
        if step.capture is not None:
            self.lines[-1] += " => " + reference_text(step.capture)
        if step.on_error is None:
            return
        self.lines[-1] += " on_error " + step.on_error.action
        if step.on_error.value is not None:
            self.value(self.lines.pop() + " with ", step.on_error.value, indent)

    def _block(self, head: str, block: Block, indent: str) -> None:
        self._braces(head + " {", block.steps, block, indent)

    def _braces(self, head: str, anchors: Sequence[Node], owner: Node, indent: str) -> None:
        if not anchors and id(owner) not in self._touched:
            self.lines.append(head + "}")
            return
        self._open(head, owner)
        inner = indent + _STEP
        for anchor in anchors:
            self._before(anchor, inner)
            self._line_of(anchor, inner)
            self._after(anchor)
        self._close(indent + "}", owner, indent)

    def _line_of(self, anchor: Node, indent: str) -> None:
        match anchor:
            case Branch(label=label, step=step):
                name = "" if label is None else literal(label, self._source) + ": "
                self.step(indent + name, step, indent)
            case Arm(key=key, body=body):
                head = f"{indent}{key_text(key, self._source)}:"
                if isinstance(body, Block):
                    self._block(head, body, indent)
                else:
                    self.step(head + " ", body, indent)
            case _:
                self.step(indent, anchor, indent)  # type: ignore[arg-type]

    def _if(self, prefix: str, step: If, indent: str) -> None:
        head, following = prefix, step
        while True:
            condition = self._condition(following.condition)
            self._block(f"{head}if ({condition})", following.then, indent)
            match following.otherwise:
                case If() as other:
                    head, following = self.lines.pop() + " else ", other
                case Block() as block:
                    self._block(self.lines.pop() + " else", block, indent)
                    return
                case _:
                    return

    def _try(self, prefix: str, step: Try, indent: str) -> None:
        settings = self._settings(step.settings, quoted=True)
        self._block(f"{prefix}try ({settings})" if settings else prefix + "try", step.body, indent)
        if step.catch is not None:
            self._block(self.lines.pop() + " catch", step.catch, indent)
        if step.final is not None:
            self._block(self.lines.pop() + " finally", step.final, indent)

    def _map_head(self, step: Map) -> str:
        source = (
            path_text(step.source)
            if isinstance(step.source, Path)
            else literal(step.source, self._source)
        )
        if not step.settings:
            return source
        return f"({source}, {self._settings(step.settings, quoted=False)})"

    def _settings(self, settings: Sequence[Setting], *, quoted: bool) -> str:
        return ", ".join(
            f"{key_text(one.key, self._source) if quoted else one.key.value}: {self._setting(one)}"
            for one in settings
        )

    def _setting(self, setting: Setting) -> str:
        match setting.value:
            case Condition() as condition:
                return self._condition(condition)
            case Name(value=word) | Text(value=word) if setting.key.value == "errors":
                return word
            case value:
                return self._scalar(value)

    def _condition(self, condition: Condition) -> str:
        return literal(condition.text, self._source)

    # --- comments ------------------------------------------------------------------------------

    def _open(self, line: str, owner: Node) -> None:
        comment = self._comments.head.get(id(owner))
        self.lines.append(line if comment is None else f"{line} {_plain(comment)}")

    def _close(self, line: str, owner: Node, indent: str) -> None:
        rest = self._comments.last.get(id(owner))
        if rest:
            self._own_lines(rest, indent + _STEP)
        self.lines.append(line)

    def _before(self, anchor: Node, indent: str) -> None:
        comments = self._comments.before.get(id(anchor))
        if not comments:
            return
        self._own_lines(comments, indent)
        last = comments[-1]
        if anchor.span.line - last.span.line > 1 and id(last) not in self._comments.moved:
            self.lines.append("")

    def _after(self, anchor: Node) -> None:
        for comment in self._comments.after.get(id(anchor), ()):
            self.lines[-1] += " " + _plain(comment)

    def _own_lines(self, comments: Sequence[Comment], indent: str) -> None:
        """A blank line between two of them is kept: it parts a heading from a remark."""
        line = comments[0].span.line
        for comment in comments:
            if comment.span.line - line > 1 and id(comment) not in self._comments.moved:
                self.lines.append("")
            self.lines.append(indent + _plain(comment))
            line = comment.span.line


def _plain(comment: Comment) -> str:
    return comment.text.rstrip()


def _parts(
    node: ListValue | ObjectValue | FieldList | Fields,
) -> tuple[Sequence[Node], str, str]:
    match node:
        case ListValue(items=items) | FieldList(items=items):
            return items, "[", "]"
        case ObjectValue(entries=entries):
            return entries, "{", "}"
        case Fields(fields=fields):
            return fields, "{", "}"
