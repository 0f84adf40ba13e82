"""What the failure of its block broke off stays so, however often the execution goes on; and
several that wait for people at once wait until each is decided."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.core.errors import InvalidState
from server.executions import service as executions
from server.models.enums import ApprovalStatus, ExecutionStatus, StepStatus
from server.models.tables import Approval, Event, Execution, Step
from server.tools.base import ToolFailed
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.tools import Counted
from tests.support.waiting import until

# The failing branch takes so long to go through again that the others could begin meanwhile.
CAUGHT = """s { "goal": "Say", "model": "s" }
try {
  parallel {
    "p": chain { use echo with { text: "kept" } => $before use slow with { text: "p" } }
    "q": s
    "w": use guarded with { text: "w" }
    "f": chain { map (input) { processor ("up") { "item + 1" } } use broken with { text: "f" } }
  }
} catch {
  chain { use guarded with { text: "1" } use guarded with { text: "2" } select { v: $before } }
}
"""


def guarded() -> Counted:
    return Counted("guarded", needs_approval=True)


async def approve(home: Home, execution: Execution, step: str = "") -> None:
    """The open question of the step with this key, or of any, once nobody works."""

    async def asked() -> Approval | None:
        rows = Approval.filter(execution_id=execution.id, status=ApprovalStatus.PENDING)
        return await rows.filter(step_key__startswith=step).first()

    row = await until(asked)
    assert row is not None
    await until(lambda: not home.rooms.engine.runner.running)
    await approvals.decide(home.owner, home.rooms.engine, row.id, Answer("approve"))


async def told_twice(execution: Execution) -> list[tuple[str | None, str]]:
    """Steps of which the log says more than once that they began, or that they ended."""
    kinds = ["step.started", "step.completed", "step.failed", "step.cancelled"]
    rows = Event.filter(execution_id=execution.id, type__in=kinds)
    counts = Counter(await rows.values_list("step_key", "type"))
    return [one for one, number in counts.items() if number > 1]


async def test_what_a_failure_broke_off_is_not_begun_again(
    tmp_path: Path, database_url: str
) -> None:
    gateway, failing = ScriptedGateway(), asyncio.Event()
    gateway.hold("s")
    slow, asks = Counted("slow", gate=asyncio.Event()), guarded()
    refused = ToolFailed("No.", "refused")
    broken = Counted("broken", gate=failing, failures=[refused] * 9)
    tools = [slow.tool, asks.tool, broken.tool, Counted().tool]
    async with open_home(tmp_path, gateway=gateway, database_url=database_url, tools=tools) as home:
        started = await home.start(await home.bot(CAUGHT), list(range(2_000)))
        await gateway.asked["s"].wait()
        await slow.entered.wait()
        await broken.entered.wait()
        lost = await until(lambda: Approval.get_or_none(execution_id=started.id))
        assert lost is not None
        failing.set()
        await home.until(started, ExecutionStatus.WAITING)
        with pytest.raises(InvalidState, match="step that asked has ended"):
            await approvals.decide(home.owner, home.rooms.engine, lost.id, Answer("approve"))
        await home.rooms.tidy()
        await lost.refresh_from_db()
        assert lost.status is ApprovalStatus.WITHDRAWN
        await approve(home, started)
        await approve(home, started)
        ended = await home.ended(started)
        repeated = await told_twice(started)
    assert ended.output == {"v": "kept"}
    assert (len(slow.calls), gateway.calls["s"], len(asks.calls)) == (1, 1, 2)
    assert repeated == []


async def test_questions_side_by_side_wait_for_their_own_answers(
    tmp_path: Path, database_url: str
) -> None:
    asks = guarded()
    async with open_home(tmp_path, database_url=database_url, tools=[asks.tool]) as home:
        source = 'map (input) { use guarded with { text: "{{item}}" } }'
        started = await home.start(await home.bot(source), ["a", "b", "c"])
        await home.until(started, ExecutionStatus.WAITING)
        keys = await Approval.filter(execution_id=started.id).values_list("step_key", flat=True)
        assert len(keys) == 3
        for number, key in enumerate(sorted(keys), 1):
            await approve(home, started, str(key))
            if number == 3:
                break
            await until(lambda done=number: len(asks.calls) == done)
            await until(lambda: not home.rooms.engine.runner.running)
            rows = Step.filter(execution_id=started.id, key__in=keys)
            waiting = await rows.filter(status=StepStatus.WAITING).count()
            assert waiting == 3 - number
            events = await Event.filter(execution_id=started.id).count()
            state = await executions.state_at(home.owner, home.rooms.engine, started.id, events)
            folded = Counter(state.steps[str(key)].status for key in keys)
            assert folded[StepStatus.WAITING] == waiting
        ended = await home.ended(started)
        repeated = await told_twice(started)
    assert ended.output == ["a", "b", "c"]
    assert repeated == []
