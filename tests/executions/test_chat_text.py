"""What of the log of an execution is said in its conversation."""

from __future__ import annotations

from typing import Any

from server.core.ids import new_uuid
from server.engine.log import EventBatch
from server.executions.chat_text import MOST_CHARACTERS, Gathered
from server.models.enums import ExecutionStatus, WaitingReason


def gathered(*events: tuple[str, str | None, int, dict[str, Any]], after: int = 0) -> Gathered:
    found = [
        {"seq": seq, "type": kind, "stepKey": key, "attempt": attempt, "data": data}
        for seq, (kind, key, attempt, data) in enumerate(events, after + 1)
    ]
    made = Gathered(new_uuid(), after)
    made.add(EventBatch(after + len(found), tuple(found), True, kind_of_end(events)))
    return made


def kind_of_end(events: Any) -> bool:
    return events[-1][0] == "execution.completed"


def said(text: str, attempt: int = 1, **more: Any) -> tuple[str, str, int, dict[str, Any]]:
    return ("step.delta", "chain/a", attempt, {"text": text, **more})


START = ("step.started", "chain/a", 1, {"name": "ann", "type": "entity"})
FAILED = ("model.failed", "chain/a", 1, {"retryIn": 1})
ENDED = ("step.completed", "chain/a", 1, {"output": "x"})


async def test_text_is_gathered_by_step_and_thoughts_are_not_told() -> None:
    one = gathered(START, said("a"), said("hm", kind="reasoning"), said("b"), ENDED)
    frame = await one.frame()
    (piece,) = frame.pieces
    assert (piece.entity, piece.text, piece.again, piece.ended) == ("ann", "ab", False, True)
    assert (frame.last_seq, frame.caught_up, frame.done) == (5, True, False)
    assert not one.news


async def test_what_is_said_anew_takes_the_place_of_what_was_said() -> None:
    for anew in (
        (START, said("half"), FAILED, said("whole")),
        (START, said("half"), said("whole", attempt=2)),
        (START, said("half"), ENDED, START, said("whole")),
    ):
        (piece,) = (await gathered(*anew).frame()).pieces
        assert (piece.text, piece.again, piece.ended) == ("whole", True, False)


async def test_who_takes_it_up_in_the_middle_is_told_what_counts_no_more() -> None:
    resumed = ("execution.started", None, 2, {"resumed": True})
    for anew in (
        (FAILED, START, said("whole")),
        (START, FAILED, said("whole")),
        (START, said("whole"), ENDED),
        (START, resumed, said("whole", attempt=2)),
    ):
        (piece,) = (await gathered(*anew, after=7).frame()).pieces
        assert (piece.text, piece.again) == ("whole", True)
        (piece,) = (await gathered(*anew).frame()).pieces
        assert (piece.text, piece.again) == ("whole", False)
    one = gathered(resumed, said("whole", attempt=2), said(" more", attempt=2), after=7)
    one._names["chain/a"] = "ann"
    (piece,) = (await one.frame()).pieces
    assert (piece.text, piece.again, piece.ended) == ("whole more", True, False)
    (piece,) = (await gathered(START, ENDED, after=7).frame()).pieces
    assert (piece.text, piece.ended) == ("", True)
    plain = gathered(START, ENDED)
    assert (await plain.frame()).pieces == []
    one = gathered(said(" goes on"), after=7)
    one._names["chain/a"] = "ann"
    (piece,) = (await one.frame()).pieces
    assert (piece.text, piece.again) == (" goes on", False)


async def test_a_wait_and_an_end_are_news() -> None:
    waits = gathered(("execution.waiting", None, 1, {"reason": "approval"}))
    assert (await waits.frame()).waiting is WaitingReason.APPROVAL
    waits.add(EventBatch(2, (event("execution.started"),), True, False))
    assert waits.news
    assert (await waits.frame()).waiting is None
    waits.add(EventBatch(3, (event("execution.completed"),), True, True))
    frame = await waits.frame()
    assert (frame.done, frame.status, frame.last_seq) == (True, ExecutionStatus.COMPLETED, 3)


async def test_what_nobody_takes_is_not_gathered_without_end() -> None:
    one = gathered(START, said("x" * MOST_CHARACTERS))
    assert one.full
    await one.frame()
    assert not one.full


def event(kind: str) -> dict[str, Any]:
    return {"seq": 2, "type": kind, "stepKey": None, "attempt": 1, "data": None}
