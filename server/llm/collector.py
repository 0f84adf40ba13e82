"""Puts an answer together from its pieces, and passes each piece on as it comes."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from server.llm.messages import Delta, FinishReason, ToolCall, Usage

OnDelta = Callable[[Delta], None]

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refusal",
    "refusal": "refusal",
}


class _CallParts:
    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []


class Collector:
    """Fed by the library's response objects, whichever way they came."""

    __slots__ = (
        "_answer_tool", "_answering", "_calls", "_on_delta", "_reasoning", "_text",
        "finish_reason", "first_at", "model", "usage",
    )  # fmt: skip

    def __init__(self, on_delta: OnDelta | None, answer_tool: str | None = None) -> None:
        """`answer_tool`: a call of it is no call, its arguments are the text of the answer."""
        self._answer_tool = answer_tool
        self._answering: int | None = None
        self._on_delta = on_delta
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, _CallParts] = {}
        self.first_at: float | None = None
        self.finish_reason: FinishReason | None = None
        self.model: str | None = None
        self.usage: Usage | None = None

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        return "".join(self._reasoning)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        parts = [self._calls[index] for index in sorted(self._calls)]
        return tuple(
            ToolCall(one.id or f"call_{number}", one.name, "".join(one.arguments) or "{}")
            for number, one in enumerate(parts, 1)
        )

    def add_chunk(self, chunk: Any) -> None:
        """One chunk of a stream, as the library makes it."""
        if chunk.model and self.model is None:
            self.model = chunk.model
        if usage := getattr(chunk, "usage", None):
            self.usage = read_usage(usage)
        if not chunk.choices:
            return
        choice = chunk.choices[0]
        delta = choice.delta
        if delta is not None:
            self._add_parts(delta)
        if choice.finish_reason:
            self.finish_reason = _REASONS.get(choice.finish_reason, "stop")

    def add_response(self, response: Any) -> None:
        """A whole answer at once."""
        self.model = response.model or self.model
        if usage := getattr(response, "usage", None):
            self.usage = read_usage(usage)
        if not response.choices:
            return
        choice = response.choices[0]
        self._add_parts(choice.message)
        self.first_at = None
        self.finish_reason = _REASONS.get(choice.finish_reason or "stop", "stop")

    def _add_parts(self, parts: Any) -> None:
        if content := parts.content:
            self._text.append(content)
            self._tell(Delta("text", content))
        if thought := getattr(parts, "reasoning_content", None):
            self._reasoning.append(thought)
            self._tell(Delta("reasoning", thought))
        if calls := parts.tool_calls:
            for position, call in enumerate(calls):
                self._add_call(call, position)

    def _add_call(self, call: Any, position: int) -> None:
        index = getattr(call, "index", None)
        index = position if index is None else index
        if self._is_answer(index, call.function.name):
            self._text.append(call.function.arguments or "")
            return self._tell(Delta("text", call.function.arguments or ""))
        parts = self._calls.setdefault(index, _CallParts())
        parts.id = parts.id or call.id or ""
        name = call.function.name or ""
        parts.name = parts.name or name
        more = call.function.arguments or ""
        parts.arguments.append(more)
        return self._tell(Delta("tool_call", more, index, call.id or None, name or None))

    def _is_answer(self, index: int, name: str | None) -> bool:
        """Models that are told to call it once may call it twice; the first one counts."""
        if self._answer_tool is None:
            return False
        if self._answering is None and name == self._answer_tool:
            self._answering = index
            self._text.clear()
        return self._answering == index

    def _tell(self, delta: Delta) -> None:
        if self.first_at is None:
            self.first_at = perf_counter()
        if self._on_delta is not None:
            self._on_delta(delta)


def read_usage(usage: Any) -> Usage | None:
    """None when the provider counted nothing, which some do by sending zeros."""
    asked, answered = usage.prompt_tokens or 0, usage.completion_tokens or 0
    if asked + answered == 0:
        return None
    cached = getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", None)
    details = getattr(usage, "completion_tokens_details", None)
    thought = getattr(details, "reasoning_tokens", None) or 0
    if thought and usage.total_tokens == asked + answered + thought:
        answered += thought  # Some count the reasoning beside the output, not as a part of it.
    return Usage(asked, answered, cached or 0, thought)
