"""Canned answers in place of models and tools, as `bal run --replies` takes them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from server.bal.values import is_list, is_object, text_of
from server.core.errors import Invalid
from server.engine.host import StepFailed

FORMS = ("returns", "sequence", "append", "wrap", "echo")


class RepliesUnreadable(Invalid):
    """The file of replies does not have the form that is documented."""


class Replies:
    """One entry per entity or tool; an entity without one echoes its input."""

    def __init__(self, entries: Any) -> None:
        if not is_object(entries):
            raise RepliesUnreadable("The replies must be an object with one entry per entity.")
        for name, entry in entries.items():
            _check(name, entry)
        self._entries = entries
        self._calls: Counter[str] = Counter()

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def answer(self, name: str, value: Any) -> Any:
        """The next answer of this entity or tool to the value."""
        call = self._calls[name]
        self._calls[name] += 1
        answer = _answer(self._entries.get(name, {"echo": True}), value, call)
        if isinstance(answer, _Error):
            raise StepFailed("entity_failed", answer.text, entity=name)
        return answer


class _Error:
    def __init__(self, text: str) -> None:
        self.text = text


def _check(name: str, entry: Any) -> None:
    if not is_object(entry) or len(entry.keys() & set(FORMS)) != 1:
        known = ", ".join(f'"{form}"' for form in FORMS)
        raise RepliesUnreadable(f"The reply of `{name}` must have exactly one of {known}.")
    sequence = entry.get("sequence", [None])
    if not is_list(sequence) or not sequence:
        raise RepliesUnreadable(f'"sequence" of `{name}` must be a list with at least one value.')


def _answer(entry: dict[str, Any], value: Any, call: int) -> Any:
    if "returns" in entry:
        return _given(entry["returns"])
    if "sequence" in entry:
        values: list[Any] = entry["sequence"]
        return _given(values[min(call, len(values) - 1)])
    if "append" in entry:
        return text_of(value) + text_of(entry["append"])
    return {text_of(entry["wrap"]): value} if "wrap" in entry else value


def _given(value: Any) -> Any:
    """Only what the file itself says can be an error, not what a program passes through."""
    if is_object(value) and "$error" in value:
        return _Error(text_of(value["$error"]))
    return value
