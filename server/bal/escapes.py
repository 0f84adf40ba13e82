"""What stands between the quotes of a text: its value, and where each part of it came from."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Literal

Trouble = Callable[[Literal["invalid_escape", "unknown_escape"], int, int], None]

_SPECIAL = re.compile(r"\\u[0-9a-fA-F]{4}|\\\r\n|\\.|\r\n", re.DOTALL)
_SIMPLE = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    "0": "\0",
    "\\": "\\",
    "/": "/",
    '"': '"',
    "'": "'",
    "\n": "",
}


def unescape(raw: str, trouble: Trouble) -> str:
    """The value of a quoted text; `trouble` hears of each wrong escape with its place in `raw`."""
    if "\\" not in raw:
        return raw.replace("\r\n", "\n") if "\r" in raw else raw
    return "".join(piece for piece, _, _ in _pieces(raw, trouble))


class Offsets:
    """Where the characters of a value stand in the text between its quotes."""

    __slots__ = ("_pieces", "_starts", "_whole")

    def __init__(self, raw: str) -> None:
        self._whole = len(raw) if "\\" not in raw and "\r" not in raw else None
        self._starts: list[int] = []
        self._pieces: list[tuple[int, bool]] = []
        seen = 0
        for piece, start, end in _pieces(raw if self._whole is None else "", _ignore):
            self._starts.append(seen)
            self._pieces.append((start, end - start == len(piece)))
            seen += len(piece)
        self._starts.append(seen)
        self._pieces.append((len(raw), False))

    def at(self, index: int) -> int:
        if self._whole is not None:
            return min(index, self._whole)
        # An escape that joins lines has no character of its own: the last piece that begins here.
        place = bisect_right(self._starts, index) - 1
        start, plain = self._pieces[place]
        return start + (index - self._starts[place] if plain else 0)


def offset_in_raw(raw: str, index: int) -> int:
    """Where the character `index` of the value begins in the text between the quotes."""
    return Offsets(raw).at(index)


def _ignore(kind: str, start: int, end: int) -> None:
    return None


def _pieces(raw: str, trouble: Trouble) -> Iterator[tuple[str, int, int]]:
    """(value, start, end) of each run of plain text and of each escape."""
    position = 0
    while match := _SPECIAL.search(raw, position):
        start, end = match.span()
        if start > position:
            yield raw[position:start], position, start
        mark = match.group()
        value = "\n" if mark == "\r\n" else "" if mark == "\\\r\n" else _SIMPLE.get(mark[1:])
        if value is None:
            value, end = _unusual(raw, start, end, trouble)
        yield value, start, end
        position = end
    if position < len(raw):
        yield raw[position:], position, len(raw)


def _unusual(raw: str, start: int, end: int, trouble: Trouble) -> tuple[str, int]:
    mark = raw[start:end]
    if not mark.startswith("\\u"):
        trouble("unknown_escape", start, end)
        return mark, end
    if len(mark) < 6:
        trouble("invalid_escape", start, end)
        return mark, end
    code = int(mark[2:], 16)
    if not 0xD800 <= code <= 0xDFFF:
        return chr(code), end
    low = _low_surrogate(raw, end) if code < 0xDC00 else None
    if low is None:
        trouble("invalid_escape", start, end)
        return mark, end
    return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), end + 6


_LOW = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def _low_surrogate(raw: str, position: int) -> int | None:
    match = _LOW.match(raw, position)
    return int(match.group(1), 16) if match else None
