"""How a scripted reply looks in OpenAI's format, and what all formats share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from tests.support.model_server import Reply

_WORD = re.compile(r"\s*\S+\s?|\s+")


def openai_answer(body: dict[str, Any], reply: Reply, number: int) -> list[bytes]:
    """One frame for a whole answer, many for a stream."""
    model = reply.model or body.get("model", "scripted")
    if not body.get("stream"):
        return [orjson.dumps(_openai_whole(body, reply, number, model))]
    head = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": model,
    }
    return [event_of(chunk) for chunk in _openai_chunks(head, body, reply)] + [b"data: [DONE]\n\n"]


def _openai_whole(body: dict[str, Any], reply: Reply, number: int, model: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.refusal:
        message["refusal"] = reply.refusal
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": f"call_{at}",
                "type": "function",
                "function": {"name": n, "arguments": text_of(a)},
            }
            for at, (n, a) in enumerate(reply.tool_calls)
        ]
    whole = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_of(reply)}],
    }
    return whole if reply.usage is None else whole | {"usage": usage_of(body, reply)}


def _openai_chunks(
    head: dict[str, Any], body: dict[str, Any], reply: Reply
) -> Iterator[dict[str, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    if reply.reasoning:
        yield chunk({"reasoning_content": reply.reasoning})
    if reply.refusal:
        yield chunk({"refusal": reply.refusal})
    for piece in pieces_of(reply.text if not reply.tool_calls else "", reply.pieces):
        yield chunk({"content": piece})
    for index, (name, arguments) in enumerate(reply.tool_calls):
        opening = {"name": name, "arguments": ""}
        call = {"index": index, "id": f"call_{index}", "type": "function", "function": opening}
        yield chunk({"tool_calls": [call]})
        for piece in pieces_of(text_of(arguments), reply.pieces):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    if reply.stream_error:
        yield {"error": {"message": reply.stream_error, "type": "server_error", "code": None}}
        return
    yield chunk({}, finish_of(reply))
    if reply.usage is not None and (body.get("stream_options") or {}).get("include_usage"):
        yield head | {"choices": [], "usage": usage_of(body, reply)}


def openai_error(reply: Reply) -> bytes:
    error = {"message": reply.error or "scripted", "type": "scripted", "code": reply.error_code}
    return orjson.dumps({"error": error})


def usage_of(body: dict[str, Any], reply: Reply) -> dict[str, Any]:
    """Words are tokens, unless the script says otherwise."""
    messages = body.get("messages") or body.get("contents") or ()
    asked = sum(len(text_of(m.get("content") or m.get("parts") or "").split()) for m in messages)
    given = len(reply.text.split()) + sum(len(text_of(a).split()) for _, a in reply.tool_calls)
    counted = {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}
    return counted | (reply.usage or {})


def finish_of(reply: Reply) -> str:
    return reply.finish or ("tool_calls" if reply.tool_calls else "stop")


def pieces_of(text: str, count: int | None) -> list[str]:
    if count is None:
        return _WORD.findall(text)
    size = max(1, -(-len(text) // max(1, count)))
    return [text[at : at + size] for at in range(0, len(text), size)]


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def event_of(data: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"
