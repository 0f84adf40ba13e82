"""`python -m tests.benchmarks [W1g W2 … W11] [--repeats 3] [--seconds 3] [--json]`"""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.benchmarks import streams, w1g, w2, w3, w4, w5, w6, w7, w8, w9, w11
from tests.benchmarks.table import Row, as_json, as_text, medians

WORKLOADS = {
    "W1g": w1g.measure,
    "W2": w2.measure,
    "W3": w3.measure,
    "W4": w4.measure,
    "W5": w5.measure,
    "W6": w6.measure,
    "W7": w7.measure,
    "W8": w8.measure,
    "W9": w9.measure,
    "W11": w11.measure,
    "S": streams.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS), metavar="WORKLOAD")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    unknown = set(chosen.workloads) - set(WORKLOADS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    rows = asyncio.run(_measure(chosen.workloads, chosen.repeats, chosen.seconds))
    print(as_json(rows) if chosen.json else as_text(rows))


async def _measure(names: list[str], repeats: int, seconds: float) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        rows += medians(await WORKLOADS[name](repeats, seconds))
    return rows


if __name__ == "__main__":
    main()
