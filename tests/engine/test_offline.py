"""`bal run`: what it does around the program, and that no program can break it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from server.bal.checker import check
from server.bal.planner import plan
from server.engine.canned import Replies, RepliesUnreadable
from server.engine.host import EntityCall
from server.engine.offline import OfflineHost, run_source
from server.engine.walker import walk
from tests.engine.random_programs import ANSWERS, PROGRAMS, REPLIES

WRITER = 'writer { goal: "Write a title" output: { title: "string", words: "integer" } }\n'


async def test_without_replies_the_demo_model_answers_in_the_form_of_the_output_block() -> None:
    run = await run_source(WRITER + "chain { writer }", {"topic": "tea"})
    assert run.outcome.status == "completed"
    assert set(run.outcome.output) == {"title", "words"}
    assert run.calls == [["writer", {"topic": "tea"}, None]]


async def test_the_same_run_gives_the_same_answer() -> None:
    runs = [await run_source(WRITER + "chain { writer }", "tea") for _ in range(2)]
    assert runs[0] == runs[1]


async def test_a_run_that_takes_too_long_fails_with_timeout() -> None:
    async def never(call: EntityCall) -> Any:
        await asyncio.Event().wait()

    run = await run_source(WRITER + "chain { writer }", "tea", ask=never, seconds=0.01)
    assert run.to_json()["error"]["kind"] == "timeout"


@pytest.mark.parametrize(
    "replies",
    [[], "text", {"a": 1}, {"a": {}}, {"a": {"sequence": []}}, {"a": {"sequence": 1}},
     {"a": {"return": 1}}, {"a": {"returns": 1, "echo": True}}],
)  # fmt: skip
async def test_replies_of_another_form_are_refused_in_words(replies: Any) -> None:
    with pytest.raises(RepliesUnreadable):
        await run_source(WRITER, None, replies)


async def test_a_program_with_errors_says_the_first_one() -> None:
    run = await run_source("a { goal: 'g' }\nchain { a nobody }\nchain { other }", 1, {})
    found = run.to_json()
    assert (found["status"], found["output"], found["calls"]) == ("failed", None, [])
    assert found["error"]["kind"] == "unknown_entity"


async def test_a_program_of_every_construct_runs_with_nothing_around_it() -> None:
    program = Path(__file__).parents[1] / "bal" / "right" / "every_construct.bal"
    run = await run_source(program.read_text(encoding="utf-8"))
    assert run.outcome.status == "completed"
    assert run.calls[0][0] == "planner"


@settings(max_examples=100, deadline=2000)
@given(
    source=PROGRAMS,
    value=ANSWERS,
    answers=REPLIES,
)
def test_every_program_ends_and_every_step_has_a_final_status(
    source: str, value: Any, answers: dict[str, list[Any]]
) -> None:
    report = check(source)
    if not report.ok:
        return
    replies = Replies({name: {"sequence": values} for name, values in answers.items()})
    host = OfflineHost(plan(report.program), replies)
    outcome = asyncio.run(walk(plan(report.program), value, host))
    assert outcome.status in ("completed", "failed")
    assert (outcome.error is None) == (outcome.status == "completed")
    json.dumps([outcome.output, host.calls])
    assert set(host.statuses.values()) <= {"completed", "failed", "skipped", "cancelled"}
