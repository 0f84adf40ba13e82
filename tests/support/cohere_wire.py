"""How a scripted reply looks in Cohere's format. Only whole answers: none asks it for a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tests.support.model_wire import finish_of, text_of, usage_of

if TYPE_CHECKING:
    from tests.support.model_server import Reply

_FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}


def cohere_answer(body: dict[str, Any], reply: Reply, number: int) -> list[bytes]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": f"call_{at}",
                "type": "function",
                "function": {"name": name, "arguments": text_of(arguments)},
            }
            for at, (name, arguments) in enumerate(reply.tool_calls)
        ]
    else:
        message["content"] = [{"type": "text", "text": reply.text}]
    whole = {"id": f"co-{number}", "message": message, "finish_reason": _FINISH[finish_of(reply)]}
    if reply.usage is not None:
        used = usage_of(body, reply)
        read, wrote = used["prompt_tokens"], used["completion_tokens"]
        whole["usage"] = {"tokens": {"input_tokens": read, "output_tokens": wrote}}
    return [orjson.dumps(whole)]


def cohere_error(reply: Reply) -> bytes:
    return orjson.dumps({"message": reply.error or "scripted"})
