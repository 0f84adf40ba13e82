"""A text that is being edited: what stands where, and the smallest changes that do it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from server.bal.comments import CommentMap, attach
from server.bal.errors import Diagnostic
from server.bal.keys import StepKeys, step_keys
from server.bal.lexer import tokenize
from server.bal.literals import is_name
from server.bal.nodes import Entity, Node, Program
from server.bal.parser import parse
from server.bal.tokens import STRING
from server.bal.vocabulary import RESERVED

INDENT: Final = "  "
_BLANK: Final = re.compile(r"[ \t\u00a0]*")
_COMMA: Final = re.compile(r"[ \t\r\n\u00a0]*,")
_NEVER_NAMES: Final = RESERVED | {"use", "on_error", "analytics", "defaults"}


class EditRefused(Exception):
    """The edit cannot be made; the message says why and what to do."""

    def __init__(self, message: str, diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True)
class Replacement:
    """`text` takes the place of the code points from `start` to `end` of the text before."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class EditResult:
    """The new text, and what changed in the old one, in order."""

    text: str
    replacements: tuple[Replacement, ...]


class Draft:
    """A text without mistakes, read for one edit."""

    def __init__(self, source: str) -> None:
        parsed = parse(source)
        wrong = tuple(found for found in parsed.diagnostics if found.severity == "error")
        if wrong:
            first = wrong[0]
            message = f"Line {first.span.line} has a mistake: {first.message} Correct it first."
            raise EditRefused(message, wrong)
        self.source = source
        self.program: Program = parsed.program
        self.newline = "\r\n" if "\r\n" in source else "\n"

    @cached_property
    def owners(self) -> CommentMap:
        return attach(self.program)

    @cached_property
    def keys(self) -> StepKeys:
        return step_keys(self.program)

    def entity(self, name: str) -> Entity:
        for entity in self.program.entities:
            if entity.name.value == name:
                return entity
        raise EditRefused(f"There is no entity `{name}` in this program.")

    def free_name(self, name: str) -> str:
        if not is_name(name):
            raise EditRefused(
                f"`{name}` is no name: use letters, digits and `_`, not a digit first."
            )
        if name in _NEVER_NAMES:
            raise EditRefused(f"`{name}` is a word of the language; choose another name.")
        if any(entity.name.value == name for entity in self.program.entities):
            raise EditRefused(f"There is already an entity `{name}`.")
        return name

    def finish(self, replacements: Iterable[Replacement]) -> EditResult:
        """Refuses what would break the text, so that no edit ever leaves a wrong program."""
        kept = tuple(
            one
            for one in sorted(replacements, key=lambda one: (one.start, one.end))
            if one.text != self.source[one.start : one.end]
        )
        text = applied(self.source, kept)
        wrong = tuple(one for one in parse(text).diagnostics if one.severity == "error")
        if wrong and not (wrong[0].kind == "empty_program" and not text.strip()):
            raise EditRefused(f"This would break the text: {wrong[0].message}", wrong)
        return EditResult(text, kept)

    # --- places --------------------------------------------------------------------------------

    def line_start(self, offset: int) -> int:
        return self.source.rfind("\n", 0, offset) + 1

    def indent_at(self, offset: int) -> str:
        """The white space that the line of this place begins with."""
        match = _BLANK.match(self.source, self.line_start(offset))
        return match.group() if match else ""

    def starts_line(self, offset: int) -> bool:
        return not self.source[self.line_start(offset) : offset].strip(" \t\u00a0\ufeff")

    def ends_line(self, offset: int) -> bool:
        rest = self.source[offset : self._line_end(offset)]
        return not rest.strip(" \t\r\u00a0")

    def _line_end(self, offset: int) -> int:
        end = self.source.find("\n", offset)
        return len(self.source) if end < 0 else end

    def behind_comma(self, offset: int) -> int:
        match = _COMMA.match(self.source, offset)
        return match.end() if match else offset

    def extent(self, node: Node) -> tuple[int, int]:
        """The node with its comma, the remarks directly above it and the one behind it."""
        start, line = node.span.start, node.span.line
        for comment in reversed(self.owners.before.get(id(node), ())):
            above = comment.span.line == line - 1 and self.starts_line(comment.span.start)
            if not above:
                break
            start, line = comment.span.start, line - 1
        end = self.behind_comma(node.span.end)
        for comment in self.owners.after.get(id(node), ()):
            end = self.behind_comma(max(end, comment.span.end))
        return start, end

    def has_remark_behind(self, node: Node) -> bool:
        """Then the rest of its line is taken."""
        return bool(self.owners.after.get(id(node)))

    def removal(self, node: Node) -> Replacement:
        """Whole lines when nothing else stands on them."""
        start, end = self.extent(node)
        if self.starts_line(start) and self.ends_line(end):
            start = self.line_start(start)
            end = min(self._line_end(end) + 1, len(self.source))
            return Replacement(start, end, "")
        while start > 0 and self.source[start - 1] in " \t":
            start -= 1
        return Replacement(start, end, "")

    def deeper(self, start: int, end: int, indent: str) -> Iterator[Replacement]:
        """Moves the lines after the first one to the right, but not those within a text."""
        offset = self.source.find("\n", start, end)
        while offset >= 0:
            line = offset + 1
            blank = not self.source[line : self._line_end(line)].strip()
            if not blank and not _within(self._long_texts, line):
                yield Replacement(line, line, indent)
            offset = self.source.find("\n", line, end)

    @cached_property
    def _long_texts(self) -> list[tuple[int, int]]:
        return long_texts(self.source)

    def written(self, text: str) -> str:
        """New text with the line ends of this source."""
        return text if self.newline == "\n" else text.replace("\n", self.newline)


def applied(source: str, replacements: Sequence[Replacement]) -> str:
    parts: list[str] = []
    position = 0
    for one in replacements:
        if one.start < position:
            raise ValueError("replacements overlap")
        parts += (source[position : one.start], one.text)
        position = one.end
    parts.append(source[position:])
    return "".join(parts)


def reindented(text: str, old: str, new: str) -> str:
    """The lines after the first one with `new` in place of `old`, but not those within a text."""
    texts = long_texts(text)
    lines = text.split("\n")
    offset = len(lines[0]) + 1
    for place, line in enumerate(lines[1:], 1):
        if line.strip() and line.startswith(old) and not _within(texts, offset):
            lines[place] = new + line[len(old) :]
        offset += len(line) + 1
    return "\n".join(lines)


def long_texts(source: str) -> list[tuple[int, int]]:
    """Where the quoted texts of more than one line are."""
    tokens = tokenize(source)
    return [
        (start, end)
        for kind, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True)
        if kind == STRING and "\n" in source[start:end]
    ]


def _within(texts: list[tuple[int, int]], offset: int) -> bool:
    place = bisect_right(texts, (offset, 0)) - 1
    return place >= 0 and offset < texts[place][1]
