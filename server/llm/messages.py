"""What travels to a model and comes back: plain frozen data, one shape for every provider."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from server.llm.access import Access

Role = Literal["system", "user", "assistant", "tool"]
Reasoning = bool | Literal["low", "medium", "high"]
FinishReason = Literal["stop", "length", "tool_calls", "refusal"]
DeltaKind = Literal["text", "reasoning", "tool_call"]
Part = Literal["system", "memory", "tools", "history", "context", "input"]
Source = Literal["live", "cache", "recorded"]

DEMO_MODEL = "demo:standard"

# What a model reads as its input when there is none: some refuse an empty message.
NO_INPUT = "(There is no input.)"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asks for. The arguments stay text until someone is ready to check them."""

    id: str
    name: str
    arguments: str = "{}"

    def read_arguments(self) -> dict[str, Any] | None:
        """The arguments as an object, or None when the model wrote something else."""
        try:
            value = json.loads(self.arguments or "{}")
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


@dataclass(frozen=True, slots=True)
class Message:
    """`content` is text. An assistant's message may carry tool calls, a tool's message the id.
    `part`: what it is there for, so that one can see what fills a call; the model does not.
    `images`: addresses or data URLs, which the text calls “(image 1)” and so on."""

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    part: Part | None = field(default=None, compare=False)
    images: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ToolSpec:
    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to one model. `timeout` bounds the whole call in seconds, None: no bound.

    `model` is `provider:model`, a bare model name, or None for the workspace's default.
    `access` is the connection to use, None for the keys of the environment. `repair`: it asks
    again for an answer that did not fit. `budget`: nano-dollars that it may cost, as its entity
    says. `cache_seconds`: for how long an equal request may be answered the same; None: never.
    """

    messages: tuple[Message, ...]
    model: str | None = None
    tools: tuple[ToolSpec, ...] = ()
    output_schema: dict[str, Any] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning: Reasoning | None = None
    timeout: float | None = None
    stream: bool = True
    access: Access | None = None
    repair: bool = False
    budget: int | None = None
    cache_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """`input_tokens` counts all that was read, also what came from the provider's cache (`cached`)
    or went into it (`cache_write`), which have prices of their own; `output_tokens` all that was
    written, the reasoning too."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer on its way.

    `text`: more of the text; `reasoning`: more of the thinking; `tool_call`: more of the arguments
    of call number `index`, whose `call_id` and `name` come with its first piece.
    """

    kind: DeltaKind
    text: str = ""
    index: int = 0
    call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A whole answer with what it took. `cost` is in nano-dollars, None when no price is known;
    `price` is what it was counted with. `source`: from where, when the model was not asked.
    `left_out`: messages that were dropped or shortened to fit the model. `parts`: how many of the
    tokens read were the system text, tools, history, context, input. `connection`: through
    which one it came, None for the keys of the environment."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    usage: Usage
    requested_model: str
    model: str
    provider: str
    cost: int | None
    estimated: bool
    finish_reason: FinishReason
    ttft_ms: float | None
    duration_ms: float
    reasoning: str = ""
    price: dict[str, Any] | None = None
    source: Source = "live"
    left_out: int = 0
    parts: dict[Part, int] | None = None
    connection: str | None = None

    @property
    def unpriced(self) -> bool:
        return self.cost is None

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens over the time in which they came, None when that is too short to tell."""
        waited = self.ttft_ms or 0.0
        seconds = (self.duration_ms - waited) / 1000
        return self.usage.output_tokens / seconds if seconds > 0.001 else None
