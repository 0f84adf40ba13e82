"""Approve, reject and modify hold at every place where a tool can wait: in a loop, a map, a
parallel block, a try, and in a bot that another one started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.core.jsontext import dumps, loads
from server.models.enums import ApprovalStatus, ExecutionStatus
from server.models.tables import Approval, Execution
from tests.support.rooms import Home, open_home
from tests.support.tools import Counted
from tests.support.waiting import until

USE = 'use echo with { text: "{{input.text}}" }'
APPROVE, REJECT = Answer("approve"), Answer("reject", "No.")
MODIFY = Answer("modify", arguments={"text": "other"})

# A program around the tool, and what it gives when the tool gave `x`.
PLACES: dict[str, tuple[str, Any]] = {
    "loop": (f"loop (max: 1) {{ {USE} }}", "x"),
    "map": (f"map (input.items) {{ {USE} }}", ["x"]),
    "parallel": (f'parallel {{ "a": {USE} "b": select {{ n: 1 }} }}', {"a": "x", "b": {"n": 1}}),
    "try": (f'try {{ {USE} }} catch {{ processor ("c") {{ "error.kind" }} }}', "x"),
    "sub-bot": (
        'chain { use spawn_baleybot with { baleybot: "Inner", input: "{{input}}" } '
        'processor ("p") { "result.output" } }',
        "x",
    ),
}
GIVEN = {"text": "x", "items": [1]}
CAUGHT = {"try": "approval_denied"}


@pytest.fixture
def echo() -> Counted:
    return Counted(needs_approval=True)


@pytest.fixture
async def home(tmp_path: Path, echo: Counted) -> AsyncIterator[Home]:
    async with open_home(tmp_path, tools=[echo.tool]) as home:
        await home.bot(USE, "Inner")
        yield home


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("answer", [APPROVE, MODIFY, REJECT], ids=lambda one: one.verdict)
async def test_a_decision_counts_there_and_then(
    home: Home, echo: Counted, place: str, answer: Answer
) -> None:
    source, output = PLACES[place]
    started = await home.start(await home.bot(source), GIVEN)
    await until(lambda: _idle(home, started))
    question = await Approval.get(status=ApprovalStatus.PENDING)
    await approvals.decide(home.owner, home.rooms.engine, question.id, answer)
    ended = await home.ended(started)
    used = [one["text"] for one in echo.arguments]
    if answer is REJECT:
        assert used == []
        caught = CAUGHT.get(place)
        assert ended.output == caught
        assert (ended.error is None) == (caught is not None)
        assert caught is not None or ended.error["kind"] == "approval_denied"
        return
    assert ended.status is ExecutionStatus.COMPLETED, ended.error
    changed = answer is MODIFY
    assert used == ["other" if changed else "x"]
    assert ended.output == (_with_other(output) if changed else output)


def _with_other(output: Any) -> Any:
    return loads(dumps(output).replace('"x"', '"other"'))


async def _idle(home: Home, execution: Execution) -> bool:
    row = await Execution.get(id=execution.id)
    return row.status is ExecutionStatus.WAITING and home.rooms.engine.runner.running == 0
