"""Puts an answer together from its pieces, and passes each piece on as it comes."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from server.llm.messages import Delta, FinishReason, ToolCall, Usage
from server.llm.pieces import Piece

OnDelta = Callable[[Delta], None]

# What no honest answer reaches: a model that repeats itself for ever must not fill the memory.
MOST_CHARACTERS = 16 * 1024 * 1024
MOST_CHUNKS = 2_000_000
MOST_TOOL_CALLS = 128

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refusal",
    "refusal": "refusal",
}


class TooMuch(Exception):
    """The answer passed a limit; the text says which."""


class _CallParts:
    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []


class Collector:
    """Fed by the library's response objects, whichever way they came, and by plain pieces."""

    __slots__ = (
        "_answer_tool", "_answering", "_calls", "_chunks", "_on_delta", "_reasoning", "_refusal",
        "_size", "_text", "finish_reason", "first_at", "model", "usage",
    )  # fmt: skip

    def __init__(self, on_delta: OnDelta | None, answer_tool: str | None = None) -> None:
        """`answer_tool`: a call of it is no call, its arguments are the text of the answer."""
        self._answer_tool = answer_tool
        self._answering: int | None = None
        self._on_delta = on_delta
        self._size = self._chunks = 0
        self._text: list[str] = []
        self._refusal: list[str] = []
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
    def refusal(self) -> str:
        """Why the model will not answer, where it says so apart from the text."""
        return "".join(self._refusal)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        if not self._calls:
            return ()
        parts = [self._calls[index] for index in sorted(self._calls)]
        return tuple(
            ToolCall(one.id or f"call_{number}", one.name, "".join(one.arguments) or "{}")
            for number, one in enumerate(parts, 1)
        )

    def add_chunk(self, chunk: Any) -> None:
        """One chunk of a stream, as the library makes it. Raises TooMuch."""
        self._chunks += 1
        if self._chunks > MOST_CHUNKS:
            raise TooMuch(f"an answer in more than {MOST_CHUNKS:,} pieces")
        if type(chunk) is Piece:
            return self._add_piece(chunk)
        if chunk.model and self.model is None:
            self.model = chunk.model
        if usage := getattr(chunk, "usage", None):
            self.usage = read_usage(usage)
        if not chunk.choices:
            return None
        choice = chunk.choices[0]
        delta = choice.delta
        if delta is not None:
            self._add_parts(delta)
        if choice.finish_reason:
            self.finish_reason = _REASONS.get(choice.finish_reason, "stop")
        return None

    def _add_piece(self, piece: Piece) -> None:
        if self.model is None and piece.model:
            self.model = piece.model
        if piece.text:
            self._text.append(piece.text)
            self._tell(Delta("text", piece.text))
        if piece.reason:
            self.finish_reason = "stop"

    def add_response(self, response: Any) -> None:
        """A whole answer at once."""
        self.model = response.model or self.model
        if usage := getattr(response, "usage", None):
            self.usage = read_usage(usage)
        if not response.choices:
            return
        choice = response.choices[0]
        self._add_parts(choice.message, whole=True)
        self.first_at = None
        self.finish_reason = _REASONS.get(choice.finish_reason or "stop", "stop")

    def _add_parts(self, parts: Any, *, whole: bool = False) -> None:
        """Only pieces of a stream say to which call they belong: some number all whole ones 0."""
        if content := parts.content:
            self._text.append(content)
            self._tell(Delta("text", content))
        if thought := getattr(parts, "reasoning_content", None):
            self._reasoning.append(thought)
            self._tell(Delta("reasoning", thought))
        if refusal := _refusal_of(parts):
            self._refusal.append(refusal)
            self._count(refusal)
        if calls := parts.tool_calls:
            for position, call in enumerate(calls):
                index = None if whole else getattr(call, "index", None)
                self._add_call(call, position if index is None else index)

    def _add_call(self, call: Any, index: int) -> None:
        if self._is_answer(index, call.function.name):
            self._text.append(call.function.arguments or "")
            return self._tell(Delta("text", call.function.arguments or ""))
        if index not in self._calls and len(self._calls) >= MOST_TOOL_CALLS:
            raise TooMuch(f"more than {MOST_TOOL_CALLS} tool calls at once")
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

    def _count(self, more: str) -> None:
        self._size += len(more)
        if self._size > MOST_CHARACTERS:
            raise TooMuch(f"more than {MOST_CHARACTERS // (1024 * 1024)} MiB of text")

    def _tell(self, delta: Delta) -> None:
        self._count(delta.text)
        if self.first_at is None:
            self.first_at = perf_counter()
        if self._on_delta is not None:
            self._on_delta(delta)


def _refusal_of(parts: Any) -> str | None:
    """The library keeps it in one of two places."""
    if refusal := getattr(parts, "refusal", None):
        return refusal
    more = getattr(parts, "provider_specific_fields", None)
    return more.get("refusal") if isinstance(more, dict) else None


def read_usage(usage: Any) -> Usage | None:
    """None when the provider counted nothing, which some do by sending zeros."""
    asked, answered = usage.prompt_tokens or 0, usage.completion_tokens or 0
    if asked + answered == 0:
        return None
    kept = getattr(usage, "prompt_tokens_details", None)
    cached = getattr(kept, "cached_tokens", None) or 0
    written = getattr(kept, "cache_creation_tokens", None) or 0
    details = getattr(usage, "completion_tokens_details", None)
    thought = getattr(details, "reasoning_tokens", None) or 0
    if thought and usage.total_tokens == asked + answered + thought:
        answered += thought  # Some count the reasoning beside the output, not as a part of it.
    return Usage(asked, answered, cached, thought, written)
