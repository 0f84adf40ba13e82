"""Whatever people and workers do, in whatever order: an execution is only ever where it may be,
what has ended stays ended, and events have no hole."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from server.approvals import service
from server.approvals.keeping import Approvals
from server.approvals.service import Answer
from server.bus.turns import Ready
from server.core.clock import SystemClock
from server.core.errors import AlreadyDecided, InvalidState
from server.core.ids import new_uuid
from server.engine.control import Control, Target
from server.engine.decisions import Question
from server.engine.kin import Kin
from server.engine.making import identity_of
from server.engine.store import (
    SUSPECT_LOSSES,
    Claimed,
    Commit,
    ExecutionChange,
    Fence,
    Fenced,
)
from server.models.enums import ApprovalKind, ExecutionStatus, Role, WaitingReason
from server.models.tables import Execution
from server.workspaces.access import Viewer
from server.workspaces.permissions import SCOPES
from tests.engine.test_store import step
from tests.support.database import World, event, opened
from tests.support.examples import examples

PENDING, RUNNING = ExecutionStatus.PENDING, ExecutionStatus.RUNNING
WAITING, PAUSED = ExecutionStatus.WAITING, ExecutionStatus.PAUSED
ENDS = [ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT]


class Silent:
    """Nobody listens: what counts is in the tables."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


async def no_children(*_: Any) -> None:
    return None


async def _update(rows: Any, **values: Any) -> None:
    await rows.update(**values)


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
        self.ready = Ready(new.id, new.workspace_id, new.bot_id)
        self.status, self.due, self.asked = PENDING, True, None
        self.claims: list[Claimed] = []
        self.events = 1
        self.losses, self.expired, self.nudged = 0, False, False
        self.cancelling = False
        self.approvals = Approvals(SystemClock(), silent)
        kin = Kin(world.store, silent, SystemClock(), silent.nudge, silent.cancel)
        parts = {
            "control": self.control,
            "kin": kin,
            "bus": SimpleNamespace(notices=silent),
            "clock": SystemClock(),
        }
        self.engine: Any = SimpleNamespace(**parts)
        self.viewer = Viewer(
            new_uuid(), new.workspace_id, Role.OWNER, "Ada", "a@x.org", scopes=frozenset(SCOPES)
        )
        self.questions: list[UUID] = []
        self.decided: set[UUID] = set()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def expect(self, done: bool, allowed: bool) -> None:
        assert done == allowed, self.status
        self.events += allowed

    @property
    def open(self) -> bool:
        return not self.status.final

    # --- workers

    @property
    def takeable(self) -> bool:
        return self.due if self.status in (PENDING, WAITING) else self.expired

    @rule(suspects=st.booleans())
    def claim(self, suspects: bool) -> None:
        ids = [self.target.execution_id]
        losses = self.losses + (self.status is RUNNING)
        allowed = self.takeable and (suspects or losses != SUSPECT_LOSSES)
        claimed = self.run(self.world.store.claim(ids, "worker", 15, suspects=suspects))
        assert len(claimed) == allowed
        for one in claimed:
            assert (one.control, one.losses) == (self.asked, losses)
            self.claims.append(one)
            self.status, self.due, self.losses = RUNNING, False, losses
            self.expired, self.nudged = False, False

    @precondition(lambda self: self.status is RUNNING)
    @rule()
    def crash(self) -> None:
        """The worker is gone: its lease runs out."""
        row = Execution.filter(id=self.target.execution_id)
        self.run(_update(row, due_at=SystemClock().now() - timedelta(seconds=1)))
        self.expired = True

    @rule()
    def restart(self) -> None:
        """Of the only process: what its forerunner held goes on."""
        released = self.run(self.world.store.release_others("another"))
        assert (self.target.execution_id in released) == (self.status is RUNNING)
        if self.status is RUNNING:
            self.hand_over(losses=self.losses + 1)

    @precondition(lambda self: self.claims)
    @rule()
    def hand_back(self) -> None:
        claim = self.claims[-1]
        released = self.run(self.world.store.release({claim.id: claim.attempt}, "worker"))
        assert (self.target.execution_id in released) == (self.status is RUNNING)
        if self.status is RUNNING:
            self.hand_over(losses=self.losses)

    def hand_over(self, losses: int) -> None:
        self.status, self.due, self.losses, self.expired = PENDING, True, losses, False

    @rule()
    def tick(self) -> None:
        """Only what a worker may take is sent to one."""
        found = [one.ready.id for one in self.run(self.world.store.due())]
        assert self.takeable or self.target.execution_id not in found

    @precondition(lambda self: self.claims)
    @rule()
    def heartbeat(self) -> None:
        claim = self.claims[-1]
        held = self.run(self.world.store.renew({claim.id: claim.attempt}, "worker", 15))
        assert len(held) == (self.status is RUNNING)
        self.expired = False

    def write(self, claim: Claimed, change: ExecutionChange, finishes: bool) -> bool:
        commit = Commit(
            claim.id,
            change=change,
            fence=Fence(claim.attempt, "worker"),
            events=[event("step.started")],
            steps=[step("a")] if finishes else [],
        )
        try:
            self.run(self.world.store.commit(commit))
        except Fenced:
            return False
        return True

    @precondition(lambda self: self.claims)
    @rule(
        place=st.integers(0, 10),
        finishes=st.booleans(),
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
    def worker_writes(self, place: int, finishes: bool, change: ExecutionChange) -> None:
        """Also one that lost it long ago, and does not know."""
        claim = self.claims[-1 - place % len(self.claims)]
        holds = self.status is RUNNING and claim is self.claims[-1]
        self.expect(self.write(claim, change, finishes), holds)
        if holds and finishes:
            self.losses = 0
        if holds and change.status is not None and not self.stays_up(change.status):
            woken = self.nudged and change.status is WAITING
            self.status, self.due = change.status, woken or change.due_in == 0.0
            self.expired = False

    def stays_up(self, status: ExecutionStatus) -> bool:
        """What is to be cancelled does not lie down: nobody would come to end it."""
        return self.cancelling and status in (WAITING, PAUSED)

    # --- people

    @rule()
    def cancel(self) -> None:
        target = self.target
        done = self.run(self.control.cancel(target.workspace_id, target.execution_id, None, "Ada"))
        self.expect(done, self.open)
        if self.open and self.status is not RUNNING:
            self.status = ExecutionStatus.CANCELLED
        self.cancelling = True

    @rule()
    def pause(self) -> None:
        """Whose pause it is is remembered, so lost workers of before do not count."""
        done = self.run(self.control.pause(self.target, None, "Ada"))
        self.expect(done, self.status in (PENDING, WAITING, RUNNING))
        self.losses = 0 if done else self.losses
        if self.status is RUNNING:
            self.asked = "pause"
        elif self.status in (PENDING, WAITING):
            self.asked = None
            if not self.stays_up(PAUSED):
                self.status, self.due = PAUSED, False

    @rule()
    def resume(self) -> None:
        self.expect(self.run(self.control.resume(self.ready, None, "Ada")), self.status is PAUSED)
        if self.status is PAUSED:
            self.status, self.due, self.asked = PENDING, True, None

    @rule()
    def step(self) -> None:
        self.expect(self.run(self.control.step(self.ready, None, "Ada")), self.status is PAUSED)
        if self.status is PAUSED:
            self.status, self.due, self.asked = PENDING, True, "step"

    @rule()
    def take_back(self) -> None:
        """Also of one that waits in the middle of its one action."""
        done = self.run(self.control.take_back_pause(self.target, None, "Ada"))
        self.expect(done, self.status in (PENDING, WAITING, RUNNING))
        if done:
            self.asked = None

    @rule()
    def modify(self) -> None:
        """What is remembered is something new, so lost workers of before do not count."""
        done = self.run(self.control.modify(self.target, "writer", {"goal": "New"}, "Ada"))
        self.expect(done, self.open)
        self.losses = 0 if self.open else self.losses

    # --- questions

    @precondition(lambda self: self.status is RUNNING)
    @rule()
    def ask(self) -> None:
        """The same question is one row, however often it is asked."""
        number = len(self.questions)
        question = Question(f"q{number}", "a", ApprovalKind.TOOL, "t", {"n": number})
        claim = self.claims[-1]
        identity = identity_of(claim, "worker")
        asked = [self.run(self.approvals.ask(identity, question)) for _ in range(2)]
        assert asked[0].approval_id == asked[1].approval_id
        self.questions.append(asked[0].approval_id)

    @precondition(lambda self: self.questions)
    @rule(place=st.integers(0, 10), verdict=st.sampled_from(["approve", "reject"]))
    def decide(self, place: int, verdict: Literal["approve", "reject"]) -> None:
        """One decision wins, none comes after the end, and whoever waits goes on."""
        question = self.questions[place % len(self.questions)]
        work = service.decide(self.viewer, self.engine, question, Answer(verdict))
        allowed = self.open and question not in self.decided
        try:
            self.run(work)
        except (AlreadyDecided, InvalidState):
            assert not allowed
            return
        assert allowed
        self.decided.add(question)
        self.events += 1
        self.due = self.due or self.status is WAITING
        self.nudged = self.nudged or self.status is RUNNING

    # --- what always holds

    @invariant()
    def the_table_agrees(self) -> None:
        row = self.run(stored(self.target))
        assert (row.status, row.last_seq) == (self.status, self.events)
        assert row.losses == self.losses
        assert (row.owner is not None) == (self.status is RUNNING)
        if row.status.final:
            assert row.due_at is None

    def teardown(self) -> None:
        events = self.run(self.world.store.events(self.target.execution_id, 0, 10_000))
        assert [one.seq for one in events] == list(range(1, self.events + 1))


def test_no_order_of_events_leads_where_an_execution_may_not_be(tmp_path: Path) -> None:
    few = examples(20, stateful_step_count=25)
    with asyncio.Runner() as runner:
        place = opened(f"sqlite://{tmp_path / 'x.db'}", tmp_path)
        world = runner.run(place.__aenter__())
        try:
            run_state_machine_as_test(lambda: Life(runner, world), settings=few)
        finally:
            runner.run(place.__aexit__(None, None, None))
