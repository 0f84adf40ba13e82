"""`bal run`: what it does around the program, and that no program can break it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from server.bal.checker import check
from server.bal.planner import plan
from server.engine.canned import Replies, RepliesUnreadable
from server.engine.host import EntityCall
from server.engine.offline import OfflineHost, run_source
from server.engine.walker import walk
from tests.engine.random_programs import ANSWERS, PROGRAMS, REPLIES
from tests.support.examples import examples

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


@examples(100, deadline=2000)
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


MEMORY = """
chain {
  use store_memory with { action: "set", key: "a", value: { n: 1 } }
  use store_memory with { action: "get", key: "a" } => $got
  use shared_storage with { action: "list" } => $none
  use wait with { seconds: 3600 } => $waited
  use send_notification with { title: "Done", message: "All" } => $told
  select { got: $got.value, none: $none.keys, waited: $waited.waited, sent: $told.sent }
}
"""


async def test_built_in_tools_that_need_nobody_work() -> None:
    run = await run_source(MEMORY, "x")
    assert run.outcome.output == {"got": {"n": 1}, "none": [], "waited": 3600, "sent": False}
    assert [call[0] for call in run.calls][:2] == ["store_memory", "store_memory"]
    again = await run_source('use store_memory with { action: "get", key: "a" }', "x")
    assert again.outcome.output == {"success": False, "value": None}


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ('use ask with { message: "Ready?" }', "approval_required", "Ready?"),
        ('use wait with { event: "paid" }', "not_available", "--replies"),
        ("use nothing_there", "tool_not_found", "--replies"),
        ('use store_memory with { action: "get" }', "invalid_arguments", "key"),
        ('use store_memory with { action: "bake" }', "invalid_arguments", "action"),
        ('use spawn_baleybot with { baleybot: "Elsewhere" }', "not_available", "--replies"),
    ],
)
async def test_a_tool_that_does_not_work_here_says_why(source: str, kind: str, words: str) -> None:
    run = await run_source(source, "x")
    assert run.outcome.error is not None
    assert run.outcome.error.kind == kind
    assert words in run.outcome.error.message


async def test_with_replies_only_they_answer_tools() -> None:
    run = await run_source('use store_memory with { action: "list" }', "x", {})
    assert run.to_json()["error"]["kind"] == "tool_not_found"
    replies = {"store_memory": {"returns": 1}}
    run = await run_source('use store_memory with { action: "list" }', "x", replies)
    assert run.to_json()["output"] == 1


async def test_the_demo_model_uses_the_tools_of_its_entity() -> None:
    source = (
        'a { "goal": "Use store_memory to list what you know", '
        '"tools": ["store_memory", "web_search_of_another_kind"] }'
    )
    run = await run_source(source, "x")
    assert run.outcome.status == "completed", run.outcome.error
    assert [call[0] for call in run.calls] == ["a", "store_memory"]
