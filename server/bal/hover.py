"""What the editor shows about the word under the pointer, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from server.bal.completion import NOTHING, Known, ToolDoc
from server.bal.definition import name_at
from server.bal.entity_plans import plain
from server.bal.lexer import tokenize
from server.bal.nodes import Entity
from server.bal.parser import parse
from server.bal.place import Frame, frames_before
from server.bal.span import Span
from server.bal.tokens import NAME, STRING, Tokens
from server.bal.vocabulary import (
    ANALYTICS_PROPERTIES,
    DEFAULTS_PROPERTIES,
    ENTITY_PROPERTIES,
    FUNCTIONS,
    ON_ERROR,
    RESERVED_VARIABLES,
    SCOPE_WORDS,
    SETTINGS,
    STEP_KEYWORDS,
    TOP_LEVEL_KEYWORDS,
    TYPE_WORDS,
    Word,
    canonical_key,
)

_TOOL_KEYS: Final = frozenset(("tools", "can_request"))
_SHOWN: Final = ("goal", "model", "tools", "can_request", "trigger")


@dataclass(frozen=True, slots=True)
class Hover:
    span: Span
    text: str

    def to_json(self) -> dict[str, Any]:
        span = self.span
        return {
            "line": span.line,
            "column": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
            "text": self.text,
        }


def hover(source: str, offset: int, known: Known = NOTHING) -> Hover | None:
    tokens = tokenize(source)
    index = _token_at(tokens, offset)
    if index is None:
        return None
    named = name_at(source, offset)
    if named is not None and named.kind == "variable":
        return Hover(named.span, _variable_text(named.name, named.definition))
    frames = frames_before(tokens, index)
    if named is not None and not _is_key(tokens, index):
        entities = {entity.name.value: entity for entity in parse(source).program.entities}
        entity = entities.get(named.name)
        return None if entity is None else Hover(named.span, entity_text(entity))
    return _word_hover(tokens, index, offset, frames, known)


def entity_text(entity: Entity) -> str:
    """The entity in a few lines."""
    lines = [f"**{entity.name.value}**"]
    held = {canonical_key(prop.key.value): plain(prop.value) for prop in entity.properties}
    lines += [f"{key}: {_short(held[key])}" for key in _SHOWN if key in held]
    output = held.get("output")
    if isinstance(output, dict):
        blocks = cast("dict[str, Any]", output)
        fields = ", ".join(f"{name}: {_short(kind)}" for name, kind in blocks.items())
        lines.append(f"output: {fields}")
    return "\n\n".join(lines)


def tool_text(tool: ToolDoc) -> str:
    lines = [f"**{tool.name}**", tool.description]
    required = tool.parameters.get("required", ())
    for name, schema in tool.parameters.get("properties", {}).items():
        mark = "" if name in required else "?"
        doc = str(schema.get("description", ""))
        lines.append(f"`{name}{mark}: {schema.get('type', 'any')}` {doc}".rstrip())
    return "\n\n".join(filter(None, lines))


def word_text(word: Word) -> str:
    form = f"`{word.form}`" if word.form else ""
    others = f"Also written {', '.join(word.aliases)}." if word.aliases else ""
    values = f"One of {', '.join(word.values)}." if word.values else ""
    return "\n\n".join(filter(None, (f"**{word.name}**", word.doc, form, values, others)))


def _token_at(tokens: Tokens, offset: int) -> int | None:
    for index in range(len(tokens.kinds) - 1):
        if tokens.starts[index] <= offset < tokens.ends[index]:
            return index
    return None


def _is_key(tokens: Tokens, index: int) -> bool:
    return tokens.kinds[index + 1] == ":"


def _word_hover(
    tokens: Tokens, index: int, offset: int, frames: Sequence[Frame], known: Known
) -> Hover | None:
    kind, span = tokens.kinds[index], tokens.span(index)
    value = str(tokens.values[index])
    if kind not in (NAME, STRING):
        return None
    if _is_key(tokens, index):
        word = _named(value, _key_words(frames))
        return Hover(span, word_text(word)) if word else None
    tool = _tool(tokens, index, frames, known)
    if tool is not None:
        return Hover(span, tool_text(tool))
    if kind == NAME:
        word = _named(value, (*STEP_KEYWORDS, *TOP_LEVEL_KEYWORDS, *ON_ERROR, *TYPE_WORDS))
        return Hover(span, word_text(word)) if word else None
    return _text_hover(tokens, index, offset, frames)


def _tool(tokens: Tokens, index: int, frames: Sequence[Frame], known: Known) -> ToolDoc | None:
    listed = frames[-1].kind == "list" or tokens.kinds[index - 1] == ":"
    in_tools = listed and canonical_key(frames[-1].key or frames[-1].word) in _TOOL_KEYS
    used = index > 0 and tokens.values[index - 1] == "use"
    return known.tool(str(tokens.values[index])) if in_tools or used else None


def _key_words(frames: Sequence[Frame]) -> Iterator[Word]:
    frame = frames[-1]
    if frame.kind == "settings":
        yield from SETTINGS.get(frame.word, ())
    elif frame.kind == "entity":
        yield from ENTITY_PROPERTIES
    elif frame.kind == "object" and len(frames) == 2:
        yield from DEFAULTS_PROPERTIES if frame.word == "defaults" else ANALYTICS_PROPERTIES
    elif frame.kind == "object" and frame.word == "analytics":
        yield from ANALYTICS_PROPERTIES


def _text_hover(tokens: Tokens, index: int, offset: int, frames: Sequence[Frame]) -> Hover | None:
    """A word within a condition or a type."""
    source, (start, end) = tokens.source, (offset, offset)
    while start > tokens.starts[index] + 1 and _is_word(source[start - 1]):
        start -= 1
    while end < tokens.ends[index] - 1 and _is_word(source[end]):
        end += 1
    within = [frame.word for frame in frames]
    types = "output" in within or "input" in within
    condition = frames[-1].kind in ("condition", "expression", "settings", "classifier")
    words = TYPE_WORDS if types else (*FUNCTIONS, *SCOPE_WORDS) if condition else ()
    word = _named(source[start:end], words)
    return Hover(tokens.lines.span(start, end), word_text(word)) if word else None


def _is_word(mark: str) -> bool:
    return mark.isalnum() or mark in "_$"


def _named(name: str, words: Sequence[Word] | Iterator[Word]) -> Word | None:
    return next((word for word in words if name == word.name or name in word.aliases), None)


def _variable_text(name: str, definition: Span | None) -> str:
    word = _named(f"${name}", RESERVED_VARIABLES)
    if word is not None:
        return word_text(word)
    if definition is None:
        return f"**${name}**\n\nNo step keeps a value under this name."
    return f"**${name}**\n\nThe value of a step, kept in line {definition.line}."


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)  # type: ignore[reportUnknownVariableType]
    text = str(value)
    return text if len(text) <= 200 else text[:199] + "…"
