"""Providers that are no part of the fast path: through `acompletion`, each in its own format."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from json import loads
from typing import Any

import pytest
import pytest_asyncio

from server.connections.providers import BY_NAME, PROVIDERS
from server.core.net.policy import NetPolicy
from server.llm import litellm_client
from server.llm.catalogue import catalogue
from server.llm.collector import Collector
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import ChatRequest, Delta, Usage
from server.llm.patience import Limits, Patience
from server.llm.routing import Route
from server.llm.structured import ANSWER_TOOL, Modes
from server.llm.wire import make_call
from tests.llm.conftest import ask
from tests.llm.test_parity import AFTER_A_TOOL, CALLS, SCHEMA, TWO_CALLS, WEATHER
from tests.support.model_server import ModelServer, Reply

pytestmark = pytest.mark.slow

COUNTED = {"prompt_tokens": 50, "completion_tokens": 20}
SLOW = {
    "bedrock": ("anthropic.claude-3-haiku-20240307-v1:0", ""),
    "cohere": ("command-a-03-2025", "/v2/chat"),
}
EXTRA = {"aws_secret_access_key": "not-a-secret", "aws_region_name": "eu-central-1"}
Send = Callable[[str, ChatRequest], Awaitable[tuple[Collector, list[Delta]]]]


@pytest_asyncio.fixture
async def send(models: ModelServer) -> AsyncIterator[Send]:
    litellm = litellm_client.load()

    async def send(name: str, request: ChatRequest) -> tuple[Collector, list[Delta]]:
        provider, (model, path) = BY_NAME[name], SLOW[name]
        extra = EXTRA if name == "bedrock" else {}
        base = models.base + path
        route = Route(model, provider, model, "key-1234", base, extra=extra, trusted=True)
        mode = Modes().mode(route, request, catalogue().find(provider, model))
        deltas: list[Delta] = []
        answer_tool = ANSWER_TOOL if mode == "tool" and request.output_schema else None
        collector = Collector(deltas.append, answer_tool)
        call = make_call(route, request, mode)
        async with Patience(Limits(), None) as patience:
            await litellm_client.complete(litellm, NetPolicy(), call, collector, patience)
        return collector, deltas

    yield send
    await litellm_client.close()


def test_these_are_all() -> None:
    assert set(SLOW) == {provider.name for provider in PROVIDERS if not provider.fast}


both = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


@both
@pytest.mark.parametrize("name", SLOW)
async def test_text_tools_and_structure_come_with_their_usage(
    models: ModelServer, send: Send, name: str, stream: bool
) -> None:
    models.default = Reply("Hello there, “world”", usage=COUNTED)
    said, deltas = await send(name, ask(stream=stream, max_tokens=90))
    assert "".join(one.text for one in deltas) == said.text == "Hello there, “world”"
    assert said.usage == Usage(50, 20)
    assert len([one for one in deltas if one.text]) > 1 or not (stream and BY_NAME[name].streams)

    models.default = TWO_CALLS
    called, _ = await send(name, ask(stream=stream, tools=(WEATHER,)))
    assert [(one.name, one.read_arguments()) for one in called.tool_calls] == CALLS

    models.default = Reply("It is sunny.")
    after, _ = await send(name, replace(AFTER_A_TOOL, stream=stream))
    assert after.text == "It is sunny."
    assert "sunny" in str(models.requests[-1].body)

    models.default = _structured
    filled, _ = await send(name, ask(stream=stream, output_schema=SCHEMA))
    assert loads(filled.text) == {"title": "A", "score": 1}
    assert models.total == 4


@both
@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize(
    ("reply", "kind", "retryable"),
    [
        (Reply(status=401, error="Invalid key key-1234."), ModelErrorKind.PROVIDER_AUTH, False),
        (Reply(status=429, error="Slow down."), ModelErrorKind.RATE_LIMITED, True),
        (Reply(status=500, error="It broke."), ModelErrorKind.PROVIDER_FAILED, True),
        (Reply(status=400, error="Not like that."), ModelErrorKind.BAD_REQUEST, False),
        (
            Reply(status=400, error="The prompt is too long: maximum context length is 8 tokens."),
            ModelErrorKind.CONTEXT_TOO_LONG,
            False,
        ),
    ],
    ids=["key", "too many", "broken", "refused", "too long"],
)
async def test_failures_are_told_apart_and_asked_once(
    models: ModelServer,
    send: Send,
    name: str,
    stream: bool,
    reply: Reply,
    kind: ModelErrorKind,
    retryable: bool,
) -> None:
    models.default = reply
    with pytest.raises(ModelError) as caught:
        await send(name, ask(stream=stream))
    assert (caught.value.kind, caught.value.retryable) == (kind, retryable)
    assert "key-1234" not in f"{caught.value} {caught.value.hint}"
    assert models.total == 1


@pytest.mark.parametrize("name", [name for name in SLOW if BY_NAME[name].streams])
async def test_a_stream_that_is_cut_is_no_answer(
    models: ModelServer, send: Send, name: str
) -> None:
    models.default = Reply("All of these words " * 90, cut_after=4_000)
    with pytest.raises(ModelError, match="broke off its answer after"):
        await send(name, ask())


def _structured(body: dict[str, Any]) -> Reply:
    """As a call where it was asked as a tool, else in words."""
    tools = body.get("tools") or body.get("toolConfig")
    given = {"title": "A", "score": 1}
    if tools:
        return Reply("", tool_calls=[(ANSWER_TOOL, given)])
    return Reply('{"title": "A", "score": 1}')
