"""A place in the tokens, and what every reading function does with it: look, take, expect, fail."""

from __future__ import annotations

from typing import NoReturn

from server.bal.errors import Diagnostic
from server.bal.lexer import MAX_ERRORS
from server.bal.span import Span
from server.bal.tokens import END, NAME, NUMBER, STRING, VARIABLE, YIELDING, Tokens, TokenValue
from server.bal.vocabulary import RESERVED

# Deeper programs are rubbish, and everybody who walks the tree may recurse this deep.
MAX_DEPTH = 100

_CLOSING = {"{": "}", "[": "]", "(": ")"}


class Abandoned(Exception):
    """What is being read cannot be finished. Its mistake is recorded already."""


class Cursor:
    __slots__ = ("diagnostics", "index", "kinds", "opened", "plain", "tokens", "values")

    def __init__(self, tokens: Tokens, plain: frozenset[str]) -> None:
        self.tokens = tokens
        self.kinds = tokens.kinds
        self.values = tokens.values
        self.index = 0
        self.opened: list[int] = []
        self.diagnostics: list[Diagnostic] = []
        # Words among YIELDING that are ordinary names here, because entities carry them.
        self.plain = plain

    # --- look and take ---------------------------------------------------------------------

    @property
    def kind(self) -> str:
        return self.kinds[self.index]

    @property
    def value(self) -> TokenValue:
        return self.values[self.index]

    def peek(self, ahead: int = 1) -> str:
        """The kind of a token further on; the end of the text goes on for ever."""
        index = self.index + ahead
        return self.kinds[index] if index < len(self.kinds) else END

    def at_word(self, word: str) -> bool:
        return self.values[self.index] == word and self.kinds[self.index] == NAME

    def at_keyword(self, word: str) -> bool:
        """`use` and `on_error`, unless an entity is called so."""
        return self.at_word(word) and word not in self.plain

    def skip_if(self, kind: str) -> bool:
        if self.kinds[self.index] == kind:
            self.index += 1
            return True
        return False

    def take(self) -> int:
        self.index += 1
        return self.index - 1

    def expect(self, kind: str, where: str, hint: str | None = None) -> int:
        if self.kinds[self.index] != kind:
            self.fail(f"Expected {_wanted(kind)} {where}", hint)
        self.index += 1
        return self.index - 1

    def open(self, mark: str, where: str, hint: str | None = None) -> int:
        index = self.expect(mark, where, hint)
        self.opened.append(index)
        if len(self.opened) > MAX_DEPTH:
            self.fail_deep(index)
        return index

    def close(self, where: str, hint: str | None = None) -> int:
        opener = self.opened[-1]
        mark = _CLOSING[self.kinds[opener]]
        if self.kinds[self.index] != mark:
            self.fail(f"Expected `{mark}` {where}", hint or self.unclosed(opener), opener)
        self.opened.pop()
        return self.take()

    # --- spans -----------------------------------------------------------------------------

    def span(self, index: int) -> Span:
        tokens = self.tokens
        return tokens.lines.span(tokens.starts[index], tokens.ends[index])

    def since(self, first: int) -> Span:
        """From the token `first` to the one that was taken last."""
        tokens = self.tokens
        return tokens.lines.span(tokens.starts[first], tokens.ends[self.index - 1])

    # --- fail ------------------------------------------------------------------------------

    def report(
        self,
        kind: str,
        message: str,
        span: Span,
        hint: str | None = None,
        related: Span | None = None,
    ) -> None:
        self.diagnostics.append(Diagnostic("error", kind, message, span, hint, related))
        if len(self.diagnostics) >= MAX_ERRORS:
            self.index = len(self.kinds) - 1

    def fail(
        self, expectation: str, hint: str | None = None, opener: int | None = None
    ) -> NoReturn:
        """`expectation` is a sentence without its end: what was found is added here. `opener` is
        the mark that should have been closed."""
        if self.kind == END:
            self._fail_at_end(expectation, hint)
        elif not self._follows_lexical_error():
            message = f"{expectation}, but found {self.found(self.index)}."
            hint = hint or self._reserved_hint() or self._mark_hint()
            related = None if opener is None else self.span(opener)
            self.report("unexpected_token", message, self.span(self.index), hint, related)
        raise Abandoned

    def fail_deep(self, index: int) -> NoReturn:
        message = f"Blocks and lists are nested more than {MAX_DEPTH} deep here."
        self.report("unexpected_token", message, self.span(index), "Split the program.")
        raise Abandoned

    def found(self, index: int) -> str:
        kind, value = self.kinds[index], self.values[index]
        if kind == STRING:
            shown = str(value)
            return f'the text "{shown[:30]}…"' if len(shown) > 30 else f'the text "{shown}"'
        if kind == NUMBER:
            tokens = self.tokens
            return f"`{tokens.source[tokens.starts[index] : tokens.ends[index]]}`"
        if kind == VARIABLE:
            return f"`${value}`"
        return "the end of the text" if kind == END else f"`{value}`"

    def _fail_at_end(self, expectation: str, hint: str | None) -> None:
        if any(found.kind == "unterminated_string" for found in self.tokens.diagnostics):
            return
        end = self.span(len(self.kinds) - 1)
        if not self.opened:
            self.report("unexpected_eof", f"{expectation}, but the text ends.", end, hint)
            return
        opener = self._unclosed()
        where = self.span(opener)
        mark = self.kinds[opener]
        message = f"The text ends before the `{mark}` of line {where.line} is closed."
        hint = (
            f"Add `{_CLOSING[mark]}` for the `{mark}` at line {where.line}, column {where.column}."
        )
        self.report("unexpected_eof", message, end, hint, where)

    def _unclosed(self) -> int:
        """The opening mark that most likely lacks its closing one: a closing brace that does not
        stand below its opening line betrays a forgotten one inside; otherwise the innermost."""
        stack: list[int] = []
        suspect: int | None = None
        for index, kind in enumerate(self.kinds):
            if kind in _CLOSING:
                stack.append(index)
            elif kind in ("}", "]", ")") and stack:
                opener = stack.pop()
                if kind == "}" and self._indent(index) < self._indent(opener):
                    suspect = suspect or opener
        return self.opened[-1] if suspect is None else suspect

    def _mark_hint(self) -> str | None:
        kind = self.kind
        if kind == ",":
            return "One comma between two items is enough."
        if kind in _CLOSING.values() and self.opened:
            opener = self.opened[-1]
            if _CLOSING[self.kinds[opener]] != kind:
                return self.unclosed(opener)
        return None

    def unclosed(self, opener: int, lead: str = "The") -> str:
        where, mark = self.span(opener), self.kinds[opener]
        place = f"line {where.line}, column {where.column}"
        return f"{lead} `{mark}` at {place} is not closed yet."

    def _indent(self, index: int) -> int:
        lines = self.tokens.lines
        text = lines.text(self.span(index).line)
        return len(text) - len(text.lstrip())

    def _follows_lexical_error(self) -> bool:
        """A character without a meaning among the last words is mistake enough."""
        tokens = self.tokens
        before = tokens.ends[self.index - 2] if self.index > 1 else 0
        after = tokens.ends[self.index]
        return any(
            before <= found.span.start < after
            for found in tokens.diagnostics
            if found.severity == "error" and found.kind == "unexpected_character"
        )

    def _reserved_hint(self) -> str | None:
        word = self.value
        if self.kind == NAME and word in RESERVED:
            return f"`{word}` is a word of the language and cannot be used as a name here."
        return None


def plain_words(tokens: Tokens) -> frozenset[str]:
    """Which of `use` and `on_error` this program defines as entities."""
    found: set[str] = set()
    kinds, values = tokens.kinds, tokens.values
    if not any(word in tokens.source for word in YIELDING):
        return frozenset()
    depth = 0
    for index, kind in enumerate(kinds):
        if kind in ("{", "[", "("):
            depth += 1
        elif kind in ("}", "]", ")"):
            depth -= 1
        elif kind == NAME and depth == 0 and kinds[index + 1] == "{":
            before = values[index - 1] if index else None
            if values[index] in YIELDING and before not in ("when", "use"):
                found.add(str(values[index]))
    return frozenset(found)


def _wanted(kind: str) -> str:
    words = {NAME: "a name", STRING: "a quoted text", NUMBER: "a number"}
    return words.get(kind, f"`{kind}`")
