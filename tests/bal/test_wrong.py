"""Every file of `wrong/` is a program, `---`, and all that must be said about it."""

from pathlib import Path

import pytest

from server.bal.checker import check
from server.bal.errors import Diagnostic

PROGRAMS = sorted((Path(__file__).parent / "wrong").glob("*.txt"))


def told(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    end = f"{span.end_line}:" if span.end_line != span.line else ""
    place = f"{span.line}:{span.column}-{end}{span.end_column}"
    lines = [f"{diagnostic.severity} {diagnostic.kind} {place}", f"  {diagnostic.message}"]
    if diagnostic.hint:
        lines.append(f"  hint: {diagnostic.hint}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_wrong_program_is_told_what_is_wrong(path: Path) -> None:  # S53
    source, _, expected = path.read_text(encoding="utf-8").partition("\n---\n")

    assert "".join(told(one) for one in check(source).diagnostics) == expected


def test_the_collection_is_large_enough() -> None:
    assert len(PROGRAMS) >= 150
