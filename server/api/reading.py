"""Reads a document with the parser of graphql-core over a lexer that takes names, signs, comments
and plain strings by one regular expression, where the library's goes letter by letter. What is
rarer (numbers, escapes, mistakes) is left to the library's. So are fields, but for those that are a
bare name, or a name and a selection, which is most of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    NameNode,
    SelectionNode,
    SelectionSetNode,
    Source,
)
from graphql.language import Token, TokenKind
from graphql.language.ast import Location, Node
from graphql.language.block_string import dedent_block_string_lines
from graphql.language.lexer import Lexer
from graphql.language.parser import Parser

_NEXT = re.compile(
    r"[ \t,\n\ufeff]*(?:([_A-Za-z][_0-9A-Za-z]*)|([!$&():=@\[\]{}|])|(\.\.\.)"
    r'|"(?!"")([^"\\\n\r\ud800-\udfff]*)"'
    r"|#([^\n\r\ud800-\udfff]*)"
    # Possessive: a text that does not end as it should must not be tried in all its parts.
    r'|"""((?:[^"\\\r\ud800-\udfff]++|"(?!""))*+)""")'
)
_LINE = re.compile(r"\r\n|[\n\r]")
_NAME, _SIGN, _SPREAD, _STRING, _COMMENT, _BLOCK = range(1, 7)
_SIGNS = {kind.value: kind for kind in TokenKind if len(kind.value) == 1}


class QuickLexer(Lexer):
    """`gaps` are parts of the text that are passed over: where each begins, and ends."""

    def __init__(self, source: Source, gaps: Mapping[int, int] | None = None) -> None:
        super().__init__(source)
        self.gaps = gaps or {}

    def advance(self) -> Token:
        self.last_token = self.token
        found = self.token = self.lookahead()
        return found

    def lookahead(self) -> Token:
        last = self.token
        found = last.next
        if found is None and last.kind is not TokenKind.EOF:
            found = last.next = self.read_next_token(last.end)
            found.prev = last
        if found is None or found.kind is TokenKind.COMMENT:
            return super().lookahead()
        return found

    def read_next_token(self, start: int) -> Token:
        body = self.source.body
        if start in self.gaps:
            start = self._passed(start, self.gaps[start])
        found = _NEXT.match(body, start)
        group = None if found is None else found.lastindex
        if found is None or group is None:
            return super().read_next_token(start)
        begin, end, value = found.start(group), found.end(), found[group]
        lines = body.count("\n", start, begin)
        if lines:
            self.line += lines
            self.line_start = body.rindex("\n", start, begin) + 1
        if group == _NAME:
            column = 1 + begin - self.line_start
            return Token(TokenKind.NAME, begin, end, self.line, column, value)
        if group == _SIGN:
            return Token(_SIGNS[value], begin, end, self.line, 1 + begin - self.line_start)
        if group == _SPREAD:
            return self.create_token(TokenKind.SPREAD, begin, end)
        if group == _STRING:
            return self.create_token(TokenKind.STRING, begin - 1, end, value)
        if group == _COMMENT:
            return self.create_token(TokenKind.COMMENT, begin - 1, end, value)
        return self._block(begin, end, value)

    def _passed(self, start: int, end: int) -> int:
        for line in _LINE.finditer(self.source.body, start, end):
            self.line += 1
            self.line_start = line.end()
        return end

    def _block(self, begin: int, end: int, value: str) -> Token:
        lines = value.split("\n")
        text = "\n".join(dedent_block_string_lines(lines))
        token = self.create_token(TokenKind.BLOCK_STRING, begin - 3, end, text)
        if len(lines) > 1:
            self.line += len(lines) - 1
            self.line_start = end - 3 - len(lines[-1])
        return token


class QuickParser(Parser):
    def advance_lexer(self) -> None:
        lexer = self._lexer
        last, found = lexer.token, lexer.lookahead()
        if last.next is not found or self._token_counter >= (self._max_tokens or 0):
            super().advance_lexer()  # comments are between, or it is one too many
            return
        lexer.last_token, lexer.token = last, found
        if found.kind is not TokenKind.EOF:
            self._token_counter += 1

    def parse_selection_set(self) -> SelectionSetNode:
        self._enter_nesting()
        lexer, start = self._lexer, self._lexer.token
        self.expect_token(TokenKind.BRACE_L)
        chosen: list[SelectionNode] = []
        while lexer.token.kind is not TokenKind.BRACE_R:
            plain = lexer.token.kind is TokenKind.NAME
            chosen.append(self.parse_field() if plain else self.parse_selection())
        self.advance_lexer()
        self._nesting_depth -= 1
        place = Location(start, lexer.last_token, lexer.source)
        return _made(SelectionSetNode, {"loc": place, "selections": tuple(chosen)})

    def parse_field(self) -> FieldNode:
        lexer = self._lexer
        token = lexer.token
        after = lexer.lookahead().kind if token.kind is TokenKind.NAME else None
        if after is TokenKind.NAME or after is TokenKind.BRACE_R or after is TokenKind.SPREAD:
            self.advance_lexer()
            return self._field(token, None)
        if after is TokenKind.BRACE_L:
            self.advance_lexer()
            return self._field(token, self.parse_selection_set())
        return super().parse_field()

    def _field(self, token: Token, chosen: SelectionSetNode | None) -> FieldNode:
        source = self._lexer.source
        place = Location(token, token, source)
        whole = place if chosen is None else Location(token, self._lexer.last_token, source)
        return _made(
            FieldNode,
            {
                "loc": whole,
                "directives": None,
                "name": _made(NameNode, {"loc": place, "value": token.value}),
                "alias": None,
                "arguments": None,
                "selection_set": chosen,
            },
        )


Made = TypeVar("Made", bound=Node)
_set = object.__setattr__


def _made(kind: type[Made], values: dict[str, Any]) -> Made:
    """As the kind makes it, which takes care that nobody changes it and longer than all the rest
    of reading a field."""
    node = object.__new__(kind)
    _set(node, "__dict__", values)
    return node


def read_document(
    text: str, most_tokens: int, gaps: Mapping[int, int] | None = None
) -> DocumentNode:
    """Raises GraphQLSyntaxError, and RecursionError for what is nested too deeply."""
    source = Source(text)
    lexer = QuickLexer(source, gaps)
    return QuickParser(source, max_tokens=most_tokens, lexer=lexer).parse_document()
