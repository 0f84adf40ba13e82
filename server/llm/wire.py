"""A request in the words of the OpenAI chat format, which both ways to a provider start from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from server.llm.messages import ChatRequest, Message, ToolSpec
from server.llm.routing import Route
from server.llm.structured import Mode, answer_tool, response_format, told_in_words


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt, ready to be sent. Messages and params are fresh: senders may change them."""

    route: Route
    messages: list[dict[str, Any]]
    params: dict[str, Any]
    stream: bool
    mode: Mode = "words"


def make_call(route: Route, request: ChatRequest, mode: Mode) -> Call:
    if route.provider is not None and not route.provider.streams:
        request = replace(request, stream=False)
    asked = told_in_words(request) if mode == "words" else request
    messages = [_message(message) for message in asked.messages]
    return Call(route, messages, _params(request, mode), request.stream, mode)


def messages_of(request: ChatRequest) -> list[dict[str, Any]]:
    """What is asked, without the words that ask for structure."""
    return [_message(message) for message in request.messages]


def _params(request: ChatRequest, mode: Mode) -> dict[str, Any]:
    params: dict[str, Any] = {}
    if request.temperature is not None:
        params["temperature"] = request.temperature
    if request.max_tokens is not None:
        params["max_tokens"] = request.max_tokens
    if request.reasoning:
        params["reasoning_effort"] = "medium" if request.reasoning is True else request.reasoning
    if request.tools:
        params["tools"] = [_tool(tool) for tool in request.tools]
    if request.output_schema is not None and mode == "native":
        params["response_format"] = response_format(request.output_schema)
    if request.output_schema is not None and mode == "tool":
        params.update(answer_tool(request.output_schema))
    if request.stream:
        params["stream"] = True
        params["stream_options"] = {"include_usage": True}
    return params


def _message(message: Message) -> dict[str, Any]:
    sent: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.tool_calls:
        if not message.content:
            del sent["content"]
        sent["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments or "{}"},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        sent["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        sent["name"] = message.name
    return sent


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.content
    seen = [{"type": "image_url", "image_url": {"url": url}} for url in message.images]
    return [{"type": "text", "text": message.content}, *seen]


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}
