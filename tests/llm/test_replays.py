"""Answers without asking: recorded ones, and a cache of equal requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
import pytest_asyncio

from server.bus.redis import open_redis
from server.llm.access import Access
from server.llm.errors import ModelError
from server.llm.messages import ChatRequest, Delta, Message, ModelAnswer, ToolCall, Usage
from server.llm.replays import (
    Answers,
    Cached,
    Recorded,
    RedisAnswers,
    from_bytes,
    question_of,
    to_bytes,
)
from tests.llm.conftest import ask

CALL = ToolCall("call_1", "search", '{"q": 1}')


def answered(text: str, **more: object) -> ModelAnswer:
    taken = Usage(10, 5, cache_write_tokens=2)
    made = ModelAnswer(text, (), taken, "m", "m-1", "openai", 750, False, "stop", 1.0, 9.0)
    return replace(made, **more)  # type: ignore[arg-type]


class Model:
    def __init__(self) -> None:
        self.asked: list[ChatRequest] = []
        self.more: dict[str, object] = {}

    async def chat(self, request: ChatRequest, on_delta: object = None) -> ModelAnswer:
        self.asked.append(request)
        return answered(f"answer {len(self.asked)}", **self.more)


@pytest_asyncio.fixture
async def answers(bus_url: str | None) -> AsyncIterator[Answers]:
    redis = open_redis(bus_url)
    yield RedisAnswers(redis, "wsp_1")
    await redis.aclose(close_connection_pool=True)


def recording(store: dict[str, list[ModelAnswer]]) -> Recorded:
    async def find(key: str) -> Sequence[ModelAnswer]:
        return store.get(key, [])

    return Recorded(find)


async def test_recorded_answers_come_in_their_order_at_no_cost() -> None:
    store: dict[str, list[ModelAnswer]] = defaultdict(list)
    store[question_of(ask("Hi"))] = [answered("one"), answered("two", tool_calls=(CALL,))]
    replay = recording(store)
    deltas: list[Delta] = []
    found = [await replay.chat(ask("Hi", model="openai:other"), deltas.append) for _ in range(3)]
    assert [one.text for one in found] == ["one", "two", "two"]
    assert {(one.cost, one.usage, one.source) for one in found} == {(0, Usage(), "recorded")}
    assert [delta.text for delta in deltas[:3]] == ["one", "two", CALL.arguments]
    with pytest.raises(ModelError, match="No answer to this question was recorded"):
        await replay.chat(ask("Something else"))


async def test_an_equal_request_is_answered_from_the_cache(answers: Answers) -> None:
    model = Model()
    cached = Cached(model, answers)
    first = await cached.chat(ask(cache_seconds=60))
    again = await cached.chat(ask(cache_seconds=60))
    assert (first.text, first.source, first.cost) == ("answer 1", "live", 750)
    assert (again.text, again.source, again.cost) == ("answer 1", "cache", 0)
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    "other",
    [
        ask("Another", cache_seconds=60),
        ask(cache_seconds=60, temperature=0.1),
        ask(cache_seconds=60, model="openai:gpt-4o"),
        ask(cache_seconds=60, output_schema={"type": "object"}),
        ask(cache_seconds=60, access=Access("con_1", "Mine", "openai", "k")),
        ask(cache_seconds=60, repair=True),
        ask(),
    ],
    ids=["input", "temperature", "model", "schema", "connection", "repair", "not wanted"],
)
async def test_what_is_not_equal_or_not_wanted_is_asked(
    answers: Answers, other: ChatRequest
) -> None:
    model = Model()
    cached = Cached(model, answers)
    await cached.chat(ask(cache_seconds=60))
    assert (await cached.chat(other)).source == "live"
    assert len(model.asked) == 2


async def test_half_an_answer_is_not_kept(answers: Answers) -> None:
    model = Model()
    model.more = {"finish_reason": "length"}
    cached = Cached(model, answers)
    for _ in range(2):
        await cached.chat(ask(cache_seconds=60))
    assert len(model.asked) == 2


async def test_it_is_forgotten_in_time(answers: Answers) -> None:
    await answers.keep("k", b"x", 0.001)
    while await answers.find("k") is not None:
        continue
    await answers.keep("k", b"y", 60)
    assert await answers.find("k") == b"y"


async def test_workspaces_do_not_share_answers() -> None:
    redis = open_redis(None)
    one, two = RedisAnswers(redis, "wsp_1"), RedisAnswers(redis, "wsp_2")
    await one.keep("k", b"x", 60)
    assert await two.find("k") is None
    await redis.aclose(close_connection_pool=True)


async def test_without_its_redis_everything_is_asked() -> None:
    redis = open_redis("redis://127.0.0.1:1/0")
    model = Model()
    assert (await Cached(model, RedisAnswers(redis, "w")).chat(ask(cache_seconds=9))).text
    await redis.aclose(close_connection_pool=True)


def test_an_answer_survives_its_bytes() -> None:
    whole = answered("héllo", tool_calls=(CALL,), price={"input": "1.5"})
    assert from_bytes(to_bytes(whole)) == whole


def test_the_ids_of_tool_calls_are_chance_and_do_not_count() -> None:
    def asked(call_id: str, result: str = "found") -> ChatRequest:
        called = Message("assistant", tool_calls=(ToolCall(call_id, "search"),))
        return ChatRequest((called, Message("tool", result, tool_call_id=call_id)))

    assert question_of(asked("a")) == question_of(asked("b"))
    assert question_of(asked("a")) != question_of(asked("a", "other"))
