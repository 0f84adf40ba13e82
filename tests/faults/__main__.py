"""`make faults [ONLY=F03,F20] [SETUP=postgres] [SEEDS=1] [MINUTES=45] [RESUME=1]`

What has passed is kept beside the caches: RESUME=1 goes on after an interruption, and runs what did
not pass again. A run of everything begins anew, with the first seed of all faults. At the end the
table of docs/reliability.md says what is kept; with ONLY or SETUP the other lines stay as they
were."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.table import Line, write_into_docs
from tests.house.files import ROOT

FOLDER = Path(__file__).parent
KEPT = ROOT / ".cache" / "faults.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--only", default="", help="faults, such as F03,F20")
    parser.add_argument("--setup", default="", help="embedded, postgres, mysql")
    parser.add_argument("--seeds", type=int, default=3, help="how many (3); MariaDB has one")
    parser.add_argument("--minutes", type=float, default=45.0, help="none begins after these")
    parser.add_argument("--resume", action="store_true", help="only what has not passed yet")
    asked, more = parser.parse_known_args()
    if not asked.resume:
        _forget(asked.only, asked.setup)
    arguments = ["-q", "-m", "faults", "--whole", str(FOLDER), f"--fault-results={KEPT}"]
    arguments += [f"--fault-seeds={asked.seeds}", f"--fault-minutes={asked.minutes}"]
    arguments += [f"--fault-only={asked.only}", f"--fault-setups={asked.setup}", *more]
    code = pytest.main(arguments)
    kept = _kept()
    if kept:
        write_into_docs(Line(**line) for lines in kept.values() for line in lines)
    return int(code)


def _kept() -> dict[str, list[dict[str, Any]]]:
    return json.loads(KEPT.read_text()) if KEPT.exists() else {}


def _forget(only: str, setup: str) -> None:
    """What is asked for is run again; with nothing named that is everything."""
    faults, setups = set(filter(None, only.split(","))), set(filter(None, setup.split(",")))

    def asked_for(line: dict[str, Any]) -> bool:
        named = not faults or line["fault"] in faults
        return named and (not setups or line["kind"] in setups)

    left = {name: lines for name, lines in _kept().items() if not any(map(asked_for, lines))}
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps(left, indent=1))


if __name__ == "__main__":
    sys.exit(main())
