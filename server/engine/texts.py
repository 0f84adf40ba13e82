"""What one commit says, as JSON: each value is written once, however often it is said and whoever
asks for it: the row, the notice, or who looks whether it is too large for a row."""

from __future__ import annotations

from typing import Any, cast

from server.core.jsontext import loads
from server.core.logs import MASK, REDACTION
from server.models.large import value_text

_SHORT = frozenset({bool, int, float, type(None)})


class Texts:
    """By identity: the same value is often said twice. Secrets are taken out on the way. Who keeps
    a large one elsewhere takes its text out of here, or it would stay as long as the commit."""

    __slots__ = ("_made", "_taken")

    def __init__(self) -> None:
        self._made: dict[int, tuple[Any, str, bool]] = {}
        self._taken: dict[int, tuple[Any, int]] = {}

    def of(self, value: Any) -> str:
        """Raises NotStorable."""
        return self._of(value)[1]

    def shown(self, value: Any) -> Any:
        """The value as whoever reads the row will see it; the same one where nothing was hidden."""
        _, text, changed = self._of(value)
        return loads(text) if changed else value

    def taken(self, value: Any) -> str:
        """The text, which is not held here any more; how long it is stays known."""
        _, text, _ = self._of(value)
        del self._made[id(value)]
        self._taken[id(value)] = (value, size(text))
        return text

    def forget(self, value: Any) -> None:
        """The whole of it is not asked for any more."""
        self._made.pop(id(value), None)

    def longer(self, value: Any, most: int) -> bool:
        """In bytes. Where one field shows it, the whole is not written for that. Raises
        NotStorable."""
        found = self._made.get(id(value))
        if found is not None:
            return size(found[1]) > most
        if isinstance(value, dict):
            for field in cast("dict[Any, Any]", value).values():
                if type(field) not in _SHORT and self._surely_longer(field, most):
                    return True
        return size(self.of(value)) > most

    def _surely_longer(self, value: Any, most: int) -> bool:
        if isinstance(value, str):
            return len(value) > most
        mark = id(value)
        if mark in self._taken:
            return self._taken[mark][1] > most
        return mark in self._made and len(self._made[mark][1]) > most

    def _of(self, value: Any) -> tuple[Any, str, bool]:
        found = self._made.get(id(value))
        if found is None:
            whole = value_text(value)
            text = _clean(value, whole)
            # The value is held, or another one could get its place in memory.
            found = self._made[id(value)] = (value, text, text is not whole and text != whole)
        return found


def _clean(value: Any, whole: str) -> str:
    """A secret of digits may stand in a number, and what is left is no JSON: then each text is
    cleaned by itself, and if that does not help nothing of the value is shown."""
    text = REDACTION.kept(whole)
    if text is whole or text == whole or _readable(text):
        return text
    text = value_text(REDACTION.kept_value(value))
    return text if REDACTION.kept(text) == text else value_text(MASK)


def _readable(text: str) -> bool:
    try:
        loads(text)
    except ValueError:
        return False
    return True


def size(text: str) -> int:
    """In bytes."""
    return len(text) if text.isascii() else len(text.encode())
