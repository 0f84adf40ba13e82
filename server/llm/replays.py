"""Answers without asking: stored ones replayed at no cost (recorded mode), and equal requests
answered once (a cache that an entity opts into). Both stand in front of a gateway and look like
one."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, Protocol

import orjson

from server.bus.redis import AWAY
from server.llm.collector import OnDelta
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import (
    ChatRequest,
    Delta,
    Message,
    ModelAnswer,
    Source,
    ToolCall,
    Usage,
)

LONGEST_CACHED_SECONDS = 30 * 86_400
_WHOLE = frozenset({"stop", "tool_calls"})
_PATIENCE_SECONDS = 0.5


class Chats(Protocol):
    async def chat(self, request: ChatRequest, on_delta: OnDelta | None = None) -> ModelAnswer: ...


class Answers(Protocol):
    """Where stored answers are: for one workspace, as whoever opens it sees to."""

    async def find(self, key: str) -> bytes | None: ...

    async def keep(self, key: str, answer: bytes, seconds: float) -> None: ...


Recording = Callable[[str], Awaitable[Sequence[ModelAnswer]]]


class Recorded:
    """`recording` gives the answers to a question in the order in which they were given; the last
    one stands for all later ones. Nothing is ever asked."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._asked: Counter[str] = Counter()

    async def chat(self, request: ChatRequest, on_delta: OnDelta | None = None) -> ModelAnswer:
        key = question_of(request)
        answers = await self._recording(key)
        if not answers:
            raise ModelError(
                ModelErrorKind.BAD_REQUEST,
                "No answer to this question was recorded.",
                "Run it live once with the same text and input, or choose another mode.",
            )
        place = self._asked[key]
        self._asked[key] += 1
        return _replayed(answers[min(place, len(answers) - 1)], "recorded", on_delta)


class Cached:
    """In front of `behind`, for requests that say for how long an equal one may be answered the
    same. Two equal ones at the same moment are both asked."""

    def __init__(self, behind: Chats, answers: Answers) -> None:
        self._behind = behind
        self._answers = answers

    async def chat(self, request: ChatRequest, on_delta: OnDelta | None = None) -> ModelAnswer:
        seconds = request.cache_seconds
        if not seconds or seconds <= 0 or request.repair:
            return await self._behind.chat(request, on_delta)
        key = fingerprint(request)
        if (kept := await self._answers.find(key)) is not None:
            return _replayed(from_bytes(kept), "cache", on_delta)
        answer = await self._behind.chat(request, on_delta)
        if answer.finish_reason in _WHOLE:
            lasts = min(seconds, LONGEST_CACHED_SECONDS)
            await self._answers.keep(key, to_bytes(answer), lasts)
        return answer


class RedisAnswers:
    """`scope` keeps workspaces apart: equal questions of two are two questions. A Redis that is
    away only means that everything is asked."""

    def __init__(self, redis: Any, scope: str) -> None:
        self._redis = redis
        self._prefix = f"baleybots:answers:{scope}:"

    async def find(self, key: str) -> bytes | None:
        with suppress(*AWAY):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._redis.get(self._prefix + key)
        return None

    async def keep(self, key: str, answer: bytes, seconds: float) -> None:
        lasts = max(1, int(seconds * 1000))
        with suppress(*AWAY):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._redis.set(self._prefix + key, answer, px=lasts)


def question_of(request: ChatRequest) -> str:
    """What was asked, whoever was asked: a recording stays good when the model is changed."""
    return _digest(_question(request))


def fingerprint(request: ChatRequest) -> str:
    """All that can change the answer, and through whose connection it is asked."""
    access = request.access
    settings = {
        "model": request.model,
        "connection": access.connection if access else None,
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "reasoning": request.reasoning,
    }
    return _digest(_question(request) | settings)


def to_bytes(answer: ModelAnswer) -> bytes:
    return orjson.dumps(asdict(answer))


def from_bytes(data: bytes) -> ModelAnswer:
    found = orjson.loads(data)
    calls = tuple(ToolCall(**call) for call in found["tool_calls"])
    return ModelAnswer(**{**found, "tool_calls": calls, "usage": Usage(**found["usage"])})


def _question(request: ChatRequest) -> dict[str, Any]:
    """Ids of tool calls are chance; which call a result belongs to is not."""
    ids: dict[str, int] = {}
    for message in request.messages:
        for call in message.tool_calls:
            ids.setdefault(call.id, len(ids))
    return {
        "messages": [_said(message, ids) for message in request.messages],
        "tools": [asdict(tool) for tool in request.tools],
        "schema": request.output_schema,
    }


def _said(message: Message, ids: dict[str, int]) -> list[Any]:
    calls = [[ids[call.id], call.name, call.arguments] for call in message.tool_calls]
    return [message.role, message.content, calls, ids.get(message.tool_call_id or "")]


def _digest(what: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(what, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _replayed(answer: ModelAnswer, source: Source, on_delta: OnDelta | None) -> ModelAnswer:
    """The same words; what they took was paid for when they were first said."""
    if on_delta is not None:
        if answer.reasoning:
            on_delta(Delta("reasoning", answer.reasoning))
        if answer.text:
            on_delta(Delta("text", answer.text))
        for index, call in enumerate(answer.tool_calls):
            on_delta(Delta("tool_call", call.arguments, index, call.id, call.name))
    return replace(
        answer, usage=Usage(), cost=0, estimated=False, ttft_ms=None, duration_ms=0.0, source=source
    )
