"""Rows of a benchmark, as a table for people and as JSON for machines."""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import asdict, dataclass


@dataclass
class Row:
    work: str
    values: dict[str, float]
    goal: str
    load: float


def load_average() -> float:
    return os.getloadavg()[0]


def medians(rows: list[Row]) -> list[Row]:
    """One row for each work: the median of its repeats."""
    by_work: dict[str, list[Row]] = {}
    for row in rows:
        by_work.setdefault(row.work, []).append(row)
    return [
        Row(
            work,
            {
                name: statistics.median(row.values[name] for row in group)
                for name in group[0].values
            },
            group[0].goal,
            max(row.load for row in group),
        )
        for work, group in by_work.items()
    ]


def as_text(rows: list[Row]) -> str:
    lines = [
        f"{row.work:12}"
        + "".join(f"  {name} {value:,.3g}" for name, value in row.values.items())
        + f"   [goal: {row.goal}; load {row.load:.1f}]"
        for row in rows
    ]
    return "\n".join(lines)


def as_json(rows: list[Row]) -> str:
    return json.dumps([asdict(row) for row in rows], indent=2)
