"""`{{path}}` in the texts of run, of `use … with` and of output_to. A slot alone keeps the type of
its value, among other text it becomes text, and what is unknown becomes empty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from server.bal.evaluator import Scope, evaluate
from server.bal.expression_lexer import Mistake
from server.bal.expression_nodes import Expr, Joined, Literal, Read, paths
from server.bal.expression_parser import parse_path
from server.bal.values import is_list, is_object


@dataclass(frozen=True, slots=True)
class SlotError:
    """What stands between the braces is no path; offsets count in the text."""

    message: str
    offset: int
    end: int
    hint: str = "Write a path such as {{result.title}} or {{$name}}."


@lru_cache(maxsize=4096)
def parse_slots(text: str) -> Expr | SlotError:
    """A Literal without slots, else a Joined of texts and paths."""
    parts: list[Expr] = []
    position = 0
    while (opening := text.find("{{", position)) >= 0:
        closing = text.find("}}", opening + 2)
        if closing < 0:
            break
        slot = _slot(text, opening, closing + 2)
        if isinstance(slot, SlotError):
            return slot
        if opening > position:
            parts.append(Literal(text[position:opening]))
        parts.append(slot)
        position = closing + 2
    if position < len(text):
        parts.append(Literal(text[position:]))
    if any(isinstance(part, Read) for part in parts):
        return Joined(tuple(parts))
    return Literal(text)


def _slot(text: str, start: int, end: int) -> Read | SlotError:
    path = parse_path(text[start + 2 : end - 2])
    if isinstance(path, Mistake):
        return SlotError(f"`{text[start:end]}` holds no path.", start, end)
    return Read(path.root, path.parts, True, start, end)


def slot_paths(text: str) -> Iterator[Read]:
    """Every path that the text reads; none when it is wrong."""
    parsed = parse_slots(text)
    if not isinstance(parsed, SlotError):
        yield from paths(parsed)


def render(text: str, scope: Scope) -> Any:
    """The text with its slots filled; a text with a wrong slot stays as it is."""
    if "{{" not in text:
        return text
    parsed = parse_slots(text)
    if isinstance(parsed, SlotError):
        return text
    return evaluate(parsed, scope)


def render_value(value: Any, scope: Scope) -> Any:
    """Slots filled in every text of a JSON value."""
    if isinstance(value, str):
        return render(value, scope)
    if is_list(value):
        return [render_value(item, scope) for item in value]
    if is_object(value):
        return {key: render_value(item, scope) for key, item in value.items()}
    return value
