"""Every place of a program that names an entity. Rename and go-to-definition stand on it."""

from __future__ import annotations

from collections.abc import Iterator

from server.bal.escapes import offset_in_raw
from server.bal.expressions import ExpressionError, Read, parse_expression, paths
from server.bal.lines import Lines
from server.bal.nodes import (
    Entity,
    FieldList,
    Fields,
    FieldValue,
    ListValue,
    Map,
    Name,
    Node,
    ObjectValue,
    Program,
    Run,
    Step,
    Text,
    Use,
    Value,
)
from server.bal.slots import slot_paths
from server.bal.span import Span
from server.bal.vocabulary import canonical_key
from server.bal.walk import all_steps, conditions_of, entity_reference


def references(program: Program, name: str) -> list[Span]:
    """Without the definition, in written order."""
    lines = Lines(program.source)
    spans = [lines.span(start, end) for start, end in dict.fromkeys(_places(program, name))]
    return sorted(spans, key=lambda span: span.start)


def _places(program: Program, name: str) -> Iterator[tuple[int, int]]:
    source = program.source
    for item in program.items:
        match item:
            case Entity():
                yield from _in_entity(item, name, source)
            case Run(value=value):
                yield from _in_value(value, name, source)
            case _:
                pass
    for step in all_steps(program):
        yield from _in_step(step, name, source)


def _in_entity(entity: Entity, name: str, source: str) -> Iterator[tuple[int, int]]:
    for prop in entity.properties:
        key = canonical_key(prop.key.value)
        if key == "trigger":
            yield from _in_trigger(prop.value, name, source)
        elif key == "output_to":
            yield from _in_value(prop.value, name, source)


def _in_trigger(value: Value, name: str, source: str) -> Iterator[tuple[int, int]]:
    match value:
        case ListValue(items=items):
            for item in items:
                yield from _in_trigger(item, name, source)
        case ObjectValue(entries=entries):
            for entry in entries:
                if entry.key.value == "sourceBaleybotId" and _is_text(entry.value, name):
                    yield _inside(entry.value, 0, len(name), source)
        case Text(value=text):
            kind, _, rest = text.partition(":")
            source_name = rest.partition(":")[0]
            if kind.strip() in ("bb_completion", "other_bb") and source_name.strip() == name:
                start = len(kind) + 1 + len(source_name) - len(source_name.lstrip())
                yield _inside(value, start, start + len(name), source)
        case _:
            pass


def _is_text(value: Value, name: str) -> bool:
    return isinstance(value, Text | Name) and value.value == name


def _in_step(step: Step, name: str, source: str) -> Iterator[tuple[int, int]]:
    called = entity_reference(step)
    if called is not None and called.value == name:
        yield called.span.start, called.span.end
    for condition in conditions_of(step):
        yield from _in_condition(condition.text, name, source)
    if isinstance(step, Map) and isinstance(step.source, Text):
        yield from _in_condition(step.source, name, source)
    if isinstance(step, Use) and step.arguments is not None:
        yield from _in_fields(step.arguments, name, source)


def _in_condition(condition: Text, name: str, source: str) -> Iterator[tuple[int, int]]:
    expression = parse_expression(condition.value)
    if not isinstance(expression, ExpressionError):
        yield from _slots(condition, paths(expression), name, source)


def _in_fields(value: FieldValue, name: str, source: str) -> Iterator[tuple[int, int]]:
    match value:
        case Text():
            yield from _slots(value, slot_paths(value.value), name, source)
        case FieldList(items=items):
            for item in items:
                yield from _in_fields(item, name, source)
        case Fields(fields=fields):
            for field in fields:
                yield from _in_fields(field.value, name, source)
        case _:
            pass


def _in_value(value: Value, name: str, source: str) -> Iterator[tuple[int, int]]:
    match value:
        case Text():
            yield from _slots(value, slot_paths(value.value), name, source)
        case ListValue(items=items):
            for item in items:
                yield from _in_value(item, name, source)
        case ObjectValue(entries=entries):
            for entry in entries:
                yield from _in_value(entry.value, name, source)
        case _:
            pass


def _slots(text: Text, reads: Iterator[Read], name: str, source: str) -> Iterator[tuple[int, int]]:
    """Only a first name within `{{ }}` is an entity; elsewhere a bare name is a field."""
    for read in reads:
        if read.slot and read.root == name:
            start = text.value.find(name, read.start)
            if start >= 0:
                yield _inside(text, start, start + len(name), source)


def _inside(node: Node, start: int, end: int, source: str) -> tuple[int, int]:
    """A part of a text, counted in its value, as a place in the source."""
    span = node.span
    if not isinstance(node, Text):
        return span.start + start, span.start + end
    raw = source[span.start + 1 : span.end - 1]
    first = span.start + 1
    return first + offset_in_raw(raw, start), first + offset_in_raw(raw, end - 1) + 1
