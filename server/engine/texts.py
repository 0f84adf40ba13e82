"""What one commit says, as JSON: each value is written once, however often it is said and whoever
asks for it: the row, the notice, or who looks whether it is too large for a row."""

from __future__ import annotations

from typing import Any, cast

from server.core.jsontext import loads
from server.core.logs import MASK, REDACTION
from server.models.large import value_text

_NUL = "\x00"
_MARK = "\N{REPLACEMENT CHARACTER}"

_SHORT = frozenset({bool, int, float, type(None)})


# The value, which is held, or another one could get its place in memory; its text, and of that the
# size in bytes; whether a secret was taken out.
_Made = tuple[Any, str, int, bool]


class Texts:
    """By identity: the same value is often said twice. Secrets are taken out on the way. Who keeps
    a large one elsewhere takes its text out of here, or it would stay as long as the commit."""

    __slots__ = ("_cleaned", "_longest", "_made", "_taken", "bytes", "hid")

    def __init__(self) -> None:
        self.bytes = 0  # of all that was written, also of what is not held any more
        self._longest = 0  # in bytes
        self.hid = False  # a secret was taken out of something
        self._made: dict[int, _Made] = {}
        self._taken: dict[int, tuple[Any, int]] = {}
        self._cleaned: dict[str, str] = {}

    def of(self, value: Any) -> str:
        """Raises NotStorable."""
        return (self._made.get(id(value)) or self._make(value))[1]

    def size(self, value: Any) -> int:
        """Of its text, in bytes. Raises NotStorable."""
        return (self._made.get(id(value)) or self._make(value))[2]

    def shown(self, value: Any) -> Any:
        """The value as whoever reads the row will see it; the same one where nothing was hidden."""
        _, text, _, changed = self._made.get(id(value)) or self._make(value)
        return loads(text) if changed else value

    def taken(self, value: Any) -> str:
        """The text, which is not held here any more; how long it is stays known."""
        _, text, length, _ = self._made.get(id(value)) or self._make(value)
        del self._made[id(value)]
        self._taken[id(value)] = (value, length)
        return text

    def forget(self, value: Any) -> None:
        """The whole of it is not asked for any more."""
        self._made.pop(id(value), None)

    def clean(self, text: str | None) -> str | None:
        """As the function; the same key or name stands in many rows of one commit."""
        if not text:
            return text
        found = self._cleaned.get(text)
        if found is None:
            found = self._cleaned[text] = clean(text)
        return found

    def longer(self, value: Any, most: int) -> bool:
        """In bytes. Where one field shows it, the whole is not written for that. Raises
        NotStorable."""
        shown_by_a_field = self._longest > most and id(value) not in self._made
        if shown_by_a_field and isinstance(value, dict):
            for field in cast("dict[Any, Any]", value).values():
                if type(field) not in _SHORT and self._surely_longer(field, most):
                    return True
        return self.size(value) > most

    def _surely_longer(self, value: Any, most: int) -> bool:
        if isinstance(value, str):
            return len(value) > most
        mark = id(value)
        if mark in self._taken:
            return self._taken[mark][1] > most
        return mark in self._made and self._made[mark][2] > most

    def _make(self, value: Any) -> _Made:
        text = whole = value_text(value)
        if REDACTION.kept(whole) is not whole:
            text = _clean(value, whole)
        changed = text is not whole and text != whole
        length = size(text)
        self.bytes += length
        self._longest = max(self._longest, length)
        self.hid = self.hid or changed
        made = self._made[id(value)] = (value, text, length, changed)
        return made


def clean(text: str) -> str:
    """PostgreSQL has no way to keep NUL in text; and secrets are not kept in any."""
    return REDACTION.kept(text.replace(_NUL, _MARK) if _NUL in text else text)


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
