"""Two texts side by side: line by line, and what the change means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from server.bal.diff import Change, describe, diff
from server.bal.parser import parse

LineKind = Literal["same", "added", "removed"]
MOST_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Line:
    """`old` and `new` are numbers from 1; the side where the line is not has None."""

    kind: LineKind
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`changes` is None when one of the texts cannot be read as a program."""

    changes: tuple[Change, ...] | None
    summary: str
    lines: tuple[Line, ...]
    added: int
    removed: int


def compare(old: str, new: str) -> Comparison:
    changes = _changes(old, new)
    lines = tuple(_lines(old.splitlines(), new.splitlines()))
    return Comparison(
        changes=changes,
        summary=describe(changes) if changes else "",
        lines=lines,
        added=sum(line.kind == "added" for line in lines),
        removed=sum(line.kind == "removed" for line in lines),
    )


def summary(old: str, new: str) -> str:
    """By meaning alone; empty where there is nothing to say."""
    changes = _changes(old, new)
    return describe(changes) if changes else ""


def _changes(old: str, new: str) -> tuple[Change, ...] | None:
    before, after = parse(old), parse(new)
    if any(d.severity == "error" for d in (*before.diagnostics, *after.diagnostics)):
        return None
    return tuple(diff(before.program, after.program))


def _lines(old: list[str], new: list[str]) -> Iterator[Line]:
    """Longer texts than a person reads are taken as replaced: finding what moved costs minutes."""
    if len(old) + len(new) > MOST_LINES:
        yield from _replaced(old, new, 0, len(old), 0, len(new))
        return
    for tag, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes():
        if tag == "equal":
            yield from (Line("same", a + n + 1, c + n + 1, text) for n, text in enumerate(old[a:b]))
        else:
            yield from _replaced(old, new, a, b, c, d)


def _replaced(old: list[str], new: list[str], a: int, b: int, c: int, d: int) -> Iterator[Line]:
    yield from (Line("removed", a + n + 1, None, text) for n, text in enumerate(old[a:b]))
    yield from (Line("added", None, c + n + 1, text) for n, text in enumerate(new[c:d]))
