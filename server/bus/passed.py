"""Who has little priority is passed over, but not for ever: after nine places that went by priority
one goes to whoever waits longest."""

from __future__ import annotations

from typing import Final

# One place in so many goes by age alone.
BY_AGE: Final = 10


class Passed:
    """How many places went by priority, by where they did. Each process counts its own."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def owed(self, where: str) -> int:
        """So many of the next places go to who waits longest."""
        return self._counts.get(where, 0) // (BY_AGE - 1)

    def paid(self, where: str, places: int) -> None:
        if where in self._counts:
            self._counts[where] -= places * (BY_AGE - 1)

    def over(self, where: str, places: int, *, waits: bool) -> None:
        """`waits`: somebody still does there, and may have been passed over."""
        if waits:
            self._counts[where] = self._counts.get(where, 0) + places
        else:
            self._counts.pop(where, None)
