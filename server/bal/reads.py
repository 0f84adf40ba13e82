"""What a step reads: every path in its fields, conditions and slots, with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from server.bal.expressions import ExpressionError, parse_expression, parse_quoted_path, paths
from server.bal.findings import Findings
from server.bal.nodes import (
    Call,
    Condition,
    Entry,
    FieldList,
    Fields,
    FieldValue,
    ListValue,
    Map,
    Merge,
    Node,
    ObjectValue,
    Path,
    Select,
    Step,
    Text,
    Use,
    Value,
)
from server.bal.slots import slot_paths
from server.bal.span import Span
from server.bal.walk import conditions_of


@dataclass(frozen=True, slots=True)
class Reading:
    """A path that is read. `node` holds it; `end` is 0 when it is the whole node, else both count
    in the value of the quoted text. `slot` marks `{{path}}`."""

    root: str
    parts: tuple[str | int, ...]
    node: Node
    start: int = 0
    end: int = 0
    slot: bool = False

    @property
    def variable(self) -> str | None:
        return self.root[1:] if self.root.startswith("$") else None

    def place(self, findings: Findings) -> Span:
        if not self.end:
            return self.node.span
        return findings.inside(self.node, self.start, self.end)


def reads_of(step: Step) -> Iterator[Reading]:
    """What this step itself reads, its inner steps left out. The `until` of a loop counts here."""
    match step:
        case Call(context=context):
            if context is not None:
                yield from _fields(context, "literal")
        case Use(arguments=arguments):
            if arguments is not None:
                yield from _fields(arguments, "slots")
        case Select(fields=fields) | Merge(fields=fields):
            yield from _fields(fields, "path")
        case Map(source=source):
            yield from source_reads(source)
        case _:
            for condition in conditions_of(step):
                yield from condition_reads(condition)


def condition_reads(condition: Condition) -> Iterator[Reading]:
    yield from _expression(condition.text)


def source_reads(source: Path | Text) -> Iterator[Reading]:
    """The list of a map: a path, or a quoted expression (a quoted path is one, too)."""
    if isinstance(source, Path):
        yield Reading(source.root, source.parts, source)
    else:
        yield from _expression(source)


def field_reads(value: FieldValue, quoted: str) -> Iterator[Reading]:
    """`quoted` says what a quoted text is: a literal, a path when it looks so, or has slots."""
    if isinstance(value, Path):
        yield Reading(value.root, value.parts, value)
    elif isinstance(value, Text):
        yield from _quoted(value, quoted)
    elif isinstance(value, FieldList):
        for item in value.items:
            yield from field_reads(item, quoted)
    elif isinstance(value, Fields):
        yield from _fields(value, quoted)


def slot_reads(value: Value) -> Iterator[Reading]:
    """Slots in every text of a value, as in `run (…)` and `output_to`."""
    for text in texts_of(value):
        yield from _slots(text)


def texts_of(value: Value | FieldValue | Fields) -> Iterator[Text]:
    waiting: list[Value | FieldValue] = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Text):
            yield node
        elif isinstance(node, ListValue | FieldList):
            waiting.extend(node.items)
        elif isinstance(node, ObjectValue):
            waiting.extend(_entry_value(entry) for entry in node.entries)
        elif isinstance(node, Fields):
            waiting.extend(field.value for field in node.fields)


def _entry_value(entry: Entry) -> Value:
    return entry.value


def _fields(fields: Fields, quoted: str) -> Iterator[Reading]:
    for field in fields.fields:
        yield from field_reads(field.value, quoted)


def _quoted(text: Text, quoted: str) -> Iterator[Reading]:
    if quoted == "slots":
        yield from _slots(text)
    elif quoted == "path":
        path = parse_quoted_path(text.value)
        if path is not None:
            yield Reading(path.root, path.parts, text)


def _slots(text: Text) -> Iterator[Reading]:
    if "{{" in text.value:
        for read in slot_paths(text.value):
            yield Reading(read.root, read.parts, text, read.start, read.end, slot=True)


def _expression(text: Text) -> Iterator[Reading]:
    found = parse_expression(text.value)
    if isinstance(found, ExpressionError):
        return
    for read in paths(found):
        yield Reading(read.root, read.parts, text, read.start, read.end, read.slot)
