"""Operators on values: what adds up, what joins, what is in order. Nothing here fails on values of
the wrong kind: the answer is then null or false."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from server.bal.values import finite, text_of, to_number


def in_order(operator: str, left: Any, right: Any) -> bool:
    if not (isinstance(left, str) and isinstance(right, str)):
        left, right = to_number(left), to_number(right)
        if left is None or right is None:
            return False
    match operator:
        case "<":
            return left < right
        case ">":
            return left > right
        case "<=":
            return left <= right
        case _:
            return left >= right


def plus(left: Any, right: Any, join: Callable[[str, str], str | None]) -> Any:
    """Two texts join, and so does a text that is no number with anything; `join` does it."""
    if isinstance(left, str) or isinstance(right, str):
        both_text = isinstance(left, str) and isinstance(right, str)
        if both_text or _is_words(left) or _is_words(right):
            return join(text_of(left), text_of(right))
    first, second = to_number(left), to_number(right)
    return None if first is None or second is None else _finite_sum(first, second)


def numeric(operator: str, left: Any, right: Any) -> int | float | None:
    first, second = to_number(left), to_number(right)
    if first is None or second is None:
        return None
    try:
        return finite(OPERATIONS[operator](first, second))
    except (OverflowError, ZeroDivisionError):
        return None


def _is_words(value: Any) -> bool:
    return isinstance(value, str) and to_number(value) is None


def _finite_sum(left: int | float, right: int | float) -> int | float | None:
    try:
        return finite(left + right)
    except OverflowError:
        return None


def _divide(left: int | float, right: int | float) -> int | float:
    if isinstance(left, int) and isinstance(right, int) and left % right == 0:
        return left // right
    return left / right


def _remainder(left: int | float, right: int | float) -> int | float:
    """With the sign of the left side, exact for whole numbers."""
    if right == 0:
        raise ZeroDivisionError
    if isinstance(left, int) and isinstance(right, int):
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    return math.fmod(left, right)


OPERATIONS: dict[str, Callable[[Any, Any], int | float]] = {
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "%": _remainder,
}
