"""From an offset in the text to its line and column, and back to the line's own text."""

from __future__ import annotations

import re
from bisect import bisect_right

from server.bal.span import Span

_LINE_END = re.compile("\n")


class Lines:
    """Where the lines of a text begin. A byte order mark takes no column."""

    __slots__ = ("source", "starts")

    def __init__(self, source: str) -> None:
        first = 1 if source.startswith("\ufeff") else 0
        self.source = source
        self.starts: list[int] = [first, *(m.end() for m in _LINE_END.finditer(source))]

    def span(self, start: int, end: int) -> Span:
        starts = self.starts
        line = bisect_right(starts, start) or 1
        begin = starts[line - 1]
        if line == len(starts) or end < starts[line]:
            return Span(start, end, line, start - begin + 1, line, end - begin + 1)
        last = bisect_right(starts, end)
        return Span(start, end, line, start - begin + 1, last, end - starts[last - 1] + 1)

    def text(self, line: int) -> str:
        """The text of a line without its end; empty when there is no such line."""
        if not 1 <= line <= len(self.starts):
            return ""
        begin = self.starts[line - 1]
        end = self.starts[line] - 1 if line < len(self.starts) else len(self.source)
        return self.source[begin:end].removesuffix("\r")

    def is_first_on_line(self, offset: int) -> bool:
        line = bisect_right(self.starts, offset) or 1
        return not self.source[self.starts[line - 1] : offset].strip(" \t\r\u00a0")
