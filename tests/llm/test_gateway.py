"""One attempt at a time, through real litellm and over real sockets."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from time import sleep
from typing import Any

import pytest

from server.core.step_time import Within
from server.llm import gateway as gateway_module
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import Delta, ToolSpec
from server.llm.patience import Limits
from tests.llm.conftest import MODEL, MakeGateway, ask, both_ways
from tests.support.model_server import ModelServer, Reply

pytestmark = pytest.mark.slow

LONG = " ".join(f"word{number}" for number in range(200))
QUERY = {"type": "object", "properties": {"q": {"type": "string"}}}
SEARCH = ToolSpec("search", "Searches.", QUERY)


@both_ways
async def test_text_streams_piece_by_piece(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    models.default = Reply("one two three four", gap=0.01)
    deltas: list[Delta] = []
    answer = await make_gateway(fast).chat(ask(), deltas.append)
    assert [delta.text for delta in deltas] == ["one ", "two ", "three ", "four"]
    assert answer.text == "one two three four"
    assert answer.ttft_ms is not None
    assert answer.ttft_ms < answer.duration_ms
    assert answer.tokens_per_second is not None


async def test_loading_the_library_is_no_time_of_the_step(
    models: ModelServer, make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = make_gateway(True)
    load = gateway_module._load

    def slowly(*given: Any) -> Any:
        sleep(1.2)
        return load(*given)

    monkeypatch.setattr(gateway_module, "_load", slowly)
    models.default = Reply("In time.")
    async with Within(1.0):
        answer = await gateway.chat(ask())
    assert answer.text == "In time."
    models.default = Reply("Too late.", delay=5)
    with pytest.raises(TimeoutError):
        async with Within(0.2):
            await gateway.chat(ask())


@both_ways
async def test_a_tool_call_streams_and_is_whole_at_the_end(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    models.default = Reply("", tool_calls=[("search", {"q": "a b"})], pieces=4)
    deltas: list[Delta] = []
    answer = await make_gateway(fast).chat(ask(tools=(SEARCH,)), deltas.append)
    assert answer.finish_reason == "tool_calls"
    assert answer.tool_calls[0].read_arguments() == {"q": "a b"}
    assert "".join(delta.text for delta in deltas) == answer.tool_calls[0].arguments
    assert {delta.name for delta in deltas} == {"search", None}


@both_ways
async def test_cancel_closes_the_providers_socket(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    models.default = Reply(LONG, gap=0.02)
    begun = asyncio.Event()
    gateway = make_gateway(fast)
    call = asyncio.create_task(gateway.chat(ask(), lambda delta: begun.set()))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(15):
        await models.requests[0].hung_up.wait()


@both_ways
async def test_cancel_before_the_first_byte_closes_the_socket(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    models.default = Reply(hang=True)
    call = asyncio.create_task(make_gateway(fast).chat(ask()))
    await models.wait_for(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(15):
        await models.requests[0].hung_up.wait()


@both_ways
async def test_a_reader_that_raises_ends_the_call_at_the_provider(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    models.default = Reply(LONG, gap=0.02)

    def stop(delta: Delta) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await make_gateway(fast).chat(ask(), stop)
    async with asyncio.timeout(15):
        await models.requests[0].hung_up.wait()


@both_ways
@pytest.mark.parametrize(
    ("reply", "limits", "total", "says"),
    [
        (Reply(hang=True), Limits(first_byte=0.2), None, "sent nothing for 0.2 s"),
        (Reply(LONG, gap=9), Limits(between_bytes=0.2), None, "sent nothing more for 0.2 s"),
        (Reply(LONG, delay=0.3, gap=9), Limits(9, 0.2), None, "sent nothing more for 0.2 s"),
        (Reply(LONG, gap=0.02), Limits(), 0.5, "did not finish within 0.5 s"),
    ],
    ids=["first byte", "between bytes", "between bytes after a wait", "in all"],
)
async def test_time_limits_say_what_was_waited_for(
    models: ModelServer,
    make_gateway: MakeGateway,
    fast: bool,
    reply: Reply,
    limits: Limits,
    total: float | None,
    says: str,
) -> None:
    models.default = reply
    with pytest.raises(ModelError) as caught:
        await make_gateway(fast, limits).chat(ask(timeout=total))
    assert caught.value.kind is ModelErrorKind.TIMEOUT
    assert caught.value.retryable
    assert says in caught.value.message
    async with asyncio.timeout(15):
        await models.requests[-1].hung_up.wait()


@both_ways
async def test_wrong_key_is_one_call_and_says_what_to_set(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    models.keys = ["sk-right"]
    with pytest.raises(ModelError) as caught:
        await make_gateway(fast, OPENAI_API_KEY="sk-wrong-secret").chat(ask())
    error = caught.value
    assert error.kind is ModelErrorKind.PROVIDER_AUTH
    assert not error.retryable
    assert "OPENAI_API_KEY" in str(error.hint)
    assert "sk-wrong-secret" not in f"{error.message}{error.hint}"
    assert models.count() == 1


@both_ways
async def test_endpoint_down_says_where_and_what_to_check(
    make_gateway: MakeGateway, fast: bool
) -> None:
    async with ModelServer() as gone:
        address = gone.url
    with pytest.raises(ModelError) as caught:
        await make_gateway(fast, OPENAI_BASE_URL=address).chat(ask())
    error = caught.value
    assert error.kind is ModelErrorKind.PROVIDER_UNAVAILABLE
    assert error.retryable
    assert f"127.0.0.1:{gone_port(address)} could not be reached" in error.message
    assert "OPENAI_BASE_URL" in str(error.hint)


def gone_port(address: str) -> str:
    return address.rsplit(":", 1)[1].removesuffix("/v1")


@both_ways
async def test_a_host_that_does_not_exist_could_not_be_reached(
    make_gateway: MakeGateway, fast: bool
) -> None:
    with pytest.raises(ModelError) as caught:
        await make_gateway(fast, OPENAI_BASE_URL="http://nowhere.invalid/v1").chat(ask())
    assert caught.value.kind is ModelErrorKind.PROVIDER_UNAVAILABLE
    assert "nowhere.invalid could not be reached" in caught.value.message


@both_ways
@pytest.mark.parametrize("cut_after", [1, 400, 900])
async def test_a_stream_that_breaks_is_no_answer(
    models: ModelServer, make_gateway: MakeGateway, fast: bool, cut_after: int
) -> None:
    models.default = Reply(LONG, cut_after=cut_after)
    with pytest.raises(ModelError) as caught:
        await make_gateway(fast).chat(ask())
    error = caught.value
    assert error.kind is ModelErrorKind.PROVIDER_UNAVAILABLE
    assert error.retryable
    assert "broke off" in error.message
    assert LONG.startswith(error.partial)
    assert bool(error.partial) == (cut_after >= 400)
    assert (error.half is not None) == bool(error.partial)
    if error.half is not None:
        assert error.half.estimated
        assert (error.half.cost or 0) > 0


@both_ways
async def test_half_a_tool_call_never_comes_out(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    models.default = Reply("", tool_calls=[("search", {"q": LONG})], cut_after=1500)
    with pytest.raises(ModelError) as caught:
        await make_gateway(fast).chat(ask(tools=(SEARCH,)))
    assert "broke off" in caught.value.message


async def test_half_an_answer_of_anthropic_is_counted_by_what_came(
    models: ModelServer, make_gateway: MakeGateway
) -> None:
    """It counts what it read at once and what it wrote at the end, which is lost here."""
    models.default = Reply("All of these words " * 20, cut_after=2500)
    gateway = make_gateway(ANTHROPIC_API_KEY="sk-ant", ANTHROPIC_BASE_URL=models.base)
    with pytest.raises(ModelError) as caught:
        await gateway.chat(ask(model="anthropic:claude-haiku-4-5"))
    half = caught.value.half
    assert half is not None
    assert half.estimated
    assert half.usage.output_tokens > 3
    assert half.usage.input_tokens > 0
    assert half.cost


@both_ways
async def test_an_answer_cut_before_its_count_is_kept_and_estimated(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    models.default = Reply("All of the answer", cut_before_usage=True)
    answer = await make_gateway(fast).chat(ask())
    assert answer.text == "All of the answer"
    assert answer.estimated
    assert answer.usage.output_tokens > 0
    assert answer.cost is not None


@both_ways
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"<html><body>Please sign in</body></html>", content_type="text/html"),
        Reply(body=b""),
        Reply(body=b"{not json"),
        Reply(body=b'{"hello": "world"}'),
        Reply(text=""),
    ],
    ids=["html", "empty body", "wrong json", "no choices", "empty text"],
)
async def test_what_is_no_answer_fails_with_a_reason(
    models: ModelServer, make_gateway: MakeGateway, fast: bool, stream: bool, reply: Reply
) -> None:
    models.default = reply
    with pytest.raises(ModelError) as caught:
        await make_gateway(fast).chat(ask(stream=stream))
    # The library says 500, or that the stream broke, of what came with 200.
    assert caught.value.kind in (
        ModelErrorKind.BAD_ANSWER,
        ModelErrorKind.PROVIDER_FAILED,
        ModelErrorKind.PROVIDER_UNAVAILABLE,
    )
    assert caught.value.message
    assert caught.value.hint


async def test_unknown_model_names_the_nearest_ones(
    models: ModelServer, make_gateway: MakeGateway
) -> None:
    models.default = Reply(
        status=404, error="The model `gpt-4o-mni` does not exist", error_code="model_not_found"
    )
    with pytest.raises(ModelError) as caught:
        await make_gateway().chat(ask(model="openai:gpt-4o-mni"))
    assert caught.value.kind is ModelErrorKind.MODEL_UNKNOWN
    assert "gpt-4o-mni" in caught.value.message


@both_ways
async def test_many_calls_at_once_are_not_mixed_up(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    models.default = lambda body: Reply(body["messages"][-1]["content"], delay=0.01)
    gateway = make_gateway(fast)
    calls = [gateway.chat(ask(f"number {number}")) for number in range(60)]
    answers = await asyncio.gather(*calls)
    assert [answer.text for answer in answers] == [f"number {number}" for number in range(60)]


async def test_connections_are_used_again(models: ModelServer, make_gateway: MakeGateway) -> None:
    gateway = make_gateway()
    for stream in (True, False) * 5:
        await gateway.chat(ask(stream=stream))
    assert models.total == 10
    assert models.connections == 1


@both_ways
async def test_a_schema_is_asked_natively_where_the_model_knows_it(
    models: ModelServer, make_gateway: MakeGateway, fast: bool
) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    models.default = Reply('{"a": "b"}')
    await make_gateway(fast).chat(ask(output_schema=schema))
    await make_gateway(fast).chat(ask(output_schema=schema, model="openai:some-local-model"))
    native, told = (request.body for request in models.requests)
    assert native["response_format"]["json_schema"]["schema"] == schema
    assert "response_format" not in told
    assert json.dumps(schema) in told["messages"][0]["content"]


async def test_an_endpoint_without_a_key_is_called_without_one(
    models: ModelServer, make_gateway: MakeGateway
) -> None:
    answer = await make_gateway(OPENAI_API_KEY="").chat(ask(model="llama3.1:8b"))
    assert answer.text == "ok"
    assert answer.unpriced
    assert "authorization" not in models.requests[0].headers
    assert models.requests[0].model == "llama3.1:8b"


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_anthropic_answers_in_its_own_format(
    models: ModelServer, make_gateway: MakeGateway, stream: bool
) -> None:
    gateway = make_gateway(ANTHROPIC_API_KEY="ant-key", ANTHROPIC_BASE_URL=models.base)
    asked = ask(model="anthropic:claude-haiku-4-5", stream=stream)
    models.script("claude-haiku-4-5", Reply("Hello from far away"))
    answer = await gateway.chat(asked)
    assert answer.text == "Hello from far away"
    assert answer.provider == "anthropic"
    assert not answer.estimated
    # One word in (this format keeps the system text apart) at 1 dollar a million, 4 out at 5.
    assert answer.cost == 1 * 1000 + 4 * 5000
    assert models.requests[-1].key == "ant-key"
    models.script("claude-haiku-4-5", Reply("", tool_calls=[("search", {"q": "x"})]))
    answer = await gateway.chat(replace(asked, tools=(SEARCH,)))
    assert answer.tool_calls[0].read_arguments() == {"q": "x"}


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ("groq:openai/gpt-oss-20b", "GROQ_API_KEY"),
        ("anthropic:claude-haiku-4-5", "ANTHROPIC_API_KEY"),
        ("gemini:gemini-2.5-flash", "GEMINI_API_KEY"),
        ("cohere:command-a-03-2025", "COHERE_API_KEY"),
        ("azure:my-deployment", "AZURE_API_KEY"),
        ("nvidia:meta/llama3-70b-instruct", "NVIDIA_NIM_API_KEY"),
        ("mistral:mistral-small-latest", "MISTRAL_API_KEY"),
    ],
)
@pytest.mark.parametrize("status", [401, 503])
async def test_every_provider_is_asked_once(
    models: ModelServer,
    make_gateway: MakeGateway,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    key: str,
    status: int,
) -> None:
    models.default = Reply(status=status, error="No.")
    gateway = make_gateway(AZURE_API_BASE="http://unused.invalid", **{key: "the-secret-key"})
    here = replace(gateway.route(model), api_base=models.url, trusted=True)
    monkeypatch.setattr(gateway.router, "route", lambda name, access: here)
    with pytest.raises(ModelError) as caught:
        await gateway.chat(ask(model=model))
    kind = ModelErrorKind.PROVIDER_AUTH if status == 401 else ModelErrorKind.PROVIDER_FAILED
    assert caught.value.kind is kind
    assert "the-secret-key" not in f"{caught.value.message} {caught.value.hint}"
    if status == 401:
        assert key in str(caught.value.hint)
    assert models.total == 1


async def test_it_streams_while_the_default_model_is_named_by_the_settings(
    models: ModelServer, make_gateway: MakeGateway
) -> None:
    gateway = make_gateway(BALEYBOTS_DEFAULT_MODEL=MODEL)
    answer = await gateway.chat(ask(model=None))
    assert answer.requested_model == MODEL
    assert models.requests[0].model == "gpt-4o-mini"
