"""Whatever people and workers do, in whatever order: an execution is only ever where it may be,
what has ended stays ended, and events have no hole."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from server.core.clock import SystemClock
from server.engine.control import Control, Target
from server.engine.store import Claimed, Commit, ExecutionChange, Fence, Fenced
from server.models.enums import ExecutionStatus, WaitingReason
from server.models.tables import Execution
from tests.support.database import World, event, opened

PENDING, RUNNING = ExecutionStatus.PENDING, ExecutionStatus.RUNNING
WAITING, PAUSED = ExecutionStatus.WAITING, ExecutionStatus.PAUSED
ENDS = [ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT]


class Silent:
    """Nobody listens: what counts is in the tables."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


async def no_children(*_: Any) -> None:
    return None


async def stored(target: Target) -> Execution:
    return await Execution.get(id=target.execution_id)


class Life(RuleBasedStateMachine):
    """`status` is what the model says, `due` whether a worker may take it."""

    def __init__(self, runner: asyncio.Runner, world: World) -> None:
        super().__init__()
        self.runner, self.world = runner, world
        silent: Any = Silent()
        self.control = Control(world.store, silent, silent, SystemClock(), silent, no_children)
        new = self.run(world.queued())
        self.target = Target(new.workspace_id, new.id)
        self.status, self.due, self.asked = PENDING, True, None
        self.claims: list[Claimed] = []
        self.events = 1

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def expect(self, done: bool, allowed: bool) -> None:
        assert done == allowed, self.status
        self.events += allowed

    @property
    def open(self) -> bool:
        return not self.status.final

    # --- workers

    @rule()
    def claim(self) -> None:
        ids = [self.target.execution_id]
        claimed = self.run(self.world.store.claim(ids, "worker", 15))
        assert len(claimed) == (self.status in (PENDING, WAITING) and self.due)
        for one in claimed:
            assert one.control == self.asked
            self.claims.append(one)
            self.status, self.due = RUNNING, False

    def write(self, claim: Claimed, change: ExecutionChange) -> bool:
        commit = Commit(
            claim.id,
            change=change,
            fence=Fence(claim.attempt, "worker"),
            events=[event("step.started")],
        )
        try:
            self.run(self.world.store.commit(commit))
        except Fenced:
            return False
        return True

    @precondition(lambda self: self.claims)
    @rule(
        place=st.integers(0, 10),
        change=st.sampled_from(
            [
                ExecutionChange(),
                ExecutionChange(status=PAUSED),
                ExecutionChange(status=WAITING, waiting_reason=WaitingReason.APPROVAL),
                ExecutionChange(status=PENDING, due_in=0.0),
                *(ExecutionChange(status=status) for status in ENDS),
            ]
        ),
    )
    def worker_writes(self, place: int, change: ExecutionChange) -> None:
        """Also one that lost it long ago, and does not know."""
        claim = self.claims[-1 - place % len(self.claims)]
        holds = self.status is RUNNING and claim is self.claims[-1]
        self.expect(self.write(claim, change), holds)
        if holds and change.status is not None:
            self.status, self.due = change.status, change.due_in == 0.0

    # --- people

    @rule()
    def cancel(self) -> None:
        target = self.target
        done = self.run(self.control.cancel(target.workspace_id, target.execution_id, None, "Ada"))
        self.expect(done, self.open)
        if self.open and self.status is not RUNNING:
            self.status = ExecutionStatus.CANCELLED

    @rule()
    def pause(self) -> None:
        done = self.run(self.control.pause(self.target, None, "Ada"))
        self.expect(done, self.status in (PENDING, WAITING, RUNNING))
        if self.status is RUNNING:
            self.asked = "pause"
        elif self.status in (PENDING, WAITING):
            self.status, self.due, self.asked = PAUSED, False, None

    @rule()
    def resume(self) -> None:
        self.expect(self.run(self.control.resume(self.target, None, "Ada")), self.status is PAUSED)
        if self.status is PAUSED:
            self.status, self.due, self.asked = PENDING, True, None

    @rule()
    def step(self) -> None:
        self.expect(self.run(self.control.step(self.target, None, "Ada")), self.status is PAUSED)
        if self.status is PAUSED:
            self.status, self.due, self.asked = PENDING, True, "step"

    @rule()
    def take_back(self) -> None:
        done = self.run(self.control.take_back_pause(self.target, None, "Ada"))
        self.expect(done, self.status is RUNNING)
        if self.status is RUNNING:
            self.asked = None

    @rule()
    def modify(self) -> None:
        done = self.run(self.control.modify(self.target, "writer", {"goal": "New"}, "Ada"))
        self.expect(done, self.open)

    # --- what always holds

    @invariant()
    def the_table_agrees(self) -> None:
        row = self.run(stored(self.target))
        assert (row.status, row.last_seq) == (self.status, self.events)
        assert (row.owner is not None) == (self.status is RUNNING)
        if row.status.final:
            assert row.due_at is None

    def teardown(self) -> None:
        events = self.run(self.world.store.events(self.target.execution_id, 0, 10_000))
        assert [one.seq for one in events] == list(range(1, self.events + 1))


def test_no_order_of_events_leads_where_an_execution_may_not_be(tmp_path: Path) -> None:
    few = settings(max_examples=20, stateful_step_count=20, deadline=None)
    with asyncio.Runner() as runner:
        place = opened(f"sqlite://{tmp_path / 'x.db'}", tmp_path)
        world = runner.run(place.__aenter__())
        try:
            run_state_machine_as_test(lambda: Life(runner, world), settings=few)
        finally:
            runner.run(place.__aexit__(None, None, None))
