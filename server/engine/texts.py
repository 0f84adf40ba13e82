"""What one commit says, as JSON: each value is written once, however often it is said and whoever
asks for it: the row, the notice, or who looks whether it is too large for a row."""

from __future__ import annotations

from typing import Any

from server.core.jsontext import loads
from server.core.logs import REDACTION
from server.models.large import value_text


class Texts:
    """By identity: the same value is often said twice. Secrets are taken out on the way."""

    __slots__ = ("_made",)

    def __init__(self) -> None:
        self._made: dict[int, tuple[Any, str, bool]] = {}

    def of(self, value: Any) -> str:
        """Raises NotStorable."""
        return self._of(value)[1]

    def shown(self, value: Any) -> Any:
        """The value as whoever reads the row will see it; the same one where nothing was hidden."""
        _, text, changed = self._of(value)
        return loads(text) if changed else value

    def _of(self, value: Any) -> tuple[Any, str, bool]:
        found = self._made.get(id(value))
        if found is None:
            whole = value_text(value)
            text = REDACTION.kept(whole)
            # The value is held, or another one could get its place in memory.
            found = self._made[id(value)] = (value, text, text is not whole and text != whole)
        return found


def size(text: str) -> int:
    """In bytes."""
    return len(text) if text.isascii() else len(text.encode())
