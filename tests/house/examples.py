"""The BAL examples of the documentation, with what each is said to do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.house.files import ROOT

BLOCK = re.compile(
    r"(?:<!-- (?P<mark>run|wrong) (?P<what>.*?) -->\n)?```bal\n(?P<source>.*?)```", re.S
)


@dataclass(frozen=True)
class Example:
    """`mark` is run (what: input, replies, output), wrong (what: `kind line:column` of each
    mistake) or check (must be without an error)."""

    place: str
    source: str
    mark: str
    what: Any


def examples() -> list[Example]:
    return [
        Example(
            f"{page.relative_to(ROOT)}:{_line(text, match.start('source'))}",
            match["source"],
            match["mark"] or "check",
            json.loads(match["what"]) if match["what"] else None,
        )
        for page in sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"])
        for text in [page.read_text()]
        for match in BLOCK.finditer(text)
    ]


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
