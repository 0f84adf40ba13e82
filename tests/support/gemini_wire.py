"""How a scripted reply looks in Gemini's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tests.support.model_wire import event_of, finish_of, pieces_of, usage_of

if TYPE_CHECKING:
    from tests.support.model_server import Reply

_REASONS = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


def gemini_answer(
    body: dict[str, Any], reply: Reply, number: int, model: str, stream: bool
) -> list[bytes]:
    """One frame for a whole answer, many for a stream, whose last one says that it ends."""
    head = {"modelVersion": reply.model or model, "responseId": f"answer-{number}"}
    counted = {} if reply.usage is None else {"usageMetadata": _counted(body, reply)}
    ended = {"finishReason": _REASONS.get(finish_of(reply), "STOP")}

    def chunk(parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        content = {"parts": parts, "role": "model"}
        return head | counted | {"candidates": [{"content": content, "index": 0, **more}]}

    if not stream:
        return [orjson.dumps(chunk(_parts(reply, 1), **ended))]
    frames = [event_of(chunk([part])) for part in _parts(reply, reply.pieces)]
    if reply.stream_error:
        error = {"code": 503, "message": reply.stream_error, "status": "UNAVAILABLE"}
        return [*frames, event_of({"error": error})]
    return [*frames, event_of(chunk([{"text": ""}], **ended))]


def gemini_error(reply: Reply) -> bytes:
    state = _STATES.get(reply.status, "INTERNAL")
    error = {"code": reply.status, "message": reply.error or "scripted", "status": state}
    return orjson.dumps({"error": error})


def _parts(reply: Reply, pieces: int | None) -> list[dict[str, Any]]:
    thought = [{"text": reply.reasoning, "thought": True}] if reply.reasoning else []
    if reply.tool_calls:
        calls = [{"functionCall": {"name": n, "args": args}} for n, args in reply.tool_calls]
        return [*thought, *calls]
    return [*thought, *({"text": piece} for piece in pieces_of(reply.text, pieces))]


def _counted(body: dict[str, Any], reply: Reply) -> dict[str, int]:
    """Thinking is counted beside what was written."""
    usage = usage_of(body, reply)
    thought = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    counted = {
        "promptTokenCount": usage["prompt_tokens"],
        "candidatesTokenCount": usage["completion_tokens"] - thought,
        "totalTokenCount": usage["total_tokens"],
    }
    if thought:
        counted["thoughtsTokenCount"] = thought
    if cached:
        counted["cachedContentTokenCount"] = cached
    return counted
