"""Where a name is defined and everywhere it is used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from server.bal.edits.references import references as entity_references
from server.bal.lexer import tokenize
from server.bal.lines import Lines
from server.bal.nodes import Program
from server.bal.parser import parse
from server.bal.span import Span
from server.bal.tokens import NAME, STRING, VARIABLE

_VARIABLE: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Named:
    """A name at the cursor: what it is, where it is defined (None: nowhere in this text), and all
    its uses, the definition among them, in written order."""

    kind: str
    name: str
    span: Span
    definition: Span | None
    uses: tuple[Span, ...]


def name_at(source: str, offset: int) -> Named | None:
    """The entity or variable at the cursor."""
    program = parse(source).program
    return _entity_at(program, offset) or _variable_at(source, offset)


def definition(source: str, offset: int) -> Span | None:
    found = name_at(source, offset)
    return None if found is None else found.definition


def references(source: str, offset: int) -> tuple[Span, ...]:
    found = name_at(source, offset)
    return () if found is None else found.uses


def _entity_at(program: Program, offset: int) -> Named | None:
    name = _word_at(program.source, offset)
    places = [entity.name.span for entity in program.entities if entity.name.value == name]
    uses = [*places[:1], *entity_references(program, name)] if name else []
    uses.sort(key=lambda span: span.start)
    for span in uses:
        if span.start <= offset <= span.end:
            return Named("entity", name, span, places[0] if places else None, tuple(uses))
    return None


def _word_at(source: str, offset: int) -> str:
    start = end = offset
    while start > 0 and _is_word(source[start - 1]):
        start -= 1
    while end < len(source) and _is_word(source[end]):
        end += 1
    return source[start:end]


def _is_word(mark: str) -> bool:
    return mark.isascii() and (mark.isalnum() or mark == "_")


def _variable_at(source: str, offset: int) -> Named | None:
    places = list(_variables(source))
    here = next((one for one in places if one[1].start <= offset <= one[1].end), None)
    if here is None:
        return None
    name = here[0]
    uses = tuple(span for other, span, _ in places if other == name)
    kept = next((span for other, span, keeps in places if other == name and keeps), None)
    return Named("variable", name, here[1], kept, uses)


def _variables(source: str) -> Iterator[tuple[str, Span, bool]]:
    """Name, place, and whether the value is kept there. Texts are looked into, goals too: a goal
    that speaks of `$draft` means it."""
    tokens = tokenize(source)
    for index, kind in enumerate(tokens.kinds):
        keeps = index > 0 and tokens.kinds[index - 1] == "=>"
        if kind == VARIABLE or (keeps and kind == NAME):
            yield str(tokens.values[index]), tokens.span(index), keeps
        elif kind == STRING and "$" in str(tokens.values[index]):
            yield from _in_text(source, tokens.lines, tokens.starts[index], tokens.ends[index])


def _in_text(source: str, lines: Lines, start: int, end: int) -> Iterator[tuple[str, Span, bool]]:
    for match in _VARIABLE.finditer(source, start, end):
        yield match.group(1), lines.span(match.start(), match.end()), False
