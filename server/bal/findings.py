"""The list that a checking pass writes its diagnostics to."""

from __future__ import annotations

from collections.abc import Iterable

from server.bal.errors import Diagnostic
from server.bal.escapes import Offsets
from server.bal.lines import Lines
from server.bal.nodes import Node, Text
from server.bal.span import Span
from server.bal.suggest import closest

# Nobody reads more, and a megabyte of mistakes must not cost seconds.
MAX_ERRORS = 1000
MAX_WARNINGS = 5000
MAX_GUESSES = 200


class Findings:
    """`lines` of the program's source; None when nobody looks at the positions."""

    __slots__ = ("_guesses", "_offsets", "errors", "found", "lines", "warnings")

    def __init__(self, lines: Lines | None = None) -> None:
        self.lines = lines
        self.found: list[Diagnostic] = []
        self.errors = 0
        self.warnings = 0
        self._guesses = 0
        self._offsets: tuple[int, Offsets] | None = None

    @property
    def full(self) -> bool:
        """Enough errors to stop looking for more."""
        return self.errors >= MAX_ERRORS

    def error(self, kind: str, message: str, at: Node | Span, hint: str | None = None) -> None:
        self.errors += 1
        if self.errors <= MAX_ERRORS:
            self.found.append(Diagnostic("error", kind, message, _span(at), hint))

    def warning(self, kind: str, message: str, at: Node | Span, hint: str | None = None) -> None:
        self.warnings += 1
        if self.warnings <= MAX_WARNINGS:
            self.found.append(Diagnostic("warning", kind, message, _span(at), hint))

    def meant(self, word: str, known: Iterable[str]) -> str | None:
        """A guess for a hint, as long as guessing is cheap."""
        self._guesses += 1
        if self._guesses > MAX_GUESSES:
            return None
        return closest(word, sorted(known) if isinstance(known, frozenset) else known)

    def inside(self, node: Node, start: int, end: int) -> Span:
        """The place of a part of a quoted text; `start` and `end` count in its value. A bare
        word is its own value."""
        lines, span = self.lines, node.span
        if lines is None:
            return span
        if not isinstance(node, Text):
            return lines.span(span.start + start, min(span.start + end, span.end))
        offsets = self._offsets_of(lines, span)
        first = span.start + 1 + offsets.at(start)
        last = first if end <= start else span.start + 1 + offsets.at(end - 1) + 1
        return lines.span(first, last) if last > first else lines.span(first, first + 1)

    def _offsets_of(self, lines: Lines, span: Span) -> Offsets:
        """One long text may hold thousands of places, one after the other."""
        if self._offsets is None or self._offsets[0] != span.start:
            raw = lines.source[span.start + 1 : span.end - 1]
            self._offsets = (span.start, Offsets(raw))
        return self._offsets[1]


def _span(at: Node | Span) -> Span:
    return at if isinstance(at, Span) else at.span
