"""The door to the expressions of the language: read a text, evaluate it, list what it reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from server.bal.evaluator import Names, Scope, TooCostly, TooLarge, evaluate
from server.bal.expression_lexer import MAX_LENGTH, Mistake
from server.bal.expression_nodes import Expr, Read, paths
from server.bal.expression_parser import MAX_DEPTH, ExpressionParser, parse_path
from server.bal.functions import FUNCTIONS, Function

__all__ = [
    "FUNCTIONS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "SCOPE_WORDS",
    "Expr",
    "ExpressionError",
    "Function",
    "Names",
    "Read",
    "Scope",
    "TooCostly",
    "TooLarge",
    "evaluate",
    "is_branch",
    "parse_expression",
    "parse_quoted_path",
    "paths",
]

SCOPE_WORDS = ("item", "index", "iteration", "error", "route")
PATH_ROOTS = ("result", "input", *SCOPE_WORDS)


@dataclass(frozen=True, slots=True)
class ExpressionError:
    """`offset` and `end` count in the text of the expression, quotes and escapes aside."""

    message: str
    offset: int
    end: int
    hint: str | None = None


def parse_expression(text: str, *, analytics: bool = False) -> Expr | ExpressionError:
    """`analytics` reads a single `=` as equality."""
    try:
        return _parse(text, analytics)
    except RecursionError:
        return ExpressionError("The expression is nested too deep to be read here.", 0, len(text))


@lru_cache(maxsize=4096)
def _parse(text: str, analytics: bool) -> Expr | ExpressionError:
    try:
        return ExpressionParser(text, analytics=analytics).parse()
    except Mistake as mistake:
        return ExpressionError(mistake.message, mistake.start, mistake.end, mistake.hint)


def parse_quoted_path(text: str) -> Read | None:
    """The path that a quoted text in select, merge and map stands for; null when it is a text."""
    path = parse_path(text)
    if isinstance(path, Mistake) or (path.start, path.end) != (0, len(text)):
        return None
    root = path.root
    return path if root in PATH_ROOTS or root.startswith("$") or is_branch(root) else None


def is_branch(name: str) -> bool:
    """`branch_0`, `branch_1` …"""
    return name.startswith("branch_") and name[7:].isdigit()
