"""The canonical text of a program: two spaces, quoted keys, one property and one step per line."""

from __future__ import annotations

from collections.abc import Sequence

from server.bal.comments import CommentMap, attach
from server.bal.literals import (
    key_text,
    literal,
    path_text,
    reference_text,
)
from server.bal.nodes import (
    Analytics,
    Arm,
    Block,
    Branch,
    Call,
    Chain,
    Condition,
    Defaults,
    Definition,
    Entity,
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
from server.bal.print_values import INDENT, ValuePrinter, canonical_order


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


def entity_text(entity: Entity) -> str:
    printer = _Printer("", CommentMap())
    printer.item(entity)
    return "\n".join(printer.lines)


def property_text(prop: Property, indent: str = INDENT) -> str:
    """One `"key": value`, its first line without the indent."""
    printer = _Printer("", CommentMap())
    printer.property(prop, indent)
    return "\n".join(printer.lines)[len(indent) :]


class _Printer(ValuePrinter):
    """Definitions and steps."""

    def program(self, program: Program) -> None:
        previous: Node | None = None
        for item in program.items:
            if previous is not None and not self._close_together(previous, item):
                self.lines.append("")
            self.before(item, "")
            self.item(item)
            self.after(item)
            previous = item
        rest = self.comments.last.get(id(program))
        if rest:
            if previous is not None and rest[0].span.line - previous.span.end_line > 1:
                self.lines.append("")
            self.own_lines(rest, "")

    def _close_together(self, previous: Node, item: Node) -> bool:
        return (
            isinstance(previous, StepNode)
            and isinstance(item, StepNode)
            and id(item) not in self.comments.before
        )

    def item(self, item: Definition | Step) -> None:
        match item:
            case Entity(name=name, properties=properties):
                if not properties and id(item) not in self.touched:
                    self.lines.append(name.value + " {}")
                    return
                self.open(name.value + " {", item)
                self.properties(canonical_order(properties))
                self.close("}", item, "")
            case Defaults(value=value):
                self.value("defaults ", value, "", broken=True)
            case Analytics(value=value):
                self.value("analytics ", value, "", broken=True)
            case Run(value=value):
                self.value("run(", value, "")
                self.lines[-1] += ")"
            case _:
                self.step("", item, "")

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
                text = f"{literal(label, self.source)}) {{ {self._condition(expression)} }}"
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
        if not anchors and id(owner) not in self.touched:
            self.lines.append(head + "}")
            return
        self.open(head, owner)
        inner = indent + INDENT
        for anchor in anchors:
            self.before(anchor, inner)
            self._line_of(anchor, inner)
            self.after(anchor)
        self.close(indent + "}", owner, indent)

    def _line_of(self, anchor: Node, indent: str) -> None:
        match anchor:
            case Branch(label=label, step=step):
                name = "" if label is None else literal(label, self.source) + ": "
                self.step(indent + name, step, indent)
            case Arm(key=key, body=body):
                head = f"{indent}{key_text(key, self.source)}:"
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
            else literal(step.source, self.source)
        )
        if not step.settings:
            return source
        return f"({source}, {self._settings(step.settings, quoted=False)})"

    def _settings(self, settings: Sequence[Setting], *, quoted: bool) -> str:
        return ", ".join(
            f"{key_text(one.key, self.source) if quoted else one.key.value}: {self._setting(one)}"
            for one in settings
        )

    def _setting(self, setting: Setting) -> str:
        match setting.value:
            case Condition() as condition:
                return self._condition(condition)
            case Name(value=word) | Text(value=word) if setting.key.value == "errors":
                return word
            case value:
                return self.scalar(value)

    def _condition(self, condition: Condition) -> str:
        return literal(condition.text, self.source)
