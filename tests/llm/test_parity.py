"""The fast path asks and answers exactly as `acompletion` does: that is what makes it allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from server.connections.providers import BY_NAME, PROVIDERS
from server.core.net.policy import NetPolicy
from server.llm import litellm_client
from server.llm.catalogue import catalogue
from server.llm.collector import Collector
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.fast import FastPath
from server.llm.messages import ChatRequest, Delta, Message, ModelAnswer, ToolCall, ToolSpec
from server.llm.patience import Limits, Patience
from server.llm.routing import Route
from server.llm.structured import Modes
from server.llm.wire import Call, make_call
from tests.llm.conftest import MakeGateway, ask
from tests.support.model_server import ModelServer, Reply

pytestmark = pytest.mark.slow

WEATHER = ToolSpec(
    "get_weather",
    "Tells the weather of a city.",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
)
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "score": {"type": "number"}},
    "required": ["title", "score"],
    "additionalProperties": False,
}
CALLS = [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Ö"})]
TWO_CALLS = Reply("", tool_calls=CALLS)
AFTER_A_TOOL = ChatRequest(
    model="openai:gpt-4o-mini",
    messages=(
        Message("user", "Weather?"),
        Message("assistant", "", (ToolCall("call_0", "get_weather", '{"city":"Paris"}'),)),
        Message("tool", "sunny", tool_call_id="call_0"),
    ),
    tools=(WEATHER,),
)
COUNTED = {
    "prompt_tokens": 50,
    "completion_tokens": 20,
    "total_tokens": 70,
    "prompt_tokens_details": {"cached_tokens": 30},
    "completion_tokens_details": {"reasoning_tokens": 8},
}

CACHED = COUNTED | {
    "prompt_tokens_details": {"cached_tokens": 30, "cache_creation_tokens": 15},
    "completion_tokens_details": None,
}

DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
SEEN = (Message("user", "What is it? (image 1)", images=(DOT,)),)

CASES = {
    "text": (ask(), Reply("Hello there, “world” — ünï 🎈 code")),
    "one word many times": (ask(), Reply(" ".join(["and"] * 300))),
    "settings": (ask(temperature=0.2, max_tokens=50), Reply("A fixed answer")),
    "tools": (ask(tools=(WEATHER,)), TWO_CALLS),
    "after a tool": (AFTER_A_TOOL, Reply("It is sunny.")),
    "schema": (ask(output_schema=SCHEMA), Reply('{"title": "A", "score": 1}')),
    "usage": (ask(), Reply("Counted", usage=COUNTED)),
    "no usage": (ask(), Reply("Not counted", usage=None)),
    "cut short": (ask(max_tokens=3), Reply("One two three", finish="length")),
    "reasoning model": (
        ask(model="openai:o4-mini", reasoning="low", max_tokens=90, temperature=0.5),
        Reply("Thought about it"),
    ),
    "gpt-5": (
        ask(model="openai:gpt-5-mini", reasoning=True, max_tokens=90, temperature=0.5),
        Reply("Thought about it"),
    ),
    "unlisted model": (ask(model="openai:acme/own:7b", reasoning=True), Reply("I am your own")),
    "read again": (ask(), Reply("Read again", usage=CACHED)),
    "two words of JSON": (ask(output_schema=SCHEMA, tools=(WEATHER,)), TWO_CALLS),
    "an image": (replace(ask(), messages=SEEN), Reply("A dot")),
    "thinking shown": (
        ask(model="openai:qwen3"),
        Reply("Four", reasoning="Two and two", usage=COUNTED),
    ),
}
FAILURES = {
    "wrong key": Reply(status=401, error="Incorrect API key provided: sk-test-1234."),
    "forbidden": Reply(status=403, error="Your account may not use this model."),
    "unknown model": Reply(
        status=404, error="The model `gpt-4o-mini` does not exist.", error_code="model_not_found"
    ),
    "wrong address": Reply(status=404, error="Not Found"),
    "too long": Reply(
        status=400,
        error="This model's maximum context length is 128000 tokens. Your messages are longer.",
        error_code="context_length_exceeded",
    ),
    "bad request": Reply(status=400, error="Invalid value for temperature."),
    "too many calls": Reply(status=429, error="Slow down.", headers={"retry-after": "7"}),
    "no credit": Reply(
        status=429, error="You exceeded your current quota.", error_code="insufficient_quota"
    ),
    "crashed": Reply(status=500, error="The server had an error."),
    "overloaded": Reply(status=503, error="Overloaded."),
    "overloaded 529": Reply(status=529, error="Overloaded."),
    "filtered": Reply(
        status=400, error="Content management policy.", error_code="content_policy_violation"
    ),
}


BREAKS = {"fails in the middle": Reply("Well then", stream_error="Overloaded")}
# Where the library is wrong and the fast path is not: see the last tests.
BETTER = {
    "ollama": {"tools", "two words of JSON", "thinking shown", *BREAKS},
    "anthropic": {"no usage"},
    "gemini": {"no usage"},
    "fireworks": {"two words of JSON"},
}


BothWays = Callable[[str, str, str, ChatRequest], Awaitable[tuple[object, ...]]]


@pytest_asyncio.fixture
async def both(models: ModelServer) -> AsyncIterator[BothWays]:
    """Sends a request one way; gives what came of it and what was sent."""
    litellm = litellm_client.load()
    policy = NetPolicy()
    fast = FastPath(litellm, policy)

    async def slow(call: Call, collector: Collector, patience: Patience) -> None:
        await litellm_client.complete(litellm, policy, call, collector, patience)

    async def apart(call: Call, collector: Collector, patience: Patience) -> None:
        try:
            await slow(call, collector, patience)
        finally:
            await litellm_client.close()

    async def send(way: str, name: str, model: str, request: ChatRequest) -> tuple[object, ...]:
        provider = BY_NAME[name]
        base = models.base if name == "ollama" else models.url
        route = Route(f"{name}:{model}", provider, model, "sk-test-1234", base, trusted=True)
        mode = Modes().mode(route, request, catalogue().find(provider, model))
        call = make_call(route, request, mode)
        collector = Collector(None)
        try:
            async with Patience(Limits(), None) as patience:
                if way == "fast":
                    await fast.complete(call, collector, patience)
                elif name == "ollama":
                    # The library asks Ollama about itself and holds the loop meanwhile.
                    work = apart(call, collector, patience)
                    await asyncio.to_thread(asyncio.run, work)
                else:
                    await slow(call, collector, patience)
        except ModelError as error:
            return (_told(error),)
        sent = [one for one in models.requests if not one.path.endswith("/api/show")][-1]
        if name == "huggingface":  # the library sends it on, by mistake
            sent.body.pop("max_retries", None)
        calls = [(one.name, one.read_arguments()) for one in collector.tool_calls]
        got = (collector.text, collector.reasoning, calls, collector.usage)
        return (*got, collector.finish_reason, sent.body, sent.path, sent.key)

    yield send
    await fast.close()
    await litellm_client.close()


FAST = {
    "openai": "gpt-4o-mini",
    "mistral": "mistral-small-latest",
    "deepseek": "deepseek-chat",
    "openrouter": "openai/gpt-4o-mini",
    "xai": "grok-4.3",
    "together": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "fireworks": "accounts/fireworks/models/deepseek-v3",
    "perplexity": "sonar",
    "cerebras": "llama3.1-8b",
    "nvidia": "meta/llama3-70b-instruct",
    "groq": "openai/gpt-oss-20b",
    "anthropic": "claude-haiku-4-5",
    "gemini": "gemini-2.5-flash",
    "huggingface": "meta-llama/Llama-3.3-70B-Instruct",
    "azure": "gpt-4o-mini",
    "ollama": "llama3.2",
}
OWN_PLACE = ("azure", "ollama")


def test_every_fast_provider_is_in_these_tests() -> None:
    assert set(FAST) == {provider.name for provider in PROVIDERS if provider.fast}


@pytest.mark.parametrize("name", [name for name in FAST if name not in OWN_PLACE])
def test_the_address_is_the_librarys_own(name: str) -> None:
    provider = BY_NAME[name]
    model = f"{provider.litellm}/{FAST[name]}"
    known = litellm_client.load().get_llm_provider(model=model, api_key="k")[3]
    # The library keeps the addresses of these inside of its calls.
    inside = {
        "openai": "https://api.openai.com/v1",
        "openrouter": "https://openrouter.ai/api/v1",
        "anthropic": "https://api.anthropic.com",
        "gemini": "https://generativelanguage.googleapis.com",
        "huggingface": "https://router.huggingface.co/v1",
    }
    assert provider.address == (known or inside[name])


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("name", FAST)
async def test_fast_path_does_the_same_for_every_provider(
    models: ModelServer, both: BothWays, name: str, stream: bool
) -> None:
    # The library asks NVIDIA three times whatever it is told: see the next test.
    wanted = {} if name == "nvidia" else FAILURES
    failing = {case: (ask(), reply) for case, reply in (wanted | BREAKS).items()}
    alike = [one for one in (CASES | failing).items() if one[0] not in BETTER.get(name, ())]
    differing: list[str] = []
    for case, (request, reply) in alike:
        models.default = reply
        request = replace(request, stream=stream)
        fast, slow = [await both(way, name, FAST[name], request) for way in ("fast", "slow")]
        if fast != slow:
            differing.append(f"{case}: {fast} {slow}")
    assert not differing
    asked = [one for one in models.requests if not one.path.endswith("/api/show")]
    assert len(asked) == 2 * len(alike)


KINDS = {
    "wrong key": (ModelErrorKind.PROVIDER_AUTH, False),
    "forbidden": (ModelErrorKind.PROVIDER_AUTH, False),
    "unknown model": (ModelErrorKind.MODEL_UNKNOWN, False),
    "wrong address": (ModelErrorKind.PROVIDER_UNAVAILABLE, False),
    "too long": (ModelErrorKind.CONTEXT_TOO_LONG, False),
    "bad request": (ModelErrorKind.BAD_REQUEST, False),
    "too many calls": (ModelErrorKind.RATE_LIMITED, True),
    "no credit": (ModelErrorKind.RATE_LIMITED, False),
    "crashed": (ModelErrorKind.PROVIDER_FAILED, True),
    "overloaded": (ModelErrorKind.PROVIDER_FAILED, True),
    "overloaded 529": (ModelErrorKind.PROVIDER_FAILED, True),
    "filtered": (ModelErrorKind.BAD_REQUEST, False),  # the code for it is OpenAI's
}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_nvidia_is_asked_once_and_its_failures_are_told_apart(
    models: ModelServer, both: BothWays, stream: bool
) -> None:
    assert set(KINDS) == set(FAILURES)
    found: dict[str, object] = {}
    for number, (case, reply) in enumerate(FAILURES.items(), 1):
        models.default = reply
        (told,) = await both("fast", "nvidia", FAST["nvidia"], ask(stream=stream))
        found[case] = (told[0], told[3])  # type: ignore[index]
        assert models.total == number
    assert found == KINDS


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("case", CASES)
async def test_fast_path_sends_and_reads_the_same(
    models: ModelServer, make_gateway: MakeGateway, case: str, stream: bool
) -> None:
    request, reply = CASES[case]
    models.default = reply
    request = replace(request, stream=stream)
    seen: list[tuple[ModelAnswer, list[Delta], dict[str, Any]]] = []
    for fast in (True, False):
        deltas: list[Delta] = []
        answer = await make_gateway(fast).chat(request, deltas.append)
        seen.append((_without_times(answer), _joined(deltas), models.requests[-1].body))
    assert seen[0] == seen[1]
    assert seen[0][0].text == ("" if reply.tool_calls else reply.text)
    assert models.requests[0].key == models.requests[1].key == "sk-test-1234"


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("case", FAILURES)
async def test_fast_path_fails_the_same(
    models: ModelServer, make_gateway: MakeGateway, case: str, stream: bool
) -> None:
    models.default = FAILURES[case]
    failures: list[tuple[object, ...]] = []
    for fast in (True, False):
        with pytest.raises(ModelError) as caught:
            await make_gateway(fast).chat(ask(stream=stream))
        error = caught.value
        failures.append(
            (
                error.kind,
                error.message,
                error.hint,
                error.retryable,
                error.retry_after,
                error.status,
            )
        )
    assert failures[0] == failures[1]
    assert models.total == 2
    assert "sk-test-1234" not in str(failures)


async def test_each_tool_call_of_ollama_is_a_call_of_its_own(
    models: ModelServer, both: BothWays
) -> None:
    models.default = TWO_CALLS
    got = await both("fast", "ollama", "llama3.2", ask(tools=(WEATHER,)))
    assert got[2] == [(name, arguments) for name, arguments in CALLS]


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini", "ollama"])
@pytest.mark.parametrize("cut", [1, 500, 900], ids=["at once", "in the text", "later"])
async def test_a_stream_that_is_cut_is_never_taken_for_an_answer(
    models: ModelServer, both: BothWays, name: str, cut: int
) -> None:
    models.default = Reply("All of these words " * 30, cut_after=cut)
    (told,) = await both("fast", name, FAST[name], ask())
    assert "broke off its answer" in str(told)


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini", "ollama"])
async def test_an_error_in_the_middle_of_a_stream_may_be_tried_again(
    models: ModelServer, both: BothWays, name: str
) -> None:
    models.default = Reply("Well then", stream_error="Overloaded")
    (told,) = await both("fast", name, FAST[name], ask())
    assert "It says: “" in str(told)
    assert "Overloaded”" in str(told)
    assert told[3] is True  # type: ignore[index]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("name", ["anthropic", "gemini", "ollama"])
async def test_what_a_provider_did_not_count_is_not_taken_for_nothing(
    models: ModelServer, both: BothWays, name: str, stream: bool
) -> None:
    models.default = Reply("Not counted", usage=None)
    got = await both("fast", name, FAST[name], ask(stream=stream))
    assert got[0] == "Not counted"
    if name != "ollama" or stream:
        assert got[3] is None


@pytest.mark.parametrize("way", ["fast", "slow"])
@pytest.mark.parametrize("name", ["xai", "gemini"])
async def test_a_wrong_key_that_is_called_a_wrong_request_is_a_wrong_key(
    models: ModelServer, both: BothWays, name: str, way: str
) -> None:
    said = "API key not valid." if name == "gemini" else "Incorrect API key provided: sk."
    models.default = Reply(status=400, error=said)
    (told,) = await both(way, name, FAST[name], ask())
    assert told[0] is ModelErrorKind.PROVIDER_AUTH  # type: ignore[index]
    assert models.total == 1


def _told(error: ModelError) -> tuple[object, ...]:
    said = (error.kind, error.message, error.hint)
    return (*said, error.retryable, error.retry_after, error.status)


def _without_times(answer: ModelAnswer) -> ModelAnswer:
    return replace(answer, ttft_ms=None, duration_ms=0.0)


def _joined(deltas: list[Delta]) -> list[Delta]:
    """What was told, without how it was cut."""
    told: dict[tuple[str, int], Delta] = {}
    for delta in deltas:
        before = told.get((delta.kind, delta.index))
        told[delta.kind, delta.index] = (
            replace(before, text=before.text + delta.text) if before else delta
        )
    return list(told.values())
