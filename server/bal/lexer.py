"""From text to tokens: one compiled expression, one pass, every mistake kept."""

from __future__ import annotations

import math
import re
from typing import Literal

from server.bal.errors import Diagnostic
from server.bal.escapes import unescape
from server.bal.lines import Lines
from server.bal.nodes import Comment
from server.bal.tokens import END, NAME, NUMBER, STRING, VARIABLE, Tokens, TokenValue

# Nobody reads more than this many mistakes, and a megabyte of rubbish must not cost minutes.
MAX_ERRORS = 500

_MASTER = re.compile(
    r"""[\ \t\r\n\u00a0]*+(?:
      ([A-Za-z_][A-Za-z0-9_]*+)                                          # 1 name
    | ([{}\[\](),:]|=>|\.(?![0-9]))                                      # 2 mark
    | ("[^"\\]*+(?:\\.[^"\\]*+)*+"|'[^'\\]*+(?:\\.[^'\\]*+)*+')          # 3 text
    | (-?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)       # 4 number
    | ((?:\#|//)[^\n]*+)                                                 # 5 comment
    | (\$[A-Za-z_][A-Za-z0-9_]*+)                                        # 6 variable
    | (["'])                                                             # 7 text without an end
    | (@[a-z]++(?=[\ \t]++[A-Za-z_])|->|[^\W\x00-\x7f]++|.)            # 8 anything else
    )""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER_TAIL = re.compile(r"[\w.]+")
_CURLY_TEXT = re.compile("[“”„][^“”„\n]*+[“”]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_HINTS = {
    ";": "Items are separated by white space or a comma; leave the `;` out.",
    "=": "Write `=>` to keep a step's value; conditions stand in quotes.",
    "-": "Names hold letters, digits and `_`: write `_` instead of `-`, or put the text in quotes.",
    "@": "The form `@entity name { … }` is gone; write `name { … }`.",
    "$": "A variable is `$` and a name at once, as in `$report`.",
    ">": "Write `=>` to keep a step's value; conditions stand in quotes.",
    "<": "Conditions and types stand in quotes.",
    "!": "Conditions stand in quotes.",
    "|": 'A type with choices stands in quotes, as in "small|large".',
    "?": 'A type such as "?string" stands in quotes.',
    "&": "Conditions stand in quotes.",
    "/": "A comment starts with `//` or `#`; there are no block comments.",
    "*": "A comment starts with `//` or `#`; there are no block comments.",
    "`": "Texts stand in single or double quotes.",
    "\\": "A backslash has a meaning only inside quotes.",
    "“": "These are typographic quotation marks; write straight ones.",
    "”": "These are typographic quotation marks; write straight ones.",
    "„": "These are typographic quotation marks; write straight ones.",
    "‘": "These are typographic quotation marks; write straight ones.",
    "’": "These are typographic quotation marks; write straight ones.",
    "→": "Write `=>`.",
    "⇒": "Write `=>`.",
}


def decode(data: bytes) -> str:
    """The text of a file. A byte that is not UTF-8 stays visible to the lexer, which reports it
    where it stands."""
    return data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def tokenize(source: str) -> Tokens:
    tokens = _Lexer(source).run()
    tokens.diagnostics = without_echoes(tokens.diagnostics, tokens)
    tokens.diagnostics.sort(key=lambda found: found.span.start)
    return tokens


def without_echoes(found: list[Diagnostic], tokens: Tokens) -> list[Diagnostic]:
    """One mistake is told once: a number that cannot be read is not also out of its range, and
    behind a text that is never closed nothing is what it seems."""
    numbers = {one.span.start for one in tokens.diagnostics if one.kind == "invalid_number"}
    last = math.inf if tokens.runaway is None else tokens.runaway
    return [
        one for one in found if one.kind == "unterminated_string" or _is_news(one, last, numbers)
    ]


def _is_news(found: Diagnostic, last: float, numbers: set[int]) -> bool:
    start = found.span.start
    return start < last and (found.kind == "invalid_number" or start not in numbers)


class _Lexer:
    def __init__(self, source: str) -> None:
        self.broken = {match.start() for match in _SURROGATE.finditer(source)}
        # Downstream must be able to encode every value that came out of a text.
        self.source = _SURROGATE.sub("\ufffd", source) if self.broken else source
        self.lines = Lines(self.source)
        self.tokens = Tokens(self.source, self.lines)
        self.base = 0

    def run(self) -> Tokens:
        self._report_broken()
        self._scan(1 if self.source.startswith("\ufeff") else 0)
        return self.tokens

    def _scan(self, position: int) -> None:
        tokens, source = self.tokens, self.source
        kinds, values, starts, ends = tokens.kinds, tokens.values, tokens.starts, tokens.ends
        match_at = _MASTER.match
        while match := match_at(source, position):
            group = match.lastindex or 0
            start, end = match.span(group)
            text = match[group]
            value: TokenValue = text
            position = end
            if group == 1:
                kind = NAME
            elif group == 2:
                kind = text
            elif group == 3:
                kind, text = STRING, text[1:-1]
                if "\\" in text or "\r" in text:
                    self.base = start + 1
                    text = unescape(text, self._escape_trouble)
                value = text
            elif group == 4:
                kind = NUMBER
                value, end = self._number(text, start, end)
                position = end
            elif group == 6:
                kind, value = VARIABLE, text[1:]
            else:
                position = self._unusual(group, text, start, end)
                if position < 0:
                    break
                continue
            kinds.append(kind)
            values.append(value)
            starts.append(start)
            ends.append(end)
        self._add(END, "", len(source), len(source))

    def _unusual(self, group: int, text: str, start: int, end: int) -> int:
        """A comment, a text without an end or a character with no meaning. The place to go on,
        or -1 to stop."""
        if group == 5:
            text = text.removesuffix("\r")
            span = self.lines.span(start, start + len(text))
            self.tokens.comments.append(Comment(text, span=span))
            return end
        if group == 7:
            return self._unterminated(start)
        if len(self.tokens.diagnostics) >= MAX_ERRORS:
            return -1
        return self._unexpected(text, start, end)

    def _add(self, kind: str, value: str, start: int, end: int) -> None:
        tokens = self.tokens
        tokens.kinds.append(kind)
        tokens.values.append(value)
        tokens.starts.append(start)
        tokens.ends.append(end)

    def _number(self, text: str, start: int, end: int) -> tuple[int | float, int]:
        tail = _NUMBER_TAIL.match(self.source, end)
        if tail:
            shown = self.source[start : min(tail.end(), start + 40)]
            self._error(
                "invalid_number",
                f"`{shown}` is not a number.",
                start,
                tail.end(),
                "Put it in quotes if it is meant as text.",
            )
            return 0, tail.end()
        if not math.isfinite(float(text)):
            self._error("invalid_number", "This number is too large.", start, end)
            return 0, end
        plain = text.lstrip("-").isdigit()
        return (int(text) if plain else float(text)), end

    def _unterminated(self, start: int) -> int:
        end = len(self.source)
        self._error(
            "unterminated_string",
            "This quotation mark opens a text that is never closed.",
            start,
            start + 1,
            self._runaway_hint(start),
        )
        self._add(STRING, self.source[start + 1 :], start, end)
        return end

    def _runaway_hint(self, start: int) -> str:
        """One forgotten quote turns every text after it inside out; the first text that runs over
        a line end and touches a word is where it began."""
        tokens = self.tokens
        tokens.runaway = start
        for index, kind in enumerate(tokens.kinds):
            if kind != STRING:
                continue
            first, last = tokens.starts[index], tokens.ends[index]
            after = self.source[last : last + 1]
            if "\n" in self.source[first:last] and (after.isalnum() or after in ("_", "$", "\\")):
                tokens.runaway = first
                line = self.lines.span(first, last).line
                return f"Perhaps the text that starts in line {line} lacks its closing mark."
        return f"Add the closing {self.source[start]} where the text ends."

    def _unexpected(self, text: str, start: int, end: int) -> int:
        if start in self.broken:
            return start + 1
        curly = _CURLY_TEXT.match(self.source, start)
        if curly:
            self._error("unexpected_character", *self._stray(text[0], start))
            self._add(STRING, curly.group()[1:-1], start, curly.end())
            return curly.end()
        self._error("unexpected_character", *self._stray(text[0], start))
        return end

    def _stray(self, character: str, start: int) -> tuple[str, int, int, str | None]:
        hint = _HINTS.get(character)
        if character == "-" and self.source.startswith("->", start):
            hint = "Write `=>` to keep a step's value; steps follow each other without a mark."
        if character.isprintable() and not character.isspace():
            if hint is None and character.isalpha():
                hint = "Names hold the letters a to z, digits and `_`; other text stands in quotes."
            return f"`{character}` has no meaning here.", start, start + 1, hint
        code = f"U+{ord(character):04X}"
        hint = "It is not visible; delete it."
        return f"The character {code} has no meaning here.", start, start + 1, hint

    def _escape_trouble(
        self, kind: Literal["invalid_escape", "unknown_escape"], start: int, end: int
    ) -> None:
        start, end = self.base + start, self.base + end
        shown = self.source[start:end]
        if kind == "unknown_escape":
            message = f"`{shown}` is no escape; the backslash stays in the text."
            hint = "Write two backslashes to say that it is meant."
            span = self.lines.span(start, end)
            if len(self.tokens.diagnostics) < 2 * MAX_ERRORS:
                self.tokens.diagnostics.append(Diagnostic("warning", kind, message, span, hint))
            return
        if len(shown) == 6:
            message = f"`{shown}` is one half of a pair and stands alone."
            hint = "Write both halves, as in `\\ud83d\\ude00`."
        else:
            message = "`\\u` needs four hexadecimal digits."
            hint = "As in `\\u00e9`; write two backslashes when a backslash is meant."
        self._error(kind, message, start, end, hint)

    def _report_broken(self) -> None:
        for start in sorted(self.broken)[:MAX_ERRORS]:
            self._error(
                "unexpected_character",
                "This is not valid UTF-8.",
                start,
                start + 1,
                "Save the file as UTF-8.",
            )

    def _error(
        self, kind: str, message: str, start: int, end: int, hint: str | None = None
    ) -> None:
        if len(self.tokens.diagnostics) < 2 * MAX_ERRORS:
            span = self.lines.span(start, end)
            self.tokens.diagnostics.append(Diagnostic("error", kind, message, span, hint))
