"""From text to tree. Never raises: what is wrong is told by the diagnostics, the rest is read."""

from __future__ import annotations

from dataclasses import dataclass

from server.bal.collector import collector_paused
from server.bal.cursor import Abandoned, Cursor, plain_words
from server.bal.errors import Diagnostic
from server.bal.lexer import tokenize, without_echoes
from server.bal.nodes import (
    Analytics,
    Defaults,
    Definition,
    Entity,
    ListValue,
    ObjectValue,
    Program,
    Property,
    Run,
    Step,
    Value,
)
from server.bal.read_steps import is_step_word, read_step
from server.bal.read_values import read_key, read_name, read_object, read_value
from server.bal.recovery import resume_at_top
from server.bal.suggest import nearest
from server.bal.tokens import END, NAME, NUMBER, STRING, Tokens
from server.bal.vocabulary import RESERVED, STEP_KEYWORDS, canonical_key

_KEYWORDS = tuple(word.name for word in STEP_KEYWORDS)
_LIST_PROPERTIES = ("tools", "can_request")


@dataclass(frozen=True, slots=True)
class Parsed:
    """`diagnostics` are the lexical and parse mistakes, sorted by position."""

    program: Program
    diagnostics: tuple[Diagnostic, ...]


def parse(source: str) -> Parsed:
    with collector_paused():
        return parse_tokens(tokenize(source))


def parse_tokens(tokens: Tokens) -> Parsed:
    reader = _Reader(tokens)
    items = reader.read_items()
    program = Program(tuple(items), tuple(tokens.comments), tokens.source)
    found = [*tokens.diagnostics, *without_echoes(reader.cursor.diagnostics, tokens)]
    if not any(one.severity == "error" for one in found) and not (
        program.entities or program.steps
    ):
        found.append(_empty_program(tokens))
    found.sort(key=lambda one: one.span.start)
    return Parsed(program, tuple(found))


def _empty_program(tokens: Tokens) -> Diagnostic:
    start = tokens.lines.starts[0]
    return Diagnostic(
        "error",
        "empty_program",
        "This program has neither an entity nor a step.",
        tokens.lines.span(start, start),
        'Begin with an entity: writer { "goal": "Write a short poem" }',
    )


class _Reader:
    """The top level of a program."""

    def __init__(self, tokens: Tokens) -> None:
        self.cursor = Cursor(tokens, plain_words(tokens))
        self.with_goal: frozenset[int] | None = None
        self.seen_blocks: set[str] = set()
        self.seen_run = False

    def read_items(self) -> list[Definition | Step]:
        cursor = self.cursor
        items: list[Definition | Step] = []
        while cursor.kind != END:
            first = cursor.index
            try:
                item = self._read_item()
                if item is not None:
                    items.append(item)
                cursor.skip_if(",")
            except Abandoned:
                resume_at_top(cursor, first)
        return items

    def _read_item(self) -> Definition | Step | None:
        cursor = self.cursor
        if cursor.kind != NAME:
            cursor.fail("Expected a definition or a step", self._stray_hint())
        word, after = str(cursor.value), cursor.peek()
        if word in RESERVED and after == "{" and self._is_misnamed(word):
            return self._read_misnamed()
        if word == "run":
            return self._read_run()
        if is_step_word(cursor):
            return read_step(cursor)
        if word in RESERVED:
            cursor.fail("Expected a definition or a step", _lost_word_hint(word))
        if after != "{":
            self._fail_bare_name(word)
        if word in ("analytics", "defaults") and not self._has_goal(cursor.index + 1):
            block = self._read_named_block(word)
            if block is not None:
                return block
        return self._read_entity()

    # --- definitions -----------------------------------------------------------------------

    def _read_entity(self) -> Entity:
        cursor = self.cursor
        first = cursor.index
        name = read_name(cursor)
        opener = cursor.open("{", "after the name of the entity")
        properties: list[Property] = []
        while cursor.kind != "}":
            properties.append(self._read_property(name.value, opener))
            cursor.skip_if(",")
        cursor.close("at the end of the entity")
        return Entity(name, tuple(properties), span=cursor.since(first))

    def _read_property(self, entity: str, opener: int) -> Property:
        cursor = self.cursor
        first = cursor.index
        key = read_key(cursor, f"or `}}` in `{entity}`")
        if cursor.kind != ":":
            self._fail_property(str(key.value), entity, opener)
        cursor.take()
        value = self._read_property_value(key.value)
        return Property(key, value, span=cursor.since(first))

    def _read_property_value(self, key: str) -> Value:
        value = read_value(self.cursor, f"after `{key}:`")
        if isinstance(value, ObjectValue) and not value.entries:
            if canonical_key(key) in _LIST_PROPERTIES:
                return ListValue((), True, span=value.span)
        return value

    def _read_named_block(self, word: str) -> Definition | None:
        """None when `defaults` does not stand first: it is an entity's name then."""
        cursor = self.cursor
        first = cursor.index
        if word in self.seen_blocks:
            message = f"A program has one `{word}` block."
            cursor.report("duplicate_property", message, cursor.span(first))
        elif word == "defaults" and first > 0:
            return None
        self.seen_blocks.add(word)
        cursor.take()
        value = read_object(cursor, f"after `{word}`")
        span = cursor.since(first)
        return Defaults(value, span=span) if word == "defaults" else Analytics(value, span=span)

    def _read_run(self) -> Run:
        cursor = self.cursor
        first = cursor.take()
        cursor.open("(", "after `run`", 'As in run("today\'s news").')
        value = read_value(cursor, "in `run (…)`")
        cursor.close("after the input of `run`")
        if self.seen_run:
            message = "A program has one `run`: its default input."
            cursor.report("duplicate_run", message, cursor.span(first))
        self.seen_run = True
        return Run(value, span=cursor.since(first))

    # --- words that cannot be names --------------------------------------------------------

    def _is_misnamed(self, word: str) -> bool:
        """A reserved word, `{`, a key and `:` was meant as an entity."""
        kinds, index = self.cursor.kinds, self.cursor.index
        if word in ("select", "merge") or self.cursor.peek(3) != ":":
            return False
        if kinds[index + 2] not in (NAME, STRING):
            return False
        if word != "parallel":
            return True
        value = self.cursor.peek(4)
        literal = value == NAME and self.cursor.values[index + 4] in ("true", "false", "null")
        return literal or value in (STRING, NUMBER, "{", "[")

    def _read_misnamed(self) -> None:
        cursor = self.cursor
        word = str(cursor.value)
        cursor.report(
            "reserved_name",
            f"`{word}` is a word of the language; an entity cannot be called so.",
            cursor.span(cursor.index),
            f"Choose another name, for example `{word}_step`.",
        )
        self._read_entity()

    def _has_goal(self, opener: int) -> bool:
        if self.with_goal is None:
            self.with_goal = _openers_with_goal(self.cursor.tokens)
        return opener in self.with_goal

    # --- hints -----------------------------------------------------------------------------

    def _fail_bare_name(self, word: str) -> None:
        cursor = self.cursor
        meant = nearest(word, _KEYWORDS)
        hint = f"To run it as a step, write `chain {{ {word} }}`."
        if meant and meant not in RESERVED.difference(_KEYWORDS):
            hint = f"Did you mean `{meant}`?"
        elif word == "use":
            hint = "As in `use send_notification with { … }`."
        elif cursor.peek() == NAME and cursor.peek(2) == "{":
            hint = f"An entity is written without a word before its name: leave `{word}` out."
        cursor.take()
        cursor.fail(f"At the top level `{word}` opens a definition: expected `{{` after it", hint)

    def _fail_property(self, key: str, entity: str, opener: int) -> None:
        cursor = self.cursor
        hint = None
        meant = nearest(entity, _KEYWORDS)
        if cursor.kind == "{" and cursor.tokens.is_first_on_line(cursor.index - 1):
            where = cursor.span(opener)
            hint = (
                f"If `{key}` is the next entity, the `{{` of `{entity}` at line {where.line}, "
                f"column {where.column} is not closed: add `}}` before `{key}`."
            )
        elif meant:
            hint = f"Did you mean `{meant}` instead of `{entity}`?"
        cursor.fail(f"Expected `:` after `{key}` in `{entity}`", hint)

    def _stray_hint(self) -> str | None:
        kind = self.cursor.kind
        if kind in ("}", "]", ")"):
            return f"There is no open mark that this `{kind}` could close."
        if kind == STRING and self.cursor.peek() == "{":
            return "The name of an entity stands without quotes."
        return None


def _lost_word_hint(word: str) -> str:
    owners = {"else": "if (…) { … }", "catch": "try { … }", "finally": "try { … }"}
    if word in owners:
        return f"`{word}` stands directly after `{owners[word]}`."
    if word == "with":
        return "`with { … }` stands after an entity's name inside a composition."
    return f"`{word}` is a word of the language and cannot be used as a name here."


def _openers_with_goal(tokens: Tokens) -> frozenset[int]:
    """The braces that have a key `goal` at their own level."""
    found: set[int] = set()
    stack: list[int] = []
    for index, kind in enumerate(tokens.kinds):
        if kind in ("{", "[", "("):
            stack.append(index)
        elif kind in ("}", "]", ")"):
            if stack:
                stack.pop()
        elif kind in (NAME, STRING) and tokens.values[index] == "goal" and stack:
            if tokens.kinds[index + 1] == ":":
                found.add(stack[-1])
    return frozenset(found)
