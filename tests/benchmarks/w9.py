"""W9: a program of 1,000 lines checked, formatted, drawn and planned; and how that grows."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.benchmarks.table import Row, load_average


def program(lines: int) -> str:
    """A text of about so many lines: entities, a chain and a parallel block for every ten."""
    parts: list[str] = []
    steps: list[str] = []
    for number in range(lines // 10):
        parts.append(
            f"writer_{number} {{\n"
            f'  "goal": "Write part {number} of the report",\n'
            '  "model": "openai:gpt-4o-mini",\n'
            '  "tools": ["web_search"],\n'
            '  "output": {\n'
            '    "text": "string",\n'
            '    "score": "number(0, 100)"\n'
            "  }\n"
            "}\n"
        )
        steps.append(f"  writer_{number}\n")
    return "".join(parts) + "chain {\n" + "".join(steps) + "}\n"


async def measure(repeats: int, seconds: float) -> list[Row]:
    del seconds
    return [
        Row(f"W9 {name}", _growth(work), "<= 40 ms for 1,000 lines", load_average())
        for name, work in _work().items()
        for _ in range(repeats)
    ]


def _work() -> dict[str, Callable[[str], object]]:
    from server.bal.checker import check
    from server.bal.diagram import diagram
    from server.bal.formatter import format_source
    from server.bal.parser import parse
    from server.bal.planner import plan

    return {
        "check": check,
        "format": format_source,
        "diagram": lambda source: diagram(parse(source).program),
        "plan": lambda source: plan(parse(source).program),
    }


def _growth(work: Callable[[str], object]) -> dict[str, float]:
    short, long = program(1_000), program(10_000)
    work(short)
    one, ten = _best(work, short), _best(work, long)
    return {"ms for 1,000": one, "ms for 10,000": ten, "growth of 10x": ten / one}


def _best(work: Callable[[str], object], source: str) -> float:
    took: list[float] = []
    for _ in range(3):
        started = time.perf_counter()
        work(source)
        took.append((time.perf_counter() - started) * 1000)
    return min(took)
