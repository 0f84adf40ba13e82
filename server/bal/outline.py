"""The program at a glance: its definitions and steps as a tree, and what an editor may fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.bal.keys import step_keys, step_type
from server.bal.lexer import tokenize
from server.bal.nodes import Analytics, Call, Defaults, Definition, Entity, Run, Step, Use
from server.bal.parser import parse
from server.bal.span import Span
from server.bal.tokens import Tokens
from server.bal.walk import children


@dataclass(frozen=True, slots=True)
class Symbol:
    """`key` is that of a step; `span` is the whole, also what is inside."""

    kind: str
    name: str
    span: Span
    key: str | None = None
    children: tuple[Symbol, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "key": self.key,
            "line": self.span.line,
            "endLine": self.span.end_line,
            "children": [child.to_json() for child in self.children],
        }


def outline(source: str) -> tuple[Symbol, ...]:
    program = parse(source).program
    keys = step_keys(program)

    def step_symbol(step: Step) -> Symbol:
        inside = tuple(step_symbol(inner) for inner in children(step))
        return Symbol(step_type(step), _step_name(step), step.span, keys.get(step), inside)

    def symbol(item: Definition | Step) -> Symbol:
        match item:
            case Entity(name=name, span=span):
                return Symbol("definition", name.value, span)
            case Defaults(span=span) | Analytics(span=span) | Run(span=span):
                return Symbol("block", type(item).__name__.lower(), span)
            case _:
                return step_symbol(item)

    return tuple(symbol(item) for item in program.items)


def _step_name(step: Step) -> str:
    match step:
        case Call(entity=name) | Use(tool=name):
            return name.value
        case _:
            return step_type(step)


def folds(source: str) -> tuple[tuple[int, int], ...]:
    """First and last line of whatever spans lines: braces, lists, and remarks of several lines."""
    tokens = tokenize(source)
    found = [*_brace_folds(tokens), *_remark_folds(tokens)]
    return tuple(sorted(set(found)))


def _brace_folds(tokens: Tokens) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    opened: list[int] = []
    for index, kind in enumerate(tokens.kinds):
        if kind in ("{", "[", "("):
            opened.append(index)
        elif kind in ("}", "]", ")") and opened:
            first, last = tokens.span(opened.pop()).line, tokens.span(index).line
            if last > first:
                found.append((first, last))
    return found


def _remark_folds(tokens: Tokens) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    first = last = -1
    for comment in tokens.comments:
        line = comment.span.line
        if line == last + 1:
            last = line
        else:
            first = last = line
        if last == first + 1:
            found.append((first, last))
        elif last > first:
            found[-1] = (first, last)
    return found
