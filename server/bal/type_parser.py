"""The text of a type to its nodes: an own small lexer and recursive descent."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from server.bal.escapes import unescape
from server.bal.suggest import closest
from server.bal.type_nodes import (
    AnyType,
    ArrayType,
    BooleanType,
    EnumType,
    NumberType,
    ObjectType,
    StringType,
    Type,
    TypeField,
    optional,
)

MAX_DEPTH = 50

_WORDS = ("string", "boolean", "any", "integer", "number", "enum", "array", "object", "optional")
# What the same types are called elsewhere.
_OTHER_WORDS = {
    "str": "string",
    "text": "string",
    "date": "string",
    "datetime": "string",
    "bool": "boolean",
    "int": "integer",
    "float": "number",
    "double": "number",
    "list": "array",
    "dict": "object",
    "map": "object",
    "json": "object",
}
_TOKEN = re.compile(
    r"""(?:[\s\u00a0]|\#[^\n]*|//[^\n]*)*+(?:
      ([A-Za-z_][A-Za-z0-9_-]*)                                        # 1 word
    | (-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)         # 2 number
    | ("[^"\\]*+(?:\\.[^"\\]*+)*+"|'[^'\\]*+(?:\\.[^'\\]*+)*+')        # 3 text
    | (\[\s*\]|[<>(){}:,|?])                                           # 4 mark
    | (.)                                                              # 5 anything else
    | $)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class TypeMistake:
    """`start` and `end` are offsets in the text of the type."""

    message: str
    start: int
    end: int
    hint: str | None = None


@lru_cache(maxsize=4096)
def parse_type(text: str) -> Type | TypeMistake:
    try:
        return _Parser(text).parse()
    except _Failure as failure:
        return failure.mistake


class _Failure(Exception):
    def __init__(self, mistake: TypeMistake) -> None:
        super().__init__(mistake.message)
        self.mistake = mistake


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    kinds = ("", "word", "number", "text", "mark", "")
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastindex is None:
            break
        group = match.lastindex
        start, position = match.span(group)
        value = "[]" if match[group][0] == "[" and group == 4 else match[group]
        kind = value if group == 4 else kinds[group]
        found.append(_Token(kind, value, start, position))
    # Twice, because a look at the token after the next must find one.
    end = _Token("end", "", len(text), len(text))
    return [*found, end, end]


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.index = 0
        self.depth = 0
        self.rounds = 0

    def parse(self) -> Type:
        if self.token.kind == "end":
            raise self._failure(self.token, "The type is empty", "For example `string`.")
        found = self._type()
        if self.token.kind != "end":
            raise self._failure(self.token, f"`{self.token.text}` cannot stand here in a type")
        return found

    @property
    def token(self) -> _Token:
        return self.tokens[self.index]

    def _type(self) -> Type:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._failure(self.token, f"This type is nested more than {MAX_DEPTH} deep")
        found = optional(self._type()) if self._skip("?") else self._union()
        self.depth -= 1
        return found

    def _union(self) -> Type:
        found = self._choice() if self._is_choice() else self._base()
        while self.token.kind in ("?", "[]") or self._is_or_null():
            self.rounds += 1
            if self.rounds > MAX_DEPTH:
                raise self._failure(self.token, f"This type is nested more than {MAX_DEPTH} deep")
            mark = self._take().kind
            self.index += mark == "|"
            found = ArrayType(found) if mark == "[]" else optional(found)
        return found

    def _is_or_null(self) -> bool:
        return self.token.kind == "|" and self.tokens[self.index + 1].text == "null"

    def _is_choice(self) -> bool:
        """Plain words with `|` between them; a word of the type grammar is none."""
        token, after = self.token, self.tokens[self.index + 1]
        return token.kind == "word" and after.kind == "|" and token.text not in _WORDS

    def _choice(self) -> Type:
        values: list[str] = []
        nullable = False
        while True:
            token = self._expect("word", "a word after `|`")
            if token.text in _WORDS:
                hint = "Only `|null` may follow a type; choices are plain words."
                raise self._failure(token, f"`{token.text}` is a type and no choice", hint)
            if token.text == "null":
                nullable = True
            elif token.text not in values:
                values.append(token.text)
            if not self._skip("|"):
                break
        if not values:
            raise self._failure(self.tokens[self.index - 1], "`null` alone is no type")
        enum = EnumType(tuple(values))
        return optional(enum) if nullable else enum

    def _base(self) -> Type:
        token = self.token
        if token.kind == "text":
            hint = f"A list of choices is written enum({token.text}, …)."
            raise self._failure(token, "A type begins with a word, not with a quoted text", hint)
        if token.kind != "word":
            shown = f"`{token.text}`" if token.text else "the end"
            raise self._failure(token, f"Expected a type, but found {shown}")
        self.index += 1
        found = self._word(token)
        if self.token.kind == "|" and self.tokens[self.index + 1].text != "null":
            hint = "Choices are plain words, as in `small|large`; `any` takes every value."
            raise self._failure(token, f"`{token.text}` is a type and no choice", hint)
        return found

    def _word(self, token: _Token) -> Type:
        match token.text:
            case "string":
                return StringType()
            case "boolean":
                return BooleanType()
            case "any":
                return AnyType()
            case "number" | "integer":
                return self._range(integer=token.text == "integer")
            case "enum":
                return self._enum(token)
            case "array":
                return self._array()
            case "object":
                return self._object()
            case "optional":
                self._expect("(", "`(` after `optional`")
                inner = self._type()
                self._expect(")", "`)` after the type")
                return optional(inner)
            case _:
                raise self._unknown(token)

    def _array(self) -> Type:
        if not self._skip("<"):
            return ArrayType(StringType())
        item = self._type()
        self._expect(">", "`>` after the type of the items")
        return ArrayType(item)

    def _enum(self, word: _Token) -> Type:
        self._expect("(", "`(` after `enum`", "As in enum('low', 'high').")
        values: dict[str, None] = {}
        while self.token.kind != ")":
            hint = f"Put it in quotes: '{self.token.text}'." if self.token.kind == "word" else None
            values[self._text(self._expect("text", "a quoted value in `enum`", hint))] = None
            if not self._skip(",") and self.token.kind != ")":
                self._expect(",", "`,` or `)` in `enum`")
        self.index += 1
        if not values:
            raise self._failure(word, "An enum needs at least one value", "As in enum('a', 'b').")
        return EnumType(tuple(values))

    def _object(self) -> Type:
        if not self._skip("{"):
            return ObjectType()
        fields: list[TypeField] = []
        names: set[str] = set()
        while self.token.kind != "}":
            token = self.token
            if token.kind not in ("word", "text"):
                self._expect("word", "the name of a field")
            name = self._text(self._take()) if token.kind == "text" else self._take().text
            if name in names:
                raise self._failure(token, f"The field `{name}` stands here twice")
            names.add(name)
            self._expect(":", f"`:` after `{name}`")
            fields.append(TypeField(name, self._type()))
            self._skip(",")
        self.index += 1
        return ObjectType(tuple(fields))

    def _range(self, *, integer: bool) -> Type:
        if not self._skip("("):
            return NumberType(integer=integer)
        opening = self.tokens[self.index - 1]
        bounds: dict[str, int | float] = {}
        while self.token.kind != ")":
            self._bound(bounds)
            if not self._skip(",") and self.token.kind != ")":
                self._expect(")", "`)` after the range")
        closing = self._take()
        if not bounds:
            raise self._failure(closing, "The range is empty", "As in number(0, 10).")
        low, high = bounds.get("min"), bounds.get("max")
        if low is not None and high is not None and low > high:
            message = f"The minimum {low} is above the maximum {high}"
            raise _Failure(TypeMistake(f"{message}.", opening.start, closing.end))
        return NumberType(low, high, integer)

    def _bound(self, bounds: dict[str, int | float]) -> None:
        token = self.token
        name = "min" if not bounds else "max"
        if token.kind == "word":
            if token.text not in ("min", "max"):
                raise self._failure(
                    token, f"Expected a number, `min:` or `max:`, but found `{token.text}`"
                )
            name = self._take().text
            self._expect(":", f"`:` after `{name}`")
        if name in bounds or (name == "min" and "max" in bounds) or len(bounds) > 1:
            raise self._failure(token, "A range has one minimum and one maximum, in this order")
        bounds[name] = self._number(self._expect("number", "a number in the range"))

    # --- parts -----------------------------------------------------------------------------

    def _take(self) -> _Token:
        self.index += 1
        return self.tokens[self.index - 1]

    def _skip(self, kind: str) -> bool:
        if self.token.kind == kind:
            self.index += 1
            return True
        return False

    def _expect(self, kind: str, wanted: str, hint: str | None = None) -> _Token:
        if self.token.kind != kind:
            found = f"`{self.token.text}`" if self.token.text else "the end"
            raise self._failure(self.token, f"Expected {wanted}, but found {found}", hint)
        return self._take()

    def _number(self, token: _Token) -> int | float:
        value = float(token.text)
        if not math.isfinite(value):
            raise self._failure(token, "This number is too large")
        return int(token.text) if token.text.lstrip("-").isdigit() else value

    def _text(self, token: _Token) -> str:
        def trouble(kind: str, start: int, end: int) -> None:
            if kind == "invalid_escape":
                raise self._failure(token, "This escape is not complete")

        return unescape(token.text[1:-1], trouble)

    def _unknown(self, token: _Token) -> _Failure:
        meant = _OTHER_WORDS.get(token.text.lower())
        hint = f"Did you mean `{meant}`?" if meant else closest(token.text, _WORDS)
        if hint is None:
            hint = f"The types are {', '.join(_WORDS)}, or plain words with `|` between them."
        return self._failure(token, f"`{token.text}` is no type", hint)

    def _failure(self, token: _Token, message: str, hint: str | None = None) -> _Failure:
        return _Failure(TypeMistake(f"{message}.", token.start, token.end, hint))
