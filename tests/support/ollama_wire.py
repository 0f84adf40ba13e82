"""How a scripted reply looks in Ollama's format: a line of JSON for each piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tests.support.model_wire import finish_of, pieces_of, usage_of

if TYPE_CHECKING:
    from tests.support.model_server import Reply


def ollama_answer(body: dict[str, Any], reply: Reply) -> list[bytes]:
    head = {"model": reply.model or body.get("model", "scripted"), "created_at": "2026-01-01"}
    ended = {"done": True, "done_reason": "length" if finish_of(reply) == "length" else "stop"}
    if reply.usage is not None:
        usage = usage_of(body, reply)
        ended["prompt_eval_count"] = usage["prompt_tokens"]
        ended["eval_count"] = usage["completion_tokens"]

    def said(**message: Any) -> dict[str, Any]:
        return head | {"message": {"role": "assistant", "content": "", **message}}

    calls = [{"function": {"name": n, "arguments": args}} for n, args in reply.tool_calls]
    text = "" if calls else reply.text
    thought = {"thinking": reply.reasoning} if reply.reasoning else {}
    if not body.get("stream"):
        more = {"tool_calls": calls} if calls else {}
        return [orjson.dumps(said(content=text, **thought, **more) | ended)]
    lines = [said(**thought)] if thought else []
    lines += [said(content=piece) for piece in pieces_of(text, reply.pieces)]
    lines += [said(tool_calls=[call]) for call in calls]
    last = {"error": reply.stream_error} if reply.stream_error else said() | ended
    return [orjson.dumps(line | {"done": False}) + b"\n" for line in lines] + [
        orjson.dumps(last) + b"\n"
    ]


def ollama_error(reply: Reply) -> bytes:
    return orjson.dumps({"error": reply.error or "scripted"})
