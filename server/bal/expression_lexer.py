"""The text of an expression as tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from server.bal.values import finite

MAX_LENGTH = 2000
SPACE = re.compile(r"[ \t\r\n\xa0]*")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
MARKS = re.compile(r"===|!==|==|!=|<>|<=|>=|&&|\|\||[-+*/%<>=!?:.,()\[\]{}]")
CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}
ESCAPES = CONTROL | {mark: mark for mark in "\\/\"'"}
HINTS = {
    "&": "Use `&&` or `and`.",
    "|": "Use `||` or `or`.",
    "^": "There is no power operator.",
    "`": "Put text in ' or \".",
    ";": "An expression is one value; leave the `;` out.",
}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is number, text, name, variable, slot, end, or the mark itself."""

    kind: str
    value: Any
    start: int
    end: int


class Mistake(Exception):
    """Carries what is wrong up to `parse_expression`; it never leaves this package."""

    def __init__(self, message: str, start: int, end: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
        self.hint = hint


def tokens_of(text: str) -> list[Token]:
    if len(text) > MAX_LENGTH:
        raise Mistake(
            f"The expression is {len(text)} characters long; at most {MAX_LENGTH} are allowed.",
            MAX_LENGTH,
            len(text),
            "Compute a part of it in a processor step before.",
        )
    found: list[Token] = []
    position = _skip_space(text, 0)
    while position < len(text):
        token = _token(text, position)
        found.append(token)
        position = _skip_space(text, token.end)
    found.append(Token("end", None, len(text), len(text)))
    return found


def _skip_space(text: str, position: int) -> int:
    match = SPACE.match(text, position)
    return match.end() if match else position


def _token(text: str, start: int) -> Token:
    char = text[start]
    if char in "'\"":
        return _text(text, start)
    if text.startswith("{{", start):
        return _slot(text, start)
    if char == "$":
        return _variable(text, start)
    if match := NAME.match(text, start):
        return Token("name", match.group(), start, match.end())
    if match := NUMBER.match(text, start):
        return _number(text, match)
    if match := MARKS.match(text, start):
        return Token(match.group(), match.group(), start, match.end())
    raise Mistake(f"`{char}` cannot stand here.", start, start + 1, HINTS.get(char))


def _number(text: str, match: re.Match[str]) -> Token:
    start, end = match.span()
    after = text[end : end + 1]
    if after == "." or after == "_" or after.isalpha():
        raise Mistake(f"`{match.group()}{after}` is no number.", start, end + 1)
    digits = match.group()
    value = finite(int(digits) if digits.isdigit() else float(digits))
    if value is None:
        raise Mistake("The number is too large.", start, end)
    return Token("number", value, start, end)


def _variable(text: str, start: int) -> Token:
    match = NAME.match(text, start + 1)
    if match is None:
        raise Mistake("A name must follow `$`.", start, start + 1)
    return Token("variable", "$" + match.group(), start, match.end())


def _slot(text: str, start: int) -> Token:
    closing = text.find("}}", start)
    if closing < 0:
        raise Mistake("`{{` is never closed.", start, start + 2, "Close it with `}}`.")
    return Token("slot", text[start + 2 : closing], start, closing + 2)


def _text(text: str, start: int) -> Token:
    quote = text[start]
    pieces: list[str] = []
    position = start + 1
    while position < len(text):
        char = text[position]
        if char == quote:
            return Token("text", _whole("".join(pieces), start), start, position + 1)
        if char == "\\" and position + 1 < len(text):
            piece, position = _escape(text, position)
            pieces.append(piece)
            continue
        pieces.append(char)
        position += 1
    raise Mistake("The text is never closed.", start, len(text), f"Close it with {quote}.")


def _whole(text: str, start: int) -> str:
    """Pairs of `\\u` escapes joined; half a pair is no text."""
    if text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise Mistake("A `\\u` escape is half of a pair.", start, start + 1) from None


def _escape(text: str, start: int) -> tuple[str, int]:
    letter = text[start + 1]
    if letter == "u":
        digits = text[start + 2 : start + 6]
        if len(digits) < 4 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
            raise Mistake("`\\u` needs four hexadecimal digits.", start, start + 2)
        return chr(int(digits, 16)), start + 6
    return ESCAPES.get(letter, "\\" + letter), start + 2
