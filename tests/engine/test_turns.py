"""What is remembered of a model's answer comes back as it was."""

from __future__ import annotations

from dataclasses import asdict

from server.core.jsontext import dumps, loads
from server.llm.messages import ModelAnswer, ToolCall, Usage
from server.llm.replays import answer_of

ANSWER = ModelAnswer(
    text="Let me see.",
    tool_calls=(ToolCall("1", "echo", '{"text": "a"}'),),
    usage=Usage(10, 5, 3, 2),
    requested_model="openai:m",
    model="m-1",
    provider="openai",
    cost=1234,
    estimated=True,
    finish_reason="tool_calls",
    ttft_ms=1.5,
    duration_ms=20.25,
    reasoning="Hm.",
    price={"input": "1.5"},
    left_out=2,
)


def test_an_answer_survives_the_way_through_json() -> None:
    assert answer_of(loads(dumps(asdict(ANSWER)))) == ANSWER


def test_what_a_later_release_adds_is_passed_over() -> None:
    data = asdict(ANSWER) | {"mood": "good"}
    data["usage"]["seconds"] = 3
    data["tool_calls"][0]["signature"] = "x"
    assert answer_of(data) == ANSWER


def test_what_an_earlier_release_did_not_know_has_its_default() -> None:
    data = asdict(ANSWER)
    del data["left_out"], data["price"]
    found = answer_of(data)
    assert (found.left_out, found.price) == (0, None)
