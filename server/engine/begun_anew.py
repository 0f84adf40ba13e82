"""Steps that begin anew after they failed leave no trace in the rows of their execution. What they
used of its limits is kept apart, so that trying again gives nothing of it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from server.engine.modified import REMEMBERED
from server.engine.pool import TOOLS
from server.engine.store import RecordedStep
from server.engine.tool_calls import TRIED
from server.engine.tool_steps import TYPE
from server.models.enums import StepStatus

KEY: Final = "#anew"


@dataclass(frozen=True, slots=True)
class BegunAnew:
    steps: int = 0
    calls: int = 0

    @classmethod
    def of(cls, recorded: Mapping[str, RecordedStep]) -> BegunAnew:
        row = recorded.get(KEY)
        return cls() if row is None else cls(row.output["steps"], row.output["calls"])

    def to_json(self) -> dict[str, int]:
        return {"steps": self.steps, "calls": self.calls}

    def with_those(self, rows: Iterable[RecordedStep]) -> BegunAnew:
        """Each is counted once, and each of its tries."""
        rows = list(rows)
        failed = [row for row in rows if _has_failed(row)]
        steps = sum(row.type != TYPE for row in failed)
        calls = sum(row.type in TOOLS for row in failed)
        return BegunAnew(self.steps + steps, self.calls + calls + _tries(rows))


def calls_of_open_steps(recorded: Mapping[str, RecordedStep]) -> int:
    """Of tools that are tried again, or that failed and a person is asked about; and of what has
    begun anew. No row of an ended step tells of these."""
    rows = recorded.values()
    asked_about = sum(row.type in TOOLS and _is_asked_about(row) for row in rows)
    return asked_about + _tries(rows) + BegunAnew.of(recorded).calls


def _tries(rows: Iterable[RecordedStep]) -> int:
    return sum(row.output["number"] for row in rows if _tells_of_tries(row))


def _has_failed(row: RecordedStep) -> bool:
    """And was not passed by, nor is it still at it."""
    return row.type != REMEMBERED and (row.status is StepStatus.FAILED or _is_asked_about(row))


def _is_asked_about(row: RecordedStep) -> bool:
    return row.status is StepStatus.WAITING and not row.goes_on


def _tells_of_tries(row: RecordedStep) -> bool:
    """Those of models have a place in the chain of models, and rows of their own."""
    told: Any = row.output
    return row.key.endswith(TRIED) and "place" not in told
