"""The names of all jobs and what each carries: ids, never objects."""

from __future__ import annotations

from dataclasses import dataclass, field

ADVANCE = "advance"
SWEEP = "sweep"

Payload = dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    payload: Payload = field(default_factory=dict[str, "str | int | float | bool | None"])
    # Two jobs with one key are one job while the first is waiting.
    key: str | None = None
    delay_seconds: float = 0.0


def advance(execution_id: str, attempt: int) -> Job:
    """The slow way to wake an execution (at a later time); at once goes through `Queue.ready`."""
    return Job(ADVANCE, {"execution_id": execution_id}, key=f"x:{execution_id}:{attempt}")
