"""Expressions and slots inside quoted texts: whether they can be read at all."""

from __future__ import annotations

from server.bal.check_context import Context
from server.bal.expressions import ExpressionError, parse_expression
from server.bal.findings import Findings
from server.bal.nodes import FieldValue, Map, Step, Text, Use, Value
from server.bal.reads import texts_of
from server.bal.slots import SlotError, parse_slots
from server.bal.walk import all_steps, conditions_of


def check_texts(context: Context) -> None:
    program, findings = context.program, context.findings
    for step in all_steps(program):
        for condition in conditions_of(step):
            _check_expression(condition.text, findings)
        _check_step_texts(step, findings)
    if program.run is not None:
        _check_slots(program.run.value, findings)


def _check_step_texts(step: Step, findings: Findings) -> None:
    match step:
        case Map(source=Text() as source):
            _check_expression(source, findings)
        case Use(arguments=arguments) if arguments is not None:
            _check_slots(arguments, findings)
        case _:
            return


def _check_expression(text: Text, findings: Findings) -> None:
    found = parse_expression(text.value)
    if isinstance(found, ExpressionError):
        place = findings.inside(text, found.offset, found.end)
        findings.error("invalid_condition", found.message, place, found.hint)


def _check_slots(value: Value | FieldValue, findings: Findings) -> None:
    for text in texts_of(value):
        if "{{" not in text.value:
            continue
        found = parse_slots(text.value)
        if isinstance(found, SlotError):
            place = findings.inside(text, found.offset, found.end)
            findings.error("invalid_value", found.message, place, found.hint)
