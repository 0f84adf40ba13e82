"""What is read of a piece without the library is what it reads; all others are left to it."""

from __future__ import annotations

from typing import Any

import pytest

from server.llm import litellm_client
from server.llm.collector import Collector
from server.llm.pieces import openai_counts, openai_piece

HEAD: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
COUNTS = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}


def piece(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
    return {**HEAD, "choices": [choice], "usage": None, **more}


def counts(**more: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [], "usage": {**COUNTS, **more}}


PLAIN = [
    piece({"role": "assistant", "content": "", "refusal": None}),
    piece({"content": "Hello"}),
    piece({"content": None}),
    piece({}, "stop"),
    counts(),
    counts(
        prompt_tokens_details={"cached_tokens": 4, "audio_tokens": 0},
        completion_tokens_details={"reasoning_tokens": 3, "accepted_prediction_tokens": 0},
    ),
    counts(prompt_tokens_details=None),
]
OTHERS = [
    piece({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]}),
    piece({"content": "x", "reasoning_content": "hm"}),
    piece({"content": "x", "reasoning": "hm"}),
    piece({"content": [{"type": "text", "text": "x"}]}),
    piece({"refusal": "No."}),
    piece({}, "tool_calls"),
    piece({}, "eos"),
    piece({"content": "x"}, usage=COUNTS),
    {**HEAD, "choices": [{"index": 0, "text": "x"}]},
    {**HEAD, "choices": [{"delta": {"content": "x"}}, {"delta": {"content": "y"}}]},
    {**HEAD, "choices": None},
    {"error": {"message": "too many", "code": 429}, "choices": []},
    counts(prompt_cache_hit_tokens=5),
    counts(prompt_tokens_details={"cache_write_tokens": 5}),
    {**HEAD, "choices": [], "usage": {**COUNTS, "prompt_tokens": "12"}},
    {**HEAD, "choices": []},
    {**HEAD, "choices": [], "usage": {**COUNTS, "prompt_tokens": {"cached_tokens": 1}}},
    counts(prompt_tokens_details={"cached_tokens": {"audio_tokens": 1}}),
]


@pytest.mark.slow
@pytest.mark.parametrize("chunk", PLAIN)
def test_a_plain_piece_comes_to_the_same_as_by_the_library(chunk: dict[str, Any]) -> None:
    litellm_client.load()
    from litellm.llms.openai.chat.gpt_transformation import OpenAIChatCompletionStreamingHandler

    library = OpenAIChatCompletionStreamingHandler(iter(()), False).chunk_parser
    found = openai_piece(chunk) or openai_counts(chunk)
    assert found is not None
    assert collected(found) == collected(library(chunk))


@pytest.mark.parametrize("chunk", OTHERS)
def test_everything_else_is_left_to_the_library(chunk: dict[str, Any]) -> None:
    assert openai_piece(chunk) is None
    assert openai_counts(chunk) is None


def collected(chunk: Any) -> tuple[Any, ...]:
    collector = Collector(None)
    collector.add_chunk(chunk)
    return collector.text, collector.usage, collector.finish_reason, collector.model
