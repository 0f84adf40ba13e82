"""The demo model: offline, deterministic, free, and honest about what it is.

It makes the first five minutes and the examples possible with no key and no network. It calls a
tool that the goal names, fills an output schema with values from the input, and else writes one of
the small pages of `demo_answers`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from time import perf_counter
from typing import Any

from server.llm import demo_answers, demo_text
from server.llm.demo_values import ValueMaker
from server.llm.messages import (
    DEMO_MODEL,
    NO_INPUT,
    ChatRequest,
    Delta,
    FinishReason,
    Message,
    ModelAnswer,
    ToolCall,
    ToolSpec,
    Usage,
)

DEMO_NAME = "demo model"
PACE = 0.025
_MOST_PIECES = 100
# Characters that are too many to be read on the loop.
_LONG = 20_000
_PIECE = re.compile(r"\s*\S+\s?")
_LABEL = re.compile(r"\A(?:the )?input:\s*", re.IGNORECASE)


class DemoModel:
    """`pace` is the time between two pieces, so that a person sees the answer come."""

    def __init__(self, pace: float = PACE) -> None:
        self._pace = pace

    async def chat(
        self, request: ChatRequest, on_delta: Callable[[Delta], None] | None = None
    ) -> ModelAnswer:
        started = perf_counter()
        long = sum(len(message.content) for message in request.messages) > _LONG
        text, calls = await asyncio.to_thread(answer, request) if long else answer(request)
        first: float | None = None
        for delta in _deltas(text, calls) if on_delta and request.stream else ():
            await asyncio.sleep(self._pace)
            first = first or perf_counter()
            on_delta(delta)  # type: ignore[misc]
        ended = perf_counter()
        return ModelAnswer(
            text=text,
            tool_calls=calls,
            usage=_usage(request, text, calls),
            requested_model=request.model or DEMO_MODEL,
            model=DEMO_NAME,
            provider="demo",
            cost=0,
            estimated=False,
            finish_reason=_reason(calls),
            ttft_ms=((first or ended) - started) * 1000,
            duration_ms=(ended - started) * 1000,
        )


def answer(request: ChatRequest) -> tuple[str, tuple[ToolCall, ...]]:
    """The whole answer at once; equal requests have equal answers."""
    goal, given = _goal(request.messages), _given(request.messages)
    results = _results(request.messages)
    if tool := _named_tool(goal, request.tools, request.messages):
        maker = ValueMaker(text=_as_text(given), given=given)
        call_id = f"demo_{len(results) + 1}_{tool.name}"
        return "", (ToolCall(call_id, tool.name, _dumps(maker.fill(tool.parameters))),)
    text = "\n\n".join(_as_text(_parsed(result)) for result in results) or _as_text(given)
    if request.output_schema is not None:
        return _dumps(ValueMaker(text=text, given=given).fill(request.output_schema)), ()
    return _with_tools_told(demo_answers.write(goal, text), request.messages), ()


def _goal(messages: tuple[Message, ...]) -> str:
    return "\n".join(message.content for message in messages if message.role == "system")


def _given(messages: tuple[Message, ...]) -> Any:
    asked = [message.content for message in messages if message.role == "user"]
    if not asked or asked[-1] == NO_INPUT:
        return None
    return _parsed(_LABEL.sub("", asked[-1]))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _as_text(value: Any) -> str:
    """A value as running text: a long string speaks for the whole object that holds it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return demo_answers.unsigned(value)
    if isinstance(value, list):
        return "\n\n".join(filter(None, map(_as_text, value)))
    if isinstance(value, dict):
        parts = {str(key): _as_text(part) for key, part in value.items()}
        long = [part for part in parts.values() if len(demo_text.words(part)) > 12]
        return "\n\n".join(long) or "\n\n".join(f"{key}: {part}" for key, part in parts.items())
    return json.dumps(value)


def _current(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """What came after the last question."""
    last = max((i for i, message in enumerate(messages) if message.role == "user"), default=-1)
    return messages[last + 1 :]


def _results(messages: tuple[Message, ...]) -> list[str]:
    return [message.content for message in _current(messages) if message.role == "tool"]


def _called(messages: tuple[Message, ...]) -> list[str]:
    return [call.name for message in _current(messages) for call in message.tool_calls]


def _named_tool(
    goal: str, tools: tuple[ToolSpec, ...], messages: tuple[Message, ...]
) -> ToolSpec | None:
    """The first tool that the goal names and that was not called yet."""
    spoken = [word.lower() for word in re.findall(r"[A-Za-z0-9]+", goal)]
    done = set(_called(messages))
    open_tools = [tool for tool in tools if tool.name not in done]
    named = [tool for tool in open_tools if _words_of(tool.name) <= set(spoken)]
    return min(named, key=lambda tool: _place(tool.name, spoken), default=None)


def _words_of(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", name.lower()))


def _place(name: str, spoken: list[str]) -> int:
    return min(spoken.index(word) for word in _words_of(name))


def _with_tools_told(text: str, messages: tuple[Message, ...]) -> str:
    called = ", ".join(dict.fromkeys(_called(messages)))
    return f"Called {called}.\n\n{text}" if called else text


def _deltas(text: str, calls: tuple[ToolCall, ...]) -> list[Delta]:
    deltas = [Delta("text", piece) for piece in _pieces(text)]
    for index, call in enumerate(calls):
        deltas.append(Delta("tool_call", "", index, call.id, call.name))
        deltas += [Delta("tool_call", piece, index) for piece in _pieces(call.arguments)]
    return deltas


def _pieces(text: str) -> list[str]:
    """Words, in groups when they are many: a long answer must not take a long time."""
    found = _PIECE.findall(text)
    size = max(1, -(-len(found) // _MOST_PIECES))
    pieces = ["".join(found[at : at + size]) for at in range(0, len(found), size)]
    rest = text[sum(map(len, pieces)) :]
    return [*pieces, rest] if rest else pieces


def _usage(request: ChatRequest, text: str, calls: tuple[ToolCall, ...]) -> Usage:
    """Its tokens are words."""
    asked = sum(len(message.content.split()) for message in request.messages)
    given = len(text.split()) + sum(len(call.arguments.split()) + 1 for call in calls)
    return Usage(input_tokens=asked, output_tokens=given)


def _reason(calls: tuple[ToolCall, ...]) -> FinishReason:
    return "tool_calls" if calls else "stop"


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
