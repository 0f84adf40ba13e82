"""An answer that does not fit is asked for once more, and one can see that it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from server.llm.errors import ModelError, ModelErrorKind
from server.models.enums import ExecutionStatus
from server.models.tables import Event, Usage
from tests.support.rooms import open_home
from tests.support.scripted_gateway import Answer, ScriptedGateway

TYPED = """
{defaults}
writer {{ "goal": "Write", "model": "m", "retries": 0, "output": {{ "title": "string" }} }}
reader {{ "goal": "Read", "model": "n" }}
chain {{ writer reader }}
"""
REFUSED = ModelError(ModelErrorKind.BAD_REQUEST, "No.")


@dataclass(frozen=True)
class Story:
    """`asked`: the calls of the writer, `paid`: its usage rows."""

    status: ExecutionStatus
    output: object
    asked: list[dict[str, object]]
    paid: int


async def run(folder: Path, answers: list[Answer], *, strict: bool = False) -> Story:
    source = TYPED.format(defaults='defaults { "strict": true }' if strict else "")
    async with open_home(folder, gateway=ScriptedGateway({"m": answers})) as home:
        ended = await home.ended(await home.start(await home.bot(source), "tea"))
        writer = {"execution_id": ended.id, "step_key": "chain/writer"}
        events = await Event.filter(type="model.requested", **writer).order_by("seq")
        paid = await Usage.filter(**writer).count()
    return Story(ended.status, ended.output, [event.data for event in events], paid)


async def test_the_second_answer_is_taken_and_both_are_paid_and_seen(tmp_path: Path) -> None:
    story = await run(tmp_path, ["I would say T.", '{"title": "T"}'])
    assert (story.status, story.output) == (ExecutionStatus.COMPLETED, '{"title":"T"}')
    assert [one.get("repair") for one in story.asked] == [None, True]
    assert story.paid == 2


@pytest.mark.parametrize("again", ["Still T.", REFUSED])
async def test_the_run_goes_on_with_what_there_is(tmp_path: Path, again: Answer) -> None:
    story = await run(tmp_path, ["I would say T.", again])
    assert story.status is ExecutionStatus.COMPLETED
    assert story.output == (again if isinstance(again, str) else "I would say T.")


async def test_strict_it_fails_after_one_repair(tmp_path: Path) -> None:
    story = await run(tmp_path, ["T", "still T", '{"title": "T"}'], strict=True)
    assert story.status is ExecutionStatus.FAILED
    assert len(story.asked) == 2
