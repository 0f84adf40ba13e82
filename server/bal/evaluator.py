"""The value of an expression in a scope. A meter bounds the work: nothing that a text of 2,000
characters can ask for takes longer than a few hundredths of a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from server.bal.arithmetic import in_order, numeric, plus
from server.bal.expression_nodes import (
    AllOf,
    AnyOf,
    Apply,
    Arithmetic,
    Choice,
    Compare,
    Expr,
    Joined,
    ListOf,
    Literal,
    Negate,
    Not,
    ObjectOf,
    Read,
    Within,
)
from server.bal.functions import DEEP, FUNCTIONS, LINEAR, LONGEST_TEXT
from server.bal.size import LARGEST, SMALL, size_of
from server.bal.values import (
    equal,
    finite,
    has,
    is_list,
    is_object,
    read,
    text_of,
    to_number,
)

MOST_WORK = 120_000
CHARACTERS_PER_UNIT = 100
ITEMS_PER_UNIT = 4


class TooCostly(Exception):
    """The expression asks for more work than one expression may do."""


class TooLarge(TooCostly):
    """The expression makes a larger value than there may be."""


class Names(Protocol):
    """Variables as `$name`, last results of entities as `name`; null when there is none."""

    def get(self, name: str, /) -> Any: ...


@dataclass(slots=True)
class Scope:
    """What an expression can see. `words` are item, index, iteration, error and route, each only
    where it has its place."""

    result: Any = None
    input: Any = None
    words: Mapping[str, Any] = field(default_factory=dict[str, Any])
    names: Names = field(default_factory=dict[str, Any])


class Meter:
    """`room`: how much may still be put into the lists, objects and texts that are made."""

    __slots__ = ("left", "room", "scope")

    def __init__(self, scope: Scope, left: int) -> None:
        self.scope = scope
        self.left = left
        self.room = LARGEST

    def spend(self, units: int) -> None:
        self.left -= units
        if self.left < 0:
            raise TooCostly

    def put(self, value: Any) -> Any:
        self.room -= size_of(value)
        if self.room < 0:
            raise TooLarge
        return value

    def join(self, left: str, right: str) -> str | None:
        length = len(left) + len(right)
        self.spend(length // CHARACTERS_PER_UNIT)
        return left + right if length <= LONGEST_TEXT else None


def evaluate(expr: Expr, scope: Scope, *, limit: int = MOST_WORK) -> Any:
    """Raises nothing but TooCostly."""
    try:
        return _value(expr, Meter(scope, limit))
    except RecursionError:
        raise TooCostly from None


def _value(expr: Expr, meter: Meter) -> Any:
    meter.left -= 1
    if meter.left < 0:
        raise TooCostly
    return EVALUATORS[type(expr)](expr, meter)


def _literal(expr: Literal, meter: Meter) -> Any:
    return expr.value


def _read(expr: Read, meter: Meter) -> Any:
    value = root_value(expr, meter.scope)
    for part in expr.parts:
        value = _step(value, part, meter)
    return value


def root_value(expr: Read, scope: Scope) -> Any:
    root = expr.root
    if root == "result":
        return scope.result
    if root == "input":
        return scope.input
    if root[0] == "$":
        return scope.names.get(root)
    if root in scope.words:
        return scope.words[root]
    if expr.slot:
        last = scope.names.get(root)
        if last is not None:
            return last
    return read(scope.result, root)


def _step(value: Any, part: str | int, meter: Meter) -> Any:
    if isinstance(value, str):
        meter.spend(len(value) // CHARACTERS_PER_UNIT)
    return read(value, part)


def _within(expr: Within, meter: Meter) -> Any:
    value = _value(expr.base, meter)
    for part in expr.parts:
        value = _step(value, part, meter)
    return value


def _not(expr: Not, meter: Meter) -> Any:
    return not _value(expr.operand, meter)


def _negate(expr: Negate, meter: Meter) -> Any:
    number = to_number(_value(expr.operand, meter))
    return None if number is None else finite(-number)


def _all_of(expr: AllOf, meter: Meter) -> Any:
    value = None
    for operand in expr.operands:
        value = _value(operand, meter)
        if not value:
            return value
    return value


def _any_of(expr: AnyOf, meter: Meter) -> Any:
    value = None
    for operand in expr.operands:
        value = _value(operand, meter)
        if value:
            return value
    return value


def _choice(expr: Choice, meter: Meter) -> Any:
    return _value(expr.then if _value(expr.condition, meter) else expr.otherwise, meter)


def _list_of(expr: ListOf, meter: Meter) -> Any:
    return [_part(item, meter) for item in expr.items]


def _object_of(expr: ObjectOf, meter: Meter) -> Any:
    return {key: _part(value, meter) for key, value in expr.entries}


def _part(expr: Expr, meter: Meter) -> Any:
    """What is in a list or an object that is made here is counted there."""
    value = _value(expr, meter)
    if type(value) in SMALL or type(expr) in (ListOf, ObjectOf):
        return value
    return meter.put(value)


def _apply(expr: Apply, meter: Meter) -> Any:
    values = [_value(argument, meter) for argument in expr.arguments]
    for value in values:
        meter.spend(_weight(expr.function, value, meter.left))
    return FUNCTIONS[expr.function].call(*values)


def _joined(expr: Joined, meter: Meter) -> Any:
    if len(expr.parts) == 1:
        return _lone_slot(expr.parts[0], meter)
    return "".join(text_of(_part(part, meter)) for part in expr.parts)


def _lone_slot(slot: Expr, meter: Meter) -> Any:
    """Keeps its type, null too; what is not there at all becomes empty."""
    value = _value(slot, meter)
    if value is None and isinstance(slot, Read) and not _is_there(slot, meter.scope):
        return ""
    return value


def _is_there(slot: Read, scope: Scope) -> bool:
    path = [*slot.parts]
    if slot.root in scope.words:
        value = scope.words[slot.root]
    elif slot.root in ("result", "input"):
        value = scope.result if slot.root == "result" else scope.input
    elif slot.root.startswith("$"):
        value = scope.names.get(slot.root)
        if value is None:
            return False
    else:
        value, path = scope.result, [slot.root, *path]
    for part in path:
        if not has(value, part):
            return False
        value = read(value, part)
    return True


def _weight(function: str, value: Any, left: int) -> int:
    """What it costs to let the function go over the value."""
    if isinstance(value, str):
        return len(value) // CHARACTERS_PER_UNIT
    if function in DEEP:
        return _size(value, left)
    if function in LINEAR and (is_list(value) or is_object(value)):
        return len(value) // ITEMS_PER_UNIT
    return 0


# --- comparing -----------------------------------------------------------------------------


def _compare(expr: Compare, meter: Meter) -> Any:
    left, right = _value(expr.left, meter), _value(expr.right, meter)
    if expr.operator == "==":
        return equal(left, right, meter.spend)
    if expr.operator == "!=":
        return not equal(left, right, meter.spend)
    return in_order(expr.operator, left, right)


def _size(value: Any, enough: int) -> int:
    """How many parts a value has, counted no further than `enough`."""
    count = 0
    waiting: list[Any] = [value]
    while waiting and count <= enough:
        node = waiting.pop()
        count += 1
        if is_list(node):
            count += len(node) if len(node) > enough else 0
            waiting.extend(node if len(node) <= enough else ())
        elif is_object(node):
            waiting.extend(node.values())
    return count


# --- arithmetic ----------------------------------------------------------------------------


def _arithmetic(expr: Arithmetic, meter: Meter) -> Any:
    value = _value(expr.first, meter)
    for operator, operand in expr.rest:
        other = _value(operand, meter)
        value = (
            plus(value, other, meter.join) if operator == "+" else numeric(operator, value, other)
        )
    return value


EVALUATORS: dict[type, Callable[[Any, Meter], Any]] = {
    Literal: _literal,
    Read: _read,
    Within: _within,
    Not: _not,
    Negate: _negate,
    AllOf: _all_of,
    AnyOf: _any_of,
    Choice: _choice,
    ListOf: _list_of,
    ObjectOf: _object_of,
    Apply: _apply,
    Joined: _joined,
    Compare: _compare,
    Arithmetic: _arithmetic,
}
