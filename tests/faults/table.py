"""The rig's own output: one line a fault and set-up, printed and written into the docs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.house.files import ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- made by `make faults` -->", "<!-- end -->"
HEADS = "fault,what happens,set-up,seeds,accepted,lost,repeated,worst recovery,seen".split(",")
SETUPS = {
    "embedded": "one process, SQLite",
    "postgres": "PostgreSQL, Redis, 3 workers",
    "mysql": "MariaDB, Redis, 3 workers",
}


@dataclass(frozen=True)
class Line:
    fault: str
    title: str
    kind: str
    accepted: int
    lost: int
    repeated: int
    recovery: float | None
    note: str = ""
    seeds: int = 1

    def joined(self, other: Line) -> Line:
        """Another seed of the same fault."""
        times = [one for one in (self.recovery, other.recovery) if one is not None]
        return replace(
            self,
            accepted=self.accepted + other.accepted,
            lost=self.lost + other.lost,
            repeated=self.repeated + other.repeated,
            recovery=max(times, default=None),
            note=self.note or other.note,
            seeds=self.seeds + other.seeds,
        )


def joined(lines: Iterable[Line]) -> list[Line]:
    found: dict[tuple[str, str, str], Line] = {}
    for line in lines:
        key = (line.fault, line.title, line.kind)
        found[key] = found[key].joined(line) if key in found else line
    return [found[key] for key in sorted(found)]


def markdown(lines: Iterable[Line]) -> str:
    rows = [
        f"| {' | '.join(HEADS)} |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    rows += [
        f"| {one.fault} | {one.title} | {SETUPS[one.kind]} | {one.seeds} | {one.accepted} "
        f"| {one.lost} | {one.repeated} | {_seconds(one.recovery)} | {one.note} |"
        for one in joined(lines)
    ]
    return "\n".join(rows)


def write_into_docs(lines: Iterable[Line], page: Path = PAGE) -> None:
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{markdown(lines)}\n\n{END}{after}")


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"
