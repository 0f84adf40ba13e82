"""The words of two providers: how a scripted reply looks in OpenAI's and in Anthropic's format."""

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
    return [_event(chunk) for chunk in _openai_chunks(head, body, reply)] + [b"data: [DONE]\n\n"]


def _openai_whole(body: dict[str, Any], reply: Reply, number: int, model: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.refusal:
        message["refusal"] = reply.refusal
    if reply.tool_calls:
        message["tool_calls"] = [
            {"id": f"call_{at}", "type": "function", "function": {"name": n, "arguments": _text(a)}}
            for at, (n, a) in enumerate(reply.tool_calls)
        ]
    whole = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(reply)}],
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
    for piece in _pieces(reply.text if not reply.tool_calls else "", reply.pieces):
        yield chunk({"content": piece})
    for index, (name, arguments) in enumerate(reply.tool_calls):
        opening = {"name": name, "arguments": ""}
        call = {"index": index, "id": f"call_{index}", "type": "function", "function": opening}
        yield chunk({"tool_calls": [call]})
        for piece in _pieces(_text(arguments), reply.pieces):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, _finish(reply))
    if reply.usage is not None and (body.get("stream_options") or {}).get("include_usage"):
        yield head | {"choices": [], "usage": usage_of(body, reply)}


def anthropic_answer(body: dict[str, Any], reply: Reply, number: int) -> list[bytes]:
    model = reply.model or body.get("model", "scripted")
    usage = usage_of(body, reply)
    counted = {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}
    reason = {"tool_calls": "tool_use", "length": "max_tokens"}.get(_finish(reply), "end_turn")
    blocks = _anthropic_blocks(reply)
    message: dict[str, Any] = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": blocks,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": counted,
    }
    if not body.get("stream"):
        return [orjson.dumps(message)]
    opening = message | {
        "content": [],
        "stop_reason": None,
        "usage": counted | {"output_tokens": 0},
    }
    frames = [_named("message_start", {"message": opening})]
    for index, block in enumerate(blocks):
        frames += _anthropic_block(index, block, reply)
    ended = {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": counted}
    return [*frames, _named("message_delta", ended), _named("message_stop", {})]


def _anthropic_blocks(reply: Reply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reply.text and not reply.tool_calls:
        blocks.append({"type": "text", "text": reply.text})
    for at, (name, arguments) in enumerate(reply.tool_calls):
        block = {"type": "tool_use", "id": f"toolu_{at}", "name": name, "input": arguments}
        blocks.append(block)
    return blocks


def _anthropic_block(index: int, block: dict[str, Any], reply: Reply) -> list[bytes]:
    is_text = block["type"] == "text"
    opening = block | ({"text": ""} if is_text else {"input": {}})
    text = block["text"] if is_text else _text(block["input"])
    kind, name = ("text_delta", "text") if is_text else ("input_json_delta", "partial_json")
    frames = [_named("content_block_start", {"index": index, "content_block": opening})]
    for piece in _pieces(text, reply.pieces):
        delta = {"type": kind, name: piece}
        frames.append(_named("content_block_delta", {"index": index, "delta": delta}))
    return [*frames, _named("content_block_stop", {"index": index})]


def usage_of(body: dict[str, Any], reply: Reply) -> dict[str, Any]:
    """Words are tokens, unless the script says otherwise."""
    asked = sum(len(_text(m.get("content") or "").split()) for m in body.get("messages", ()))
    given = len(reply.text.split()) + sum(len(_text(a).split()) for _, a in reply.tool_calls)
    counted = {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}
    return counted | (reply.usage or {})


def _finish(reply: Reply) -> str:
    return reply.finish or ("tool_calls" if reply.tool_calls else "stop")


def _pieces(text: str, count: int | None) -> list[str]:
    if count is None:
        return _WORD.findall(text)
    size = max(1, -(-len(text) // max(1, count)))
    return [text[at : at + size] for at in range(0, len(text), size)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"


def _named(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %b\n" % name.encode() + _event({"type": name} | data)
