"""Answers without asking: stored ones replayed at no cost (recorded mode), and equal requests
answered once (a cache that an entity opts into). Both stand in front of a gateway."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields, replace
from operator import attrgetter
from typing import Any, Protocol

import orjson

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
_ANSWER_FIELDS = tuple(item.name for item in fields(ModelAnswer))
_ANSWER_VALUES = attrgetter(*_ANSWER_FIELDS)
_USAGE_FIELDS = tuple(item.name for item in fields(Usage))
_USAGE_VALUES = attrgetter(*_USAGE_FIELDS)


class Answers(Protocol):
    """Where kept answers are: for one workspace, as whoever opens it sees to."""

    async def find(self, key: str) -> ModelAnswer | None: ...

    async def keep(self, key: str, answer: ModelAnswer, seconds: float) -> None: ...


class Recording(Protocol):
    """The answers of one recording; `step_key` is where it is asked, `question` what."""

    async def model(self, step_key: str, question: str) -> ModelAnswer | None: ...


class Recorded:
    """Answers from a recording. Nothing is ever asked."""

    def __init__(self, recording: Recording, name: str) -> None:
        self._recording = recording
        self._name = name

    async def chat(
        self, step_key: str, request: ChatRequest, on_delta: OnDelta | None = None
    ) -> ModelAnswer:
        answer = await self._recording.model(step_key, question_of(request))
        if answer is None:
            raise not_recorded(f"an answer to this question of the step `{step_key}`", self._name)
        return _replayed(answer, "recorded", on_delta)


def not_recorded(what: str, name: str) -> ModelError:
    """What to do about a recording that does not hold it."""
    return ModelError(
        ModelErrorKind.NOT_RECORDED,
        f"The recording “{name}” does not hold {what}: the program, its input or an earlier "
        "answer is another one.",
        "Run the bot live once, then keep that execution as a recording; or run it in demo.",
    )


class Cached:
    """For requests that say for how long an equal one may be answered the same. Two equal ones at
    the same moment are both asked."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def chat(
        self,
        request: ChatRequest,
        on_delta: OnDelta | None,
        ask: Callable[[], Awaitable[ModelAnswer]],
    ) -> ModelAnswer:
        seconds = request.cache_seconds
        if not seconds or seconds <= 0 or request.repair:
            return await ask()
        key = fingerprint(request)
        if (kept := await self._answers.find(key)) is not None:
            return _replayed(kept, "cache", on_delta)
        answer = await ask()
        if answer.finish_reason in _WHOLE and answer.source == "live":
            await self._answers.keep(key, answer, min(seconds, LONGEST_CACHED_SECONDS))
        return answer


def question_of(request: ChatRequest) -> str:
    """What was asked, whoever was asked: a recording stays good when the model is changed."""
    return _digest(_question(request))


def fingerprint(request: ChatRequest) -> str:
    """All that can change the answer, and through whose connection it is asked."""
    access = request.access
    settings = {
        "model": request.model,
        "connection": access.connection if access else None,
        "address": access.api_base if access else None,
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "reasoning": request.reasoning,
    }
    return _digest(_question(request) | settings)


def answer_data(answer: ModelAnswer) -> dict[str, Any]:
    """The answer as JSON. `asdict` would copy all of it once more, for each answer that is kept."""
    data = dict(zip(_ANSWER_FIELDS, _ANSWER_VALUES(answer), strict=True))
    data["tool_calls"] = [asdict(call) for call in answer.tool_calls]
    data["usage"] = dict(zip(_USAGE_FIELDS, _USAGE_VALUES(answer.usage), strict=True))
    return data


def answer_of(found: dict[str, Any]) -> ModelAnswer:
    """The way back of `answer_data`. What another release added to it is passed over."""
    calls = tuple(ToolCall(**_known(ToolCall, call)) for call in found["tool_calls"])
    given = _known(ModelAnswer, found)
    given |= {"tool_calls": calls, "usage": Usage(**_known(Usage, found["usage"]))}
    return ModelAnswer(**given)


def _known(kind: Any, data: dict[str, Any]) -> dict[str, Any]:
    return {item.name: data[item.name] for item in fields(kind) if item.name in data}


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
    seen = [list(message.images)] if message.images else []
    return [message.role, message.content, calls, ids.get(message.tool_call_id or ""), *seen]


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
