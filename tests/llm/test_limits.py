"""Refusals, half answers and answers beyond every measure, with real litellm both ways."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from server.llm import collector, outgoing
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import ToolSpec
from tests.llm.conftest import MakeGateway, ask, both_ways
from tests.support.model_server import ModelServer, Reply

pytestmark = pytest.mark.slow

SEARCH = ToolSpec("search", "Searches.", {"type": "object", "properties": {"q": {}}})
streamed = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


async def failure(gateway: Any, **asked: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await gateway.chat(ask(**asked))
    assert caught.value.message
    assert caught.value.hint
    return caught.value


@both_ways
@streamed
@pytest.mark.parametrize(
    "reply",
    [
        Reply("", refusal="I can't help with that."),
        Reply("I can't help with that.", finish="content_filter"),
    ],
    ids=["said apart", "filtered"],
)
async def test_a_refusal_by_the_model_is_no_answer_and_not_asked_again(
    models: ModelServer, make_gateway: MakeGateway, fast: bool, stream: bool, reply: Reply
) -> None:
    models.default = reply
    if stream and not fast and reply.refusal:
        # The library drops this frame; what is left is an answer without anything in it.
        assert (await failure(make_gateway(fast))).kind is ModelErrorKind.BAD_ANSWER
        return
    error = await failure(make_gateway(fast), stream=stream)
    assert error.kind is ModelErrorKind.CONTENT_REFUSED
    assert not error.retryable
    assert error.message.startswith("The model “gpt-4o-mini” refuses to answer.")
    assert "I can't help with that." in error.message


@both_ways
@streamed
async def test_text_that_was_cut_off_is_marked(
    models: ModelServer, make_gateway: MakeGateway, fast: bool, stream: bool
) -> None:
    models.default = Reply("Half of the", finish="length")
    answer = await make_gateway(fast).chat(ask(stream=stream))
    assert (answer.text, answer.finish_reason) == ("Half of the", "length")


@both_ways
@streamed
async def test_half_a_tool_call_is_none(
    models: ModelServer, make_gateway: MakeGateway, fast: bool, stream: bool
) -> None:
    models.default = Reply("", tool_calls=[("search", '{"q": "half of')], finish="length")
    error = await failure(make_gateway(fast), stream=stream, tools=(SEARCH,))
    assert "in the middle of a tool call" in error.message
    assert "maxTokens" in str(error.hint)


@both_ways
async def test_nothing_before_the_limit_of_tokens(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    models.default = Reply("", reasoning="Let me think", finish="length")
    error = await failure(make_gateway(fast))
    assert "before it wrote any text" in error.message
    assert not error.retryable


@both_ways
@streamed
async def test_500_tool_calls_at_once_are_too_many(
    models: ModelServer, make_gateway: MakeGateway, fast: bool, stream: bool
) -> None:
    models.default = Reply("", tool_calls=[("search", {"q": number}) for number in range(500)])
    error = await failure(make_gateway(fast), stream=stream, tools=(SEARCH,))
    assert error.kind is ModelErrorKind.BAD_ANSWER
    assert "more than 128 tool calls at once" in error.message
    assert not error.retryable


@both_ways
@streamed
async def test_many_tool_calls_within_the_limit_all_come(
    models: ModelServer, make_gateway: MakeGateway, fast: bool, stream: bool
) -> None:
    models.default = Reply("", tool_calls=[("search", {"q": number}) for number in range(100)])
    answer = await make_gateway(fast).chat(ask(stream=stream, tools=(SEARCH,)))
    found = [call.read_arguments() for call in answer.tool_calls]
    assert found == [{"q": number} for number in range(100)]


@both_ways
@streamed
async def test_endless_text_is_stopped(
    models: ModelServer,
    make_gateway: MakeGateway,
    fast: bool,
    stream: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collector, "MOST_CHARACTERS", 1000)
    models.default = Reply("word " * 5000, pieces=50)
    error = await failure(make_gateway(fast), stream=stream)
    assert error.kind is ModelErrorKind.BAD_ANSWER
    assert "it was stopped" in error.message
    assert not error.retryable


async def test_a_body_beyond_the_cap_is_not_read_to_its_end(
    models: ModelServer, make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "LONGEST_ANSWER", 1024 * 1024)
    models.default = Reply(body=b'{"x": "' + b"y" * 2 * 1024 * 1024 + b'"}')
    error = await failure(make_gateway(False), stream=False)
    assert "more than 1 MiB" in error.message
    assert len(error.partial) <= 64 * 1024


async def test_an_answer_that_unfolds_is_refused_where_the_library_would_unfold_it(
    models: ModelServer, make_gateway: MakeGateway
) -> None:
    packed = gzip.compress(bytes(50 * 1024 * 1024))
    models.default = Reply(body=packed, headers={"content-encoding": "gzip"})
    error = await failure(make_gateway(False), stream=False)
    assert "packed" in error.message
    assert models.requests[0].headers["accept-encoding"] == "identity"


@both_ways
@streamed
async def test_tokens_that_went_into_the_providers_cache_have_their_own_price(
    models: ModelServer, make_gateway: MakeGateway, fast: bool, stream: bool
) -> None:
    details = {"cached_tokens": 200, "cache_creation_tokens": 300}
    models.default = Reply(
        usage={"prompt_tokens": 1000, "completion_tokens": 1, "prompt_tokens_details": details}
    )
    answer = await make_gateway(fast).chat(ask(stream=stream))
    assert (answer.usage.cached_tokens, answer.usage.cache_write_tokens) == (200, 300)


@both_ways
async def test_a_model_nobody_has_heard_of_gets_the_nearest_names(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    """At the provider's own address; an endpoint of one's own has names of its own."""
    models.models = ("llama3.1:8b", "qwen3:4b")
    models.default = Reply(status=404, error="model 'lama3.1' not found, try pulling it first")
    error = await failure(make_gateway(fast), model="openai:lama3.1")
    assert error.kind is ModelErrorKind.MODEL_UNKNOWN
    assert error.hint == "Did you mean openai:llama3.1:8b?"
