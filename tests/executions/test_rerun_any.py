"""Any program in which any calls fail, done again once they are well: what was finished is not made
again, what had failed is, and the end is that of a run in which only what was caught had failed."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.bal.checker import check
from server.bal.plan import Plan
from server.bal.planner import plan
from server.engine.decisions import REMEDY
from server.engine.facts import failure_of
from server.engine.host import (
    EntityCall,
    Outcome,
    Recorded,
    Remedy,
    StepEnd,
    StepFailed,
    StepSkipped,
    StepStart,
    Suspended,
    ToolCall,
)
from server.engine.modified import REMEMBERED
from server.engine.step_log import BROKEN
from server.engine.stepping import ACTIONS
from server.engine.walker import walk
from server.executions.beginning import failed_again, given_up_again
from server.executions.earlier import CALLS, GIVEN_UP, UNCAUGHT, Earlier
from server.executions.keeping import Keeping
from server.models.enums import StepStatus
from tests.engine.random_programs import ENTITIES, containers
from tests.engine.rig import Rig
from tests.support.examples import examples

Fails = Callable[[str], bool]
CALLED = st.sampled_from(["a", "b", "c => x", "a on_error skip", "b on_error pause", "use t"])
PROGRAMS = st.recursive(CALLED, containers, max_leaves=12).map(
    lambda step: f"{ENTITIES}\nchain {{ {step} }}"
)
VALUE = {"n": 2, "list": [1, 2, 3]}


class Written(Rig):
    """Writes rows as the database has them, and goes by those of an earlier execution."""

    def __init__(self, fails: Fails, before: Mapping[str, Any] | None = None) -> None:
        super().__init__(self._say)
        self.before = before or {}
        self.rows: dict[str, Any] = {}
        self._fails = fails
        self.recorded = {
            key: Recorded(row.output, failure_of(row.error))
            for key, row in self.before.items()
            if row.status in (StepStatus.COMPLETED, StepStatus.FAILED)
        }

    async def _say(self, call: EntityCall) -> Any:
        await asyncio.sleep(0)
        if self._fails(call.key):
            raise StepFailed("bad_request", f"No {call.key}.", entity=call.entity.name)
        size = len(json.dumps(call.input))
        return {"n": size % 7, "list": [1, size], "pass": size % 2 == 0, "by": call.entity.name}

    async def call_tool(self, call: ToolCall) -> Any:
        self.called.append(call.key)
        if self._fails(call.key):
            raise StepFailed("tool_failed", f"No {call.key}.", entity=call.tool)
        return {"done": call.arguments}

    async def ask_for_remedy(self, key: str, failure: Any) -> Remedy:
        self._write(f"{key}{REMEDY}1]", REMEMBERED, StepStatus.COMPLETED, {"action": "skip"})
        return Remedy("skip")

    def step_started(self, step: StepStart) -> None:
        row, above = self.before.get(step.key), self.before.get(step.parent_key or "")
        if row is not None and row.status is StepStatus.CANCELLED and step.type in ACTIONS:
            raise Suspended
        if row is None and above is not None and above.status in BROKEN:
            raise Suspended
        self._write(step.key, step.type, StepStatus.RUNNING, None, step)

    def step_ended(self, step: StepEnd) -> None:
        row = self.rows.get(step.key)
        if row is not None:
            row.status, row.output = StepStatus(step.status), step.output
            row.error = None if step.error is None else step.error.to_json()

    def step_skipped(self, step: StepSkipped) -> None:
        """It has no result that could be taken over."""

    def _write(
        self, key: str, kind: str, status: StepStatus, output: Any, step: StepStart | None = None
    ) -> None:
        self.rows[key] = SimpleNamespace(
            key=key, type=kind, name=key, status=status, output=output, error=None,
            input=None if step is None else step.input,
            parent_key=None if step is None else step.parent_key,
            position=0 if step is None else step.position,
        )  # fmt: skip


@examples(150, deadline=4000)
@given(source=PROGRAMS, bad=st.sets(st.integers(0, 7), min_size=2, max_size=6))
def test_once_all_is_well_again(source: str, bad: set[int]) -> None:
    report = check(source)
    if report.ok:
        asyncio.run(_done_again(plan(report.program), VALUE, bad, "try" not in source))


async def _done_again(program: Plan, value: Any, bad: set[int], plain: bool) -> None:
    first = Written(lambda key: zlib.crc32(key.encode()) % 8 in bad)
    outcome = await walk(program, value, first)
    error = None if outcome.error is None else outcome.error.to_json()
    earlier = Earlier(first.rows.values(), program, error)
    failed = outcome.status == "failed"
    causes = earlier.failures(UNCAUGHT if failed else GIVEN_UP)
    assert causes or not failed
    if not causes:
        return
    undone = (failed_again if failed else given_up_again)(program, earlier)
    kept = Keeping(earlier, undone, {}, frozenset(program.entities)).rows()
    second = Written(lambda key: False, kept)
    ended = await walk(program, value, second)
    assert ended == await _otherwise(program, value, kept)
    finished = {key for key, row in kept.items() if row.status is StepStatus.COMPLETED}
    assert not finished & set(second.called)
    if failed and plain and all(row.type in CALLS for row in causes):
        done = {key for key, row in first.rows.items() if row.status is StepStatus.COMPLETED}
        assert not done & set(second.called)
        assert {row.key for row in causes} <= set(second.called)


async def _otherwise(program: Plan, value: Any, kept: Mapping[str, Any]) -> Outcome:
    """A run in which nothing failed but what stays so."""
    failing = {
        key for key, row in kept.items() if row.status is StepStatus.FAILED and row.type in CALLS
    }
    return await walk(program, value, Written(lambda key: key in failing))
