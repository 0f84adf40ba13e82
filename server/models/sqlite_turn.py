"""Whose turn it is to write to a SQLite file, between the two connections of this process.

SQLite lets one connection write at a time and makes the other one ask again after a pause. The
store writes without a break under load, so a guest that only asks now and then could wait for a
second (0.7 s was measured). The store therefore stands aside while a guest is at the door. This is
courtesy, not safety: SQLite's own lock decides.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENCE_SECONDS = 0.25


class Turn:
    def __init__(self) -> None:
        self._guests = 0
        self._changed = threading.Condition()

    @contextmanager
    def guest(self) -> Iterator[None]:
        """Around a write of the other connection."""
        self.come()
        try:
            yield
        finally:
            self.go()

    def come(self) -> None:
        with self._changed:
            self._guests += 1

    def go(self) -> None:
        with self._changed:
            self._guests -= 1
            self._changed.notify_all()

    def stand_aside(self) -> None:
        """Before a batch of the store: not for long, for a guest may be slow."""
        if self._guests:
            with self._changed:
                self._changed.wait_for(lambda: not self._guests, _PATIENCE_SECONDS)


_turns: dict[str, Turn] = {}


def turn_of(path: str) -> Turn:
    """The same one for everybody who writes to this file."""
    return _turns.setdefault(path, Turn())
