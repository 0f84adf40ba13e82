"""Models that are asked over OpenAI's other API, `/responses`, and those whose list calls them
models of plain completion: what is offered can be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date
from json import dumps, loads
from typing import Any

import pytest
import pytest_asyncio

from server.connections.providers import OPENAI
from server.core.net.policy import NetPolicy
from server.core.settings import load_settings
from server.llm import litellm_client
from server.llm.access import Access
from server.llm.catalogue import catalogue
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.fast import FastPath
from server.llm.gateway import Gateway
from server.llm.messages import ChatRequest, Delta, ModelAnswer, ToolSpec
from server.llm.routing import Route
from server.llm.structured import ANSWER_TOOL
from server.llm.wire import make_call
from tests.llm.conftest import ask
from tests.llm.test_parity import AFTER_A_TOOL, CALLS, COUNTED, SCHEMA, TWO_CALLS, WEATHER
from tests.support.model_server import ModelServer, Reply

pytestmark = pytest.mark.slow

ASKED = {
    "openai:gpt-5-codex": "/v1/responses",
    "azure:gpt-5-codex": "/openai/responses?api-version=2025-04-01-preview",
    "azure/v1:gpt-5-codex": "/openai/v1/responses?api-version=v1",
    "perplexity:openai/gpt-5-mini": "/v1/responses",
    "perplexity:preset/pro-search": "/v1/responses",
    "xai:grok-4.20-multi-agent": "/v1/responses",
    "ollama:mistral": "/api/chat",
    "cohere:command-nightly": "/v2/chat",
    "together:meta-llama/Meta-Llama-3.1-8B": "/v1/chat/completions",
    "azure/v1:gpt-4o-mini": "/openai/v1/chat/completions",
    "azure/latest:gpt-4o-mini": "/openai/v1/chat/completions",
    "azure/preview:gpt-4o-mini": "/openai/v1/chat/completions",
}
BASES = {"azure": "", "ollama": "", "cohere": "/v2/chat", "perplexity": ""}
AZURE = "2025-04-01-preview"
Send = Callable[[str, ChatRequest], Awaitable[tuple[ModelAnswer, list[Delta]]]]


@pytest_asyncio.fixture
async def send(models: ModelServer) -> AsyncIterator[Send]:
    """Through a connection to the scripted server, as a bot would ask."""
    policy = NetPolicy([f"127.0.0.1:{models.port}"])
    gateway = Gateway(load_settings({}), policy=policy)

    async def send(model: str, request: ChatRequest) -> tuple[ModelAnswer, list[Delta]]:
        named, _, name = model.partition(":")
        house, _, version = named.partition("/")
        base = models.base + BASES.get(house, "/v1")
        extra = {"api_version": version or AZURE} if house == "azure" else {}
        access = Access("con_1", "Mine", house, "key-1234", base, extra=extra)
        deltas: list[Delta] = []
        asked = replace(request, model=f"{house}:{name}", access=access)
        return await gateway.chat(asked, deltas.append), deltas

    yield send
    await gateway.close()


both = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


@both
@pytest.mark.parametrize("model", ASKED)
async def test_what_is_offered_answers_with_text_and_tools_and_its_usage(
    models: ModelServer, send: Send, model: str, stream: bool
) -> None:
    models.default = Reply("Hello there, “world”", usage=COUNTED)
    said, deltas = await send(model, ask(stream=stream, max_tokens=90))
    assert "".join(one.text for one in deltas) == said.text == "Hello there, “world”"
    assert "90" in str(models.requests[0].body)
    models.default = TWO_CALLS
    called, _ = await send(model, ask(stream=stream, tools=(WEATHER,)))
    assert "get_weather" in str(models.requests[-1].body)
    assert [(one.name, one.read_arguments()) for one in called.tool_calls] == CALLS
    models.default = _filled
    filled, _ = await send(model, ask(stream=stream, output_schema=SCHEMA))
    assert loads(filled.text) == {"title": "A", "score": 1}
    models.default = Reply("It is sunny.")
    after, _ = await send(model, replace(AFTER_A_TOOL, stream=stream))
    assert after.text == "It is sunny."
    assert "sunny" in str(models.requests[-1].body)
    assert [one.path for one in models.requests] == [ASKED[model]] * 4
    assert {one.key for one in models.requests} == {"key-1234"}
    assert (said.usage.input_tokens, said.usage.output_tokens) == (50, 20)


@both
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(status=401, error="Invalid key key-1234."), ModelErrorKind.PROVIDER_AUTH),
        (Reply(status=429, error="Slow down."), ModelErrorKind.RATE_LIMITED),
        (Reply(status=500, error="It broke."), ModelErrorKind.PROVIDER_FAILED),
        (Reply(status=400, error="Not like that."), ModelErrorKind.BAD_REQUEST),
    ],
    ids=["key", "too many", "broken", "refused"],
)
@pytest.mark.parametrize("model", [model for model in ASKED if "responses" in ASKED[model]])
async def test_failures_are_told_apart_and_asked_once(
    models: ModelServer, send: Send, model: str, stream: bool, reply: Reply, kind: ModelErrorKind
) -> None:
    models.default = reply
    with pytest.raises(ModelError) as caught:
        await send(model, ask(stream=stream))
    assert caught.value.kind is kind
    assert "key-1234" not in f"{caught.value} {caught.value.hint}"
    assert models.total == 1


async def test_a_stream_that_is_cut_is_no_answer(models: ModelServer, send: Send) -> None:
    models.default = Reply("All of these words " * 90, cut_after=4_000)
    with pytest.raises(ModelError, match="broke off its answer after"):
        await send("openai:gpt-5-codex", ask())


@pytest.mark.parametrize(
    ("model", "tools", "path"),
    [
        ("azure:gpt-5.4", (WEATHER,), "/openai/responses"),
        ("azure:gpt-5.4", (), "/openai/deployments/gpt-5.4/chat/completions"),
        ("azure:gpt-5-mini", (WEATHER,), "/openai/deployments/gpt-5-mini/chat/completions"),
    ],
)
async def test_a_newer_model_gets_its_tools_over_the_api_that_takes_them(
    models: ModelServer, send: Send, model: str, tools: tuple[ToolSpec, ...], path: str
) -> None:
    models.default = TWO_CALLS if tools else Reply("ok")
    answer, _ = await send(model, ask(tools=tools))
    assert len(answer.tool_calls) == (2 if tools else 0)
    assert models.requests[0].path.startswith(path)


async def test_the_api_is_chosen_by_the_address_and_never_by_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://models.example.org/v1")
    fast = FastPath(litellm_client.load(), NetPolicy())

    def carries(model: str, base: str | None = None) -> bool:
        route = Route(model, OPENAI, model, "key-1234", base)
        call = make_call(route, ask(tools=(WEATHER,)), "words")
        return fast.carries(call, catalogue().find(OPENAI, model))

    assert carries("gpt-4o-mini")
    assert carries("gpt-5-mini")
    assert not carries("gpt-5.4")
    assert carries("gpt-5.4", "https://models.example.org/v1")


async def test_a_model_that_only_searches_is_not_offered_and_says_why(
    models: ModelServer, send: Send
) -> None:
    offered = await Gateway(load_settings({"OPENAI_API_KEY": "k"})).models(date(2026, 6, 1))
    names = {one.id for one in offered}
    assert "openai:o3-pro" in names
    assert not [name for name in names if "deep-research" in name]
    with pytest.raises(ModelError, match="needs a search of OpenAI's own") as caught:
        await send("openai:o3-deep-research", ask())
    assert not caught.value.retryable
    assert models.total == 0


def _filled(body: dict[str, Any]) -> Reply:
    """As a call where it was asked as a tool, else in words."""
    given = {"title": "A", "score": 1}
    return (
        Reply("", tool_calls=[(ANSWER_TOOL, given)]) if body.get("tools") else Reply(dumps(given))
    )
