"""What must hold after every fault (I1 to I8), read from the database and the oracle."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.counting import SAFE, UNSAFE
from tests.faults.load import Load
from tests.faults.oracle import said
from tests.faults.rig import Rig
from tests.faults.tables import Rows, data_of, moment
from tests.faults.waiting import until

FINAL = {"completed", "failed", "cancelled", "timed_out"}
STALE_LEASE = timedelta(seconds=30)
_CRASH = re.compile(r'^Traceback|never retrieved|destroyed but it is pending|"level":"error"', re.M)


@dataclass(frozen=True)
class Found:
    """The figures of one fault. `recoveries`: for each time that an execution was hit, how long
    until it went on. `hits`: how many times that was."""

    accepted: int
    lost: int
    repeated: int
    recoveries: tuple[float, ...] = ()
    hits: int = 0

    @property
    def recovery(self) -> float | None:
        """The worst."""
        return max(self.recoveries, default=None)

    def within(self, share: float) -> float:
        """So many of the recoveries took no longer."""
        ordered = sorted(self.recoveries) or [0.0]
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def check(rig: Rig, *loads: Load, ends: str = "completed", seconds: float = 90) -> Found:
    """All invariants for what these loads had accepted; `ends`: the statuses they may have."""
    wanted = {run: name for load in loads for run, name in load.uuids().items()}
    await _all_ended(rig, wanted, seconds)
    executions = {str(row["id"]): row for row in await rig.tables.executions()}
    steps = await rig.tables.by_execution("steps", "id")
    events = await rig.tables.by_execution("events", "seq")
    usage = await rig.tables.by_execution("usage_records", "id")
    repeated = 0
    for load in loads:
        for run, name in load.uuids().items():
            row = executions[name]
            _ended_well(run, row, ends, load.steps)
            _one_result_per_step(run, steps.get(name, []))
            _gapless(run, row, events.get(name, []))
            _paid_as_used(run, row, events.get(name, []), usage.get(name, []))
            repeated += _repeats(rig, run, row, events.get(name, []))
        _no_ghosts(load, executions.values())
    _no_stale_lease(executions.values())
    crash_free(rig)
    recoveries = [one for name in wanted.values() for one in _recoveries(rig, name, events[name])]
    hits = sum(len(hit.executions & set(wanted.values())) for hit in rig.hits)
    return Found(len(wanted), 0, repeated, tuple(recoveries), hits)


async def _all_ended(rig: Rig, wanted: dict[str, str], seconds: float) -> None:
    """I1: accepted means that it ends."""
    rows: dict[str, Any] = {}

    async def ended() -> bool:
        rows.clear()
        rows.update({str(row["id"]): row["status"] for row in await rig.tables.executions()})
        return all(rows.get(name) in FINAL for name in wanted.values())

    def shown() -> str:
        open_ones = {run: rows.get(name) for run, name in wanted.items()}
        left = {run: status for run, status in open_ones.items() if status not in FINAL}
        return f"; lost or open: {left}; {rig.oracle.shown()}"

    await until("all that was accepted has ended", ended, seconds, shown)


def _ended_well(run: str, row: dict[str, Any], ends: str, steps: int) -> None:
    assert row["status"] in ends.split(), (run, row["status"], row["error"])
    if row["status"] == "completed":
        assert data_of(row, "output") == said(run, steps), (run, row["output"])


def _one_result_per_step(run: str, rows: Rows) -> None:
    """I2: a step key is there once, and in what has ended nothing looks as if it still ran."""
    twice = [key for key, count in Counter(step["key"] for step in rows).items() if count > 1]
    assert not twice, (run, twice)
    assert not [step["key"] for step in rows if step["status"] in ("running", "waiting")], run


def _gapless(run: str, row: dict[str, Any], events: Rows) -> None:
    """I4: numbers without a hole, one end at the end, each step finished once."""
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), run
    assert row["last_seq"] == len(events), (run, row["last_seq"], len(events))
    kinds = [event["type"] for event in events]
    assert kinds[-1] == f"execution.{row['status']}", (run, kinds[-3:])
    assert kinds.count(kinds[-1]) == 1, run
    finished = Counter(e["step_key"] for e in events if e["type"] == "step.completed")
    assert not [key for key, count in finished.items() if count > 1], (run, finished)
    over: set[str] = set()
    for event in events:
        asked_again = event["type"] == "model.requested" and event["step_key"] in over
        assert not asked_again, (run, event["step_key"], "was asked again when it had finished")
        if event["type"] == "step.completed":
            over.add(event["step_key"])


def _paid_as_used(run: str, row: dict[str, Any], events: Rows, usage: Rows) -> None:
    """I6, first half: every answer that is known is paid for once, and so may be one that came and
    was of no use, or of which only a part came; the sums are right."""
    kinds = Counter(event["type"] for event in events)
    answered, failed, asked = (kinds[f"model.{how}"] for how in ("answered", "failed", "requested"))
    broken_off = max(0, asked - answered - failed)
    most = answered + failed + broken_off
    assert answered <= len(usage) <= most, (run, answered, failed, broken_off, len(usage))
    for column in ("input_tokens", "output_tokens"):
        assert row[column] == sum(one[column] for one in usage), (run, column)


def _repeats(rig: Rig, run: str, row: dict[str, Any], events: Rows) -> int:
    """I3, and the second half of I6: each loss costs at most the one call that was in flight, no
    call leaves before it is written down, and nothing is paid that was not answered."""
    calls = rig.oracle.of(run)
    order = [call.step for call in calls]
    assert order == sorted(order), (run, "went back to a finished step", order)
    failed = sum(event["type"] == "model.failed" for event in events)
    counted = rig.oracle.counts(run)
    used = _counted_steps(events)
    answered = [event["step_key"] for event in events if event["type"] == "model.answered"]
    turns = len(answered) - len(set(answered))  # a model that used tools is asked again
    answered += {e["step_key"] for e in events if e["type"] == "step.completed"} & set(used)
    repeats = max(0, sum(count - 1 for count in counted.values()) - turns)
    allowed = max(0, row["attempt"] - 1) + failed
    assert repeats <= allowed, (run, dict(counted), row["attempt"])
    intents = len(used) + sum(event["type"] == "model.requested" for event in events)
    assert len(calls) <= intents, (run, "a call left before it was written down")
    assert len(answered) <= len(calls), (run, len(answered), len(calls))
    return repeats


def _counted_steps(events: Rows) -> list[str]:
    """The keys of steps that use one of the counting tools, once for each time that one begins."""
    begun = [(e["step_key"], data_of(e)) for e in events if e["type"] == "step.started"]
    return [key for key, data in begun if data.get("name") in (SAFE, UNSAFE)]


def _no_ghosts(load: Load, rows: Iterable[dict[str, Any]]) -> None:
    """One row for each idempotency key, and it is the one that was told."""
    known = load.uuids()
    for row in rows:
        run = row["idempotency_key"]
        if run in known:
            assert known[run] == str(row["id"]), (run, "has a second row")


def _no_stale_lease(rows: Iterable[dict[str, Any]]) -> None:
    """I5."""
    now = datetime.now(UTC)
    for row in rows:
        if row["status"] == "running" and row["due_at"] is not None:
            assert now - moment(row["due_at"]) < STALE_LEASE, row["id"]


def crash_free(rig: Rig) -> None:
    """I8: since this fault began no process has said that it broke."""
    for name, log in rig.news():
        found = _CRASH.search(log)
        assert found is None, f"{name}:\n{log[max(0, found.start() - 1500) : found.end() + 2500]}"


def _recoveries(rig: Rig, name: str, events: Rows) -> Iterator[float]:
    """From the kill of the process that held it to its next beginning. One that was taken and
    killed again before it could begin is counted from the last kill of its holder; where no kill
    of a holder is known, from the first kill of all, which is no shorter. What had only waited for
    its first worker was not hit."""
    for place, event in enumerate(events):
        if event["type"] != "execution.started" or event["attempt"] < 2:
            continue
        before = moment(events[place - 1]["at"]).timestamp() - 0.5
        at = moment(event["at"]).timestamp()
        held = [hit.at for hit in rig.hits if name in hit.executions and before <= hit.at <= at]
        killed = [max(held)] if held else [one for one in rig.killed_at if before <= one <= at]
        if killed:
            yield at - min(killed)
