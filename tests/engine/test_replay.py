"""Any program, walked a second time over what the first walk recorded, says the same and asks
nobody again."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given

from server.bal.checker import check
from server.bal.planner import plan
from server.engine.canned import Replies
from server.engine.host import EntityCall, Remedy
from server.engine.walker import walk
from tests.engine.random_programs import ANSWERS, PROGRAMS, REPLIES
from tests.engine.rig import Rig
from tests.support.examples import examples


class CannedRig(Rig):
    def __init__(self, replies: Replies) -> None:
        super().__init__(self._say)
        self._replies = replies

    async def _say(self, call: EntityCall) -> Any:
        await asyncio.sleep(0)
        return self._replies.answer(call.entity.name, call.input)

    async def ask_for_remedy(self, key: str, failure: Any) -> Remedy:
        return Remedy("skip")


@examples(100, deadline=2000)
@given(source=PROGRAMS, value=ANSWERS, answers=REPLIES)
def test_a_replay_says_the_same_and_asks_nobody_again(
    source: str, value: Any, answers: dict[str, list[Any]]
) -> None:
    report = check(source)
    if report.ok:
        replies = Replies({name: {"sequence": values} for name, values in answers.items()})
        asyncio.run(_twice(plan(report.program), value, CannedRig(replies)))


async def _twice(program: Any, value: Any, first: CannedRig) -> None:
    outcome = await walk(program, value, first)
    assert "running" not in first.statuses.values()
    again = CannedRig(Replies({}))
    again.recorded = first.recorded
    assert await walk(program, value, again) == outcome
    cancelled = {key for key, status in first.statuses.items() if status == "cancelled"}
    assert set(again.called) <= cancelled
