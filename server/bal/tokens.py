"""The words and marks of the language, and the list of them that the lexer hands out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from server.bal.errors import Diagnostic
from server.bal.lines import Lines
from server.bal.nodes import Comment
from server.bal.span import Span

NAME: Final = "name"
VARIABLE: Final = "variable"
STRING: Final = "text"
NUMBER: Final = "number"
END: Final = "end"
# A mark is its own kind: "{", "}", "[", "]", "(", ")", ":", ",", "." and "=>".

# Keywords unless the program defines an entity of that name.
YIELDING: Final = frozenset(("use", "on_error"))

TokenValue = str | int | float


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    value: TokenValue
    span: Span


@dataclass(slots=True)
class Tokens:
    """Parallel lists, because the parser reads kinds far more often than anything else. The
    last token is the end of the text."""

    source: str
    lines: Lines
    kinds: list[str] = field(default_factory=list[str])
    values: list[TokenValue] = field(default_factory=list[TokenValue])
    starts: list[int] = field(default_factory=list[int])
    ends: list[int] = field(default_factory=list[int])
    comments: list[Comment] = field(default_factory=list[Comment])
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])
    # Where a text begins that is never closed: from there on everything is read inside out.
    runaway: int | None = None

    def __len__(self) -> int:
        return len(self.kinds)

    def __iter__(self) -> Iterator[Token]:
        return (self.token(index) for index in range(len(self.kinds)))

    def token(self, index: int) -> Token:
        return Token(self.kinds[index], self.values[index], self.span(index))

    def span(self, index: int) -> Span:
        return self.lines.span(self.starts[index], self.ends[index])

    def is_first_on_line(self, index: int) -> bool:
        return self.lines.is_first_on_line(self.starts[index])
