"""Cases kept as text files: `=== title` begins one, `--- part` a part of it.

A line of a program that begins with three of these marks is written with a backslash before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Case:
    """`parts[""]` is what stands before the first `---` line."""

    title: str
    parts: dict[str, str]

    def __str__(self) -> str:
        return self.title.replace(" ", "-")


def read_cases(name: str) -> list[Case]:
    cases: list[Case] = []
    lines: list[str] = []
    for line in (FOLDER / name).read_text("utf-8").split("\n"):
        if line.startswith("=== "):
            lines = []
            cases.append(Case(line[4:].strip(), {"": lines}))  # type: ignore[dict-item]
        elif line.startswith("--- ") and cases:
            lines = cases[-1].parts[line[4:].strip()] = []  # type: ignore[assignment]
        else:
            lines.append(line.removeprefix("\\") if line[1:4] in ("===", "---") else line)
    return [
        Case(case.title, {key: _text(part) for key, part in case.parts.items()}) for case in cases
    ]


def _text(lines: object) -> str:
    """The blank lines around a part only set it apart."""
    assert isinstance(lines, list)
    text = "\n".join(lines).strip("\n")
    return text + "\n" if text else ""
