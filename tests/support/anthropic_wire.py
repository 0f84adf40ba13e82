"""How a scripted reply looks in Anthropic's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tests.support.model_wire import event_of, finish_of, pieces_of, text_of, usage_of

if TYPE_CHECKING:
    from tests.support.model_server import Reply

_REASONS = {"tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def anthropic_answer(body: dict[str, Any], reply: Reply, number: int) -> list[bytes]:
    """One frame for a whole answer, many for a stream."""
    blocks = _blocks(reply)
    counted = _counted(body, reply)
    message: dict[str, Any] = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": reply.model or body.get("model", "scripted"),
        "content": blocks,
        "stop_reason": _REASONS.get(finish_of(reply), "end_turn"),
        "stop_sequence": None,
        "usage": counted,
    }
    if not body.get("stream"):
        return [orjson.dumps(message)]
    # What was read is counted at the beginning, what was written at the end.
    began = message | {"content": [], "stop_reason": None, "usage": counted | {"output_tokens": 1}}
    frames = [_named("message_start", {"message": began}), _named("ping", {})]
    for index, block in enumerate(blocks):
        frames += _block_frames(index, block, reply)
    if reply.stream_error:
        error = {"type": "api_error", "message": reply.stream_error}
        return [*frames, _named("error", {"error": error})]
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    ended = {"delta": delta, "usage": {"output_tokens": counted["output_tokens"]}}
    return [*frames, _named("message_delta", ended), _named("message_stop", {})]


def anthropic_error(reply: Reply) -> bytes:
    error = {"type": _ERRORS.get(reply.status, "api_error"), "message": reply.error or "scripted"}
    return orjson.dumps({"type": "error", "error": error})


def _counted(body: dict[str, Any], reply: Reply) -> dict[str, int]:
    usage = usage_of(body, reply)
    if reply.usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    details = usage.get("prompt_tokens_details") or {}
    cached, written = details.get("cached_tokens", 0), details.get("cache_creation_tokens", 0)
    return {
        "input_tokens": usage["prompt_tokens"] - cached - written,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
        "output_tokens": usage["completion_tokens"],
    }


def _blocks(reply: Reply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reply.reasoning:
        blocks.append({"type": "thinking", "thinking": reply.reasoning, "signature": "c2lnbmVk"})
    if reply.text and not reply.tool_calls:
        blocks.append({"type": "text", "text": reply.text})
    for at, (name, arguments) in enumerate(reply.tool_calls):
        block = {"type": "tool_use", "id": f"toolu_{at}", "name": name, "input": arguments}
        blocks.append(block)
    return blocks


def _block_frames(index: int, block: dict[str, Any], reply: Reply) -> list[bytes]:
    opening, deltas = _OPENINGS[block["type"]](block, reply)
    frames = [_named("content_block_start", {"index": index, "content_block": opening})]
    frames += [_named("content_block_delta", {"index": index, "delta": one}) for one in deltas]
    return [*frames, _named("content_block_stop", {"index": index})]


def _text(block: dict[str, Any], reply: Reply) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    pieces = pieces_of(block["text"], reply.pieces)
    return block | {"text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]


def _thinking(block: dict[str, Any], reply: Reply) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    pieces = pieces_of(block["thinking"], reply.pieces)
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    signed = {"type": "signature_delta", "signature": block["signature"]}
    return block | {"thinking": "", "signature": ""}, [*deltas, signed]


def _tool_use(block: dict[str, Any], reply: Reply) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    pieces = pieces_of(text_of(block["input"]), reply.pieces)
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces]]
    return block | {"input": {}}, deltas


_OPENINGS = {"text": _text, "thinking": _thinking, "tool_use": _tool_use}


def _named(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %b\n" % name.encode() + event_of({"type": name} | data)
