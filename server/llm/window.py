"""What fills a call, and what is left out when it would not fit the model: the oldest conversation
first, then the length of tools' results. System text, context and input are never touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import orjson

from server.llm.messages import ChatRequest, Message, Part
from server.llm.wire import Call

# Models differ in how they cut text into tokens; four bytes are one in English prose.
_BYTES_PER_TOKEN = 4
_PER_MESSAGE = 4
_MARGIN = 0.95
_USUAL_ANSWER = 4096
_KEPT_OF_A_RESULT = 400


@dataclass(frozen=True, slots=True)
class LeftOut:
    """`place`: which message of the request as it was asked."""

    place: int
    part: Part
    how: Literal["dropped", "shortened"]
    tokens: int


Sizes = Mapping[Part, int]


@dataclass(frozen=True, slots=True)
class Sent:
    """One call exactly as it left, fit to be stored. `sizes` are estimates. `address`: where to,
    None where the provider usually is."""

    model: str
    provider: str
    mode: str
    messages: list[dict[str, Any]]
    params: dict[str, Any]
    sizes: Sizes
    left_out: tuple[LeftOut, ...]
    window: int | None
    address: str | None = None
    connection: str | None = None


OnSent = Callable[[Sent], None]


def sent_of(
    call: Call, sizes: Sizes, left_out: tuple[LeftOut, ...] = (), window: int | None = None
) -> Sent:
    """Copied, because senders may change what they are given."""
    return Sent(
        model=call.route.model,
        provider=call.route.provider.name if call.route.provider else "demo",
        mode=call.mode,
        messages=[_shown(message) for message in call.messages],
        params=dict(call.params),
        sizes=sizes,
        left_out=left_out,
        window=window,
        address=call.route.api_base,
        connection=call.route.connection,
    )


def _shown(message: dict[str, Any]) -> dict[str, Any]:
    """Images are shown by their size: they are in the input already."""
    content = message.get("content")
    if not isinstance(content, list):
        return dict(message)
    said = [_told(part) for part in cast("list[dict[str, Any]]", content)]
    return {**message, "content": "\n".join(said)}


def _told(part: dict[str, Any]) -> str:
    url = part["image_url"]["url"] if part["type"] == "image_url" else ""
    return f"(image, {len(url) * 3 // 4096 + 1} KiB)" if url else str(part["text"])


def fitted(request: ChatRequest, window: int | None) -> tuple[ChatRequest, tuple[LeftOut, ...]]:
    """The request as it fits a window of so many tokens; None: not known, nothing is left out."""
    if window is None:
        return request, ()
    room = int(window * _MARGIN) - (request.max_tokens or min(_USUAL_ANSWER, window // 4))
    # No text has more tokens than characters.
    if sum(len(one.content) + _PER_MESSAGE for one in request.messages) < room // 2:
        return request, ()
    over = sum(sizes_of(request).values()) - room
    if over <= 0:
        return request, ()
    dropped, over = _oldest(request.messages, over)
    shortened = _longest_results(request.messages, over)
    short = {one.place for one in shortened}
    gone = {one.place for one in dropped}
    messages = tuple(
        _shorter(message) if place in short else message
        for place, message in enumerate(request.messages)
        if place not in gone
    )
    return replace(request, messages=messages), (*dropped, *shortened)


def shares_of(request: ChatRequest, counted: int | None = None) -> dict[Part, int]:
    """How much of the call each part takes, in a fixed order."""
    return scaled(sizes_of(request), counted)


def scaled(sizes: Sizes, counted: int | None = None) -> dict[Part, int]:
    """In tokens: estimates, or shares of what the provider counted once it has."""
    factor = counted / total if counted and (total := sum(sizes.values())) else 1.0
    return {part: round(sizes[part] * factor) for part in _ORDER if part in sizes}


def sizes_of(request: ChatRequest) -> Sizes:
    """Estimated tokens; taken once for a call, which needs them several times."""
    sums: dict[Part, int] = {}
    for message in request.messages:
        part = part_of(message)
        sums[part] = sums.get(part, 0) + _cost(message)
    if request.tools or request.output_schema is not None:
        told = [[tool.name, tool.description, tool.parameters] for tool in request.tools]
        text = orjson.dumps([told, request.output_schema]).decode()
        sums["tools"] = sums.get("tools", 0) + tokens_in(text)
    return sums


_ORDER: tuple[Part, ...] = ("system", "memory", "tools", "history", "context", "input")


def tokens_in(text: str) -> int:
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return -(-size // _BYTES_PER_TOKEN)


def part_of(message: Message) -> Part:
    if message.part is not None:
        return message.part
    if message.role == "system":
        return "system"
    if message.role == "tool" or message.tool_calls:
        return "tools"
    return "input" if message.role == "user" else "history"


def _cost(message: Message) -> int:
    tokens = tokens_in(message.content) + _PER_MESSAGE
    if message.tool_calls:
        tokens += sum(tokens_in(call.name + call.arguments) for call in message.tool_calls)
    return tokens


def _oldest(messages: Sequence[Message], over: int) -> tuple[list[LeftOut], int]:
    """Whole exchanges, so that no answer stands there without its question."""
    found: list[LeftOut] = []
    for place, message in enumerate(messages):
        if message.part != "history":
            continue
        if over <= 0 and message.role == "user":
            break
        tokens = _cost(message)
        found.append(LeftOut(place, "history", "dropped", tokens))
        over -= tokens
    return found, over


def _longest_results(messages: Sequence[Message], over: int) -> list[LeftOut]:
    results = [
        (len(one.content), place)
        for place, one in enumerate(messages)
        if one.role == "tool" and one.part != "history" and len(one.content) > _KEPT_OF_A_RESULT * 2
    ]
    found: list[LeftOut] = []
    for _, place in sorted(results, key=lambda one: (-one[0], one[1])):
        if over <= 0:
            break
        tokens = _cost(messages[place]) - _cost(_shorter(messages[place]))
        found.append(LeftOut(place, "tools", "shortened", tokens))
        over -= tokens
    return found


def _shorter(message: Message) -> Message:
    head = message.content[:_KEPT_OF_A_RESULT]
    rest = len(message.content) - len(head)
    return replace(message, content=f"{head}… ({rest:,} more characters were left out)")
