"""Many texts looked for in another at once: how long that takes does not grow with their number.

Aho-Corasick (Comm. ACM 18(6), 1975) by pyahocorasick.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isqrt
from threading import RLock
from typing import Any, Protocol, cast

import ahocorasick

# So few are found sooner one by one, above all in a text of megabytes.
_FEW = 8
_RECENT = 64


class _Automaton(Protocol):
    def add_word(self, word: str, value: int) -> bool: ...
    def make_automaton(self) -> None: ...
    def match(self, beginning: str) -> bool: ...
    def iter(self, text: str) -> Iterator[tuple[int, int]]: ...


class Needles:
    """They may be added one by one: the few that came last have an automaton of their own, so that
    the large one need not be built anew for each. Threads look, too: what is added is found in all
    of them from then on."""

    def __init__(self) -> None:
        self._changing = RLock()  # what dies meanwhile may log, in this very thread
        self._texts: set[str] = set()
        self._few: tuple[str, ...] | None = ()
        self._recent: set[str] = set()
        self._stale = False
        self._settled: list[_Automaton] = []
        self._built: list[_Automaton] = []
        self.longest = 0

    def __bool__(self) -> bool:
        return bool(self._texts)

    def add(self, texts: Iterable[str]) -> None:
        """None of them empty."""
        given = set(texts)
        with self._changing:
            new = given - self._texts
            if new:
                self._texts |= new
                self._recent |= new
                self.longest = max(self.longest, *map(len, new))
                self._stale = True
                self._few = tuple(self._texts) if len(self._texts) <= _FEW else None

    def within(self, text: str) -> bool:
        """Whether any of them stands in it."""
        few = self._few
        if few is not None:
            for needle in few:  # a generator would cost more than the look itself
                if needle in text:
                    return True
            return False
        return any(True for automaton in self._ready() for _ in automaton.iter(text))

    def places(self, text: str) -> list[tuple[int, int]]:
        """Where each of them begins and ends, also where they overlap, in order."""
        return sorted(
            (last - length + 1, last + 1)
            for automaton in self._ready()
            for last, length in automaton.iter(text)
        )

    def begin(self, text: str) -> bool:
        """Whether one of them begins with it."""
        return any(automaton.match(text) for automaton in self._ready())

    def without(self, text: str, mask: str) -> str:
        """What overlaps is one place: nothing of either is left."""
        if not self.within(text):
            return text
        shown: list[str] = []
        end = 0
        for first, last in self.places(text):
            if first >= end:
                shown += (text[end:first], mask)
            end = max(end, last)
        return "".join((*shown, text[end:]))

    def _ready(self) -> list[_Automaton]:
        if self._stale:
            with self._changing:
                if self._stale:  # nobody else has built them meanwhile
                    self._build()
        return self._built

    def _build(self) -> None:
        if len(self._recent) > max(_RECENT, 2 * isqrt(len(self._texts))):
            self._settled = [_built(self._texts)]
            self._recent = set()
        self._built = [*self._settled, *([_built(self._recent)] if self._recent else [])]
        self._stale = False


def _built(texts: set[str]) -> _Automaton:
    automaton = cast("_Automaton", cast("Any", ahocorasick).Automaton())
    for text in texts:
        automaton.add_word(text, len(text))
    automaton.make_automaton()
    return automaton
