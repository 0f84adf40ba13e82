"""How a scripted reply looks in the format of OpenAI's other API, `/responses`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from tests.support.model_wire import pieces_of, text_of, usage_of

if TYPE_CHECKING:
    from tests.support.model_server import Reply


def responses_answer(body: dict[str, Any], reply: Reply, number: int) -> list[bytes]:
    """One frame for a whole answer, many for a stream."""
    model = reply.model or body.get("model", "scripted")
    head: dict[str, Any] = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_700_000_000,
        "model": model,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    output = [_called(at, *call) for at, call in enumerate(reply.tool_calls)] or [_said(reply.text)]
    whole = head | {"status": "completed", "output": output}
    if reply.usage is not None:
        whole["usage"] = _usage(body, reply)
    if not body.get("stream"):
        return [orjson.dumps(whole)]
    opening = {"type": "response.created", "response": head | {"status": "in_progress"}}
    opening["response"]["output"] = []
    closing = {"type": "response.completed", "response": whole}
    events = [opening, *_pieces(output, reply), closing]
    return [_frame(event | {"sequence_number": at}) for at, event in enumerate(events)]


def _said(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "type": "message",
        "id": "msg_0",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }


def _called(at: int, name: str, arguments: Any) -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": f"fc_{at}",
        "call_id": f"call_{at}",
        "name": name,
        "arguments": text_of(arguments),
        "status": "completed",
    }


def _pieces(output: list[dict[str, Any]], reply: Reply) -> Iterator[dict[str, Any]]:
    for at, item in enumerate(output):
        place = {"output_index": at, "item_id": item["id"]}
        is_call = item["type"] == "function_call"
        empty = {"arguments": ""} if is_call else {"content": []}
        begun = item | empty | {"status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": at, "item": begun}
        kind = "function_call_arguments" if is_call else "output_text"
        text = item["arguments"] if is_call else item["content"][0]["text"]
        more = {} if is_call else {"content_index": 0}
        for piece in pieces_of(text, reply.pieces):
            yield {"type": f"response.{kind}.delta", "delta": piece, **place, **more}
        done = {"arguments": text} if is_call else {"text": text}
        yield {"type": f"response.{kind}.done", **done, **place, **more}
        yield {"type": "response.output_item.done", "output_index": at, "item": item}


def _usage(body: dict[str, Any], reply: Reply) -> dict[str, Any]:
    counted = usage_of(body, reply)
    read, wrote = counted["prompt_tokens"], counted["completion_tokens"]
    cached = (counted.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    thought = (counted.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
    return {
        "input_tokens": read,
        "output_tokens": wrote,
        "total_tokens": read + wrote,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens_details": {"reasoning_tokens": thought},
    }


def _frame(event: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), orjson.dumps(event))
