"""What a long run says while it runs, and what it keeps so that it can go on later."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.faults.table import SETUPS, Line

_PROGRESS = pytest.StashKey["Progress"]()
_RESULTS = pytest.StashKey["Results"]()


@dataclass
class Progress:
    all: int = 0
    done: int = 0
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, config: pytest.Config) -> Progress:
        return config.stash.setdefault(_PROGRESS, cls())

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self.began) / 60

    def show(self, fault: Sequence[str], item: pytest.Item, report: pytest.TestReport) -> None:
        """One line for each fault, and at once what went wrong: the end may be far away. In a
        run of all tests that would only be noise."""
        self.done += report.when != "teardown"
        terminal: Any = item.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None or not item.config.getoption("--whole", default=False):
            return
        given = getattr(item, "callspec").params  # noqa: B009
        place = f"{SETUPS[given['kind']]}, seed {given['seed']}"
        came = f"{self.done} of {self.all} after {self.minutes:.0f} min"
        terminal.ensure_newline()
        terminal.write_line(
            f"{report.outcome:<7}{report.duration:5.0f} s  {' '.join(fault)} ({place}); {came}"
        )
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            terminal.write_line(f"        {getattr(crash, 'message', report.longreprtext)}"[:1500])


@dataclass
class Results:
    """By the name of a test (which holds set-up and seed) the lines that it added to the table."""

    path: Path | None
    kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def of(cls, config: pytest.Config) -> Results:
        if _RESULTS not in config.stash:
            given = config.getoption("--fault-results", default="")
            path = Path(given) if given else None
            there = path is not None and path.exists()
            kept = json.loads(path.read_text()) if there and path is not None else {}
            config.stash[_RESULTS] = cls(path, kept)
        return config.stash[_RESULTS]

    @property
    def passed(self) -> set[str]:
        return set(self.kept)

    @property
    def lines(self) -> list[Line]:
        return [Line(**line) for lines in self.kept.values() for line in lines]

    def keep(self, name: str, lines: Sequence[Line]) -> None:
        if self.path is not None:
            self.kept[name] = [vars(line) for line in lines]
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(self.kept, indent=1))

    def forget(self, name: str) -> None:
        """What came out when all was over counts too."""
        if self.path is not None and self.kept.pop(name, None) is not None:
            self.path.write_text(json.dumps(self.kept, indent=1))
