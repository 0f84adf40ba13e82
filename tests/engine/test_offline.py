"""`bal run`: what it does around the program, and that no program can break it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.bal.checker import check
from server.bal.planner import plan
from server.engine.canned import Replies, RepliesUnreadable
from server.engine.host import EntityCall
from server.engine.offline import OfflineHost, run_source
from server.engine.walker import walk

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


LEAVES = st.sampled_from(
    ["a", "b", "c => x", "a with { k: $x, i: item }", "b on_error skip", "c on_error pause",
     "a on_error continue with { n: 1 }", "use t with { m: '{{result.n}} {{a}}' }", "use missing",
     'processor("p") { "result.n + 1" }', 'select { n: result.n, x: "$x" }',
     'merge { l: "branch_0", r: left }']
)  # fmt: skip


def _containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    blocks = st.lists(inner, min_size=1, max_size=3).map(" ".join)
    conditions = st.sampled_from(["result.n > 1", "$x", "item == 1", "result"])
    return st.one_of(
        blocks.map(lambda body: f"chain {{ {body} }}"),
        st.tuples(st.sampled_from(["stop", "wait", "collect"]), blocks).map(
            lambda p: f"parallel (errors: {p[0]}) {{ {p[1]} }}"
        ),
        st.tuples(conditions, blocks, blocks).map(
            lambda p: f'if ("{p[0]}") {{ {p[1]} }} else {{ {p[2]} }}'
        ),
        st.tuples(conditions, blocks).map(lambda p: f'gate ("{p[0]}") {{ {p[1]} }}'),
        st.tuples(conditions, blocks).map(
            lambda p: f'loop ("until": "{p[0]}", "max": 2) {{ {p[1]} }}'
        ),
        st.tuples(st.sampled_from(["stop", "skip", "collect"]), blocks).map(
            lambda p: f"map (result.list, errors: {p[0]}) {{ {p[1]} }}"
        ),
        st.tuples(conditions, blocks).map(lambda p: f'filter ("{p[0]}") {{ {p[1]} }}'),
        st.tuples(blocks, blocks, blocks).map(
            lambda p: f'try ("retries": 1) {{ {p[0]} }} catch {{ {p[1]} }} finally {{ {p[2]} }}'
        ),
        st.tuples(blocks, blocks).map(
            lambda p: f'route (a) {{ "x": {{ {p[0]} }} default: {{ {p[1]} }} }}'
        ),
        st.tuples(inner, inner).map(lambda p: f'when b {{ "pass": {p[0]} "fail": {p[1]} }}'),
    )


ENTITIES = 'a { goal: "g" } b { goal: "g" } c { goal: "g" }'
PROGRAMS = st.recursive(LEAVES, _containers, max_leaves=10).map(
    lambda step: f"{ENTITIES}\nchain {{ {step} }}"
)
ANSWERS = st.sampled_from(
    [1, "x", "yes", None, {"n": 2}, {"list": [1, 2]}, [1, 2], {"$error": "no"}, '{"n": 5}']
)


@settings(max_examples=200, deadline=2000)
@given(
    source=PROGRAMS,
    value=ANSWERS,
    answers=st.dictionaries(
        st.sampled_from(["a", "b", "c", "t"]), st.lists(ANSWERS, min_size=1, max_size=3)
    ),
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
