"""The one part of a text that a change replaced: small to keep, and can be gone both ways."""

from __future__ import annotations

from dataclasses import dataclass

from server.core.errors import InvalidState


@dataclass(frozen=True, slots=True)
class Patch:
    """`place` counts code points."""

    place: int
    removed: str
    inserted: str

    @property
    def size(self) -> int:
        return len(self.removed.encode("utf-8", "replace")) + len(
            self.inserted.encode("utf-8", "replace")
        )

    @property
    def lines_added(self) -> int:
        return _lines(self.inserted)

    @property
    def lines_removed(self) -> int:
        return _lines(self.removed)

    def undone(self, text: str) -> str:
        return _replaced(text, self.place, self.inserted, self.removed)

    def redone(self, text: str) -> str:
        return _replaced(text, self.place, self.removed, self.inserted)


def patch_between(before: str, after: str) -> Patch:
    shorter = min(len(before), len(after))
    start = _same_length(before, after, shorter)
    end = _same_length(before[start:][::-1], after[start:][::-1], shorter - start)
    return Patch(start, before[start : len(before) - end], after[start : len(after) - end])


def _same_length(one: str, other: str, limit: int) -> int:
    """How many characters both begin with. Halving compares in C what a loop compares slowly."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _replaced(text: str, place: int, old: str, new: str) -> str:
    if text[place : place + len(old)] != old:
        raise InvalidState(
            "This step does not fit the text any more.",
            hint="Restore a version instead; the list of versions has the earlier texts.",
        )
    return text[:place] + new + text[place + len(old) :]


def _lines(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n")) if text else 0
