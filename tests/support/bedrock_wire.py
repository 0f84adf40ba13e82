"""How a scripted reply looks in the format of Bedrock's Converse: JSON for a whole answer, frames
with checksums for a stream."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from tests.support.model_wire import finish_of, pieces_of, text_of, usage_of

if TYPE_CHECKING:
    from tests.support.model_server import Reply

_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def bedrock_answer(body: dict[str, Any], reply: Reply, streams: bool) -> list[bytes]:
    if streams:
        return [_frame(kind, data) for kind, data in _events(body, reply)]
    content = [{"text": reply.text}] if reply.text else []
    content += [{"toolUse": _call(at, name, given)} for at, (name, given) in _calls(reply)]
    whole = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": _FINISH[finish_of(reply)],
        "metrics": {"latencyMs": 1},
        "usage": _usage(body, reply),
    }
    return [orjson.dumps(whole)]


def bedrock_error(reply: Reply) -> bytes:
    return orjson.dumps({"message": reply.error or "scripted"})


def _events(body: dict[str, Any], reply: Reply) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "messageStart", {"role": "assistant"}
    for piece in pieces_of(reply.text, reply.pieces):
        yield "contentBlockDelta", {"delta": {"text": piece}, "contentBlockIndex": 0}
    yield "contentBlockStop", {"contentBlockIndex": 0}
    for at, (name, given) in _calls(reply):
        place = {"contentBlockIndex": at + 1}
        start = {"toolUse": {"toolUseId": f"call_{at}", "name": name}}
        yield "contentBlockStart", {"start": start, **place}
        yield "contentBlockDelta", {"delta": {"toolUse": {"input": text_of(given)}}, **place}
        yield "contentBlockStop", place
    yield "messageStop", {"stopReason": _FINISH[finish_of(reply)]}
    yield "metadata", {"usage": _usage(body, reply), "metrics": {"latencyMs": 1}}


def _calls(reply: Reply) -> list[tuple[int, tuple[str, Any]]]:
    return list(enumerate(reply.tool_calls))


def _call(at: int, name: str, given: Any) -> dict[str, Any]:
    return {"toolUseId": f"call_{at}", "name": name, "input": given}


def _usage(body: dict[str, Any], reply: Reply) -> dict[str, int]:
    used = usage_of(body, reply)
    read, wrote = used["prompt_tokens"], used["completion_tokens"]
    return {"inputTokens": read, "outputTokens": wrote, "totalTokens": read + wrote}


def _frame(kind: str, data: dict[str, Any]) -> bytes:
    named = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack("!B", len(name))
        + name.encode()
        + struct.pack("!BH", 7, len(value))
        + value.encode()
        for name, value in named.items()
    )
    payload = orjson.dumps(data)
    prelude = struct.pack("!II", len(headers) + len(payload) + 16, len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack("!I", zlib.crc32(message))
