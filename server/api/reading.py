"""Reads a document with the parser of graphql-core over a lexer that takes names, signs, comments
and plain strings by one regular expression, where the library's goes letter by letter. What is
rarer (numbers, escapes, mistakes) is left to the library's."""

from __future__ import annotations

import re

from graphql import DocumentNode, Source
from graphql.language import Token, TokenKind
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
_NAME, _SIGN, _SPREAD, _STRING, _COMMENT, _BLOCK = range(1, 7)
_SIGNS = {kind.value: kind for kind in TokenKind if len(kind.value) == 1}


class QuickLexer(Lexer):
    def read_next_token(self, start: int) -> Token:
        body = self.source.body
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
            return self.create_token(TokenKind.NAME, begin, end, value)
        if group == _SIGN:
            return self.create_token(_SIGNS[value], begin, end)
        if group == _SPREAD:
            return self.create_token(TokenKind.SPREAD, begin, end)
        if group == _STRING:
            return self.create_token(TokenKind.STRING, begin - 1, end, value)
        if group == _COMMENT:
            return self.create_token(TokenKind.COMMENT, begin - 1, end, value)
        return self._block(begin, end, value)

    def _block(self, begin: int, end: int, value: str) -> Token:
        lines = value.split("\n")
        text = "\n".join(dedent_block_string_lines(lines))
        token = self.create_token(TokenKind.BLOCK_STRING, begin - 3, end, text)
        if len(lines) > 1:
            self.line += len(lines) - 1
            self.line_start = end - 3 - len(lines[-1])
        return token


def read_document(text: str, most_tokens: int) -> DocumentNode:
    """Raises GraphQLSyntaxError, and RecursionError for what is nested too deeply."""
    source = Source(text)
    return Parser(source, max_tokens=most_tokens, lexer=QuickLexer(source)).parse_document()
