"""The typed tree of an expression. Flat where a text can be long: `a + b + c` is one node, so no
tree is deeper than the depth limit of the language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Read:
    """A path: `root` is a bare name or `$name`. `slot` marks `{{path}}`, where a first name may be
    an entity. `start` and `end` are offsets in the text of the expression."""

    root: str
    parts: tuple[str | int, ...] = ()
    slot: bool = False
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Within:
    """`.name` or `[0]` after something that is no path: `split(result, ',')[0]`."""

    base: Expr
    parts: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expr


@dataclass(frozen=True, slots=True)
class Negate:
    operand: Expr


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Operators of one level, from left to right."""

    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """`operator` is one of `== != < > <= >=`."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class AllOf:
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    entries: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Apply:
    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """A text with slots: the texts of its parts joined. A slot alone keeps its type."""

    parts: tuple[Expr, ...]


Expr: TypeAlias = (
    Literal
    | Read
    | Within
    | Not
    | Negate
    | Arithmetic
    | Compare
    | AllOf
    | AnyOf
    | Choice
    | ListOf
    | ObjectOf
    | Apply
    | Joined
)


def parts_of(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly inside this one, in written order."""
    match expr:
        case Literal() | Read():
            return ()
        case Within(base):
            return (base,)
        case Not(operand) | Negate(operand):
            return (operand,)
        case Arithmetic(first, rest):
            return (first, *(operand for _, operand in rest))
        case Compare(_, left, right):
            return (left, right)
        case AllOf(operands) | AnyOf(operands) | ListOf(operands) | Joined(operands):
            return operands
        case Choice(condition, then, otherwise):
            return (condition, then, otherwise)
        case ObjectOf(entries):
            return tuple(value for _, value in entries)
        case Apply(_, arguments):
            return arguments


def paths(expr: Expr) -> Iterator[Read]:
    """Every path that the expression reads, in written order."""
    waiting: list[Expr] = [expr]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Read):
            yield node
        waiting.extend(reversed(parts_of(node)))
