"""A scripted model server over HTTP, in the formats of OpenAI, Anthropic, Gemini, Ollama, Cohere
and Bedrock by the path that is asked: streaming, delaying, failing and cutting on demand. It counts
and keeps every request, and knows which were hung up on.

In a test: `async with ModelServer() as models: models.script("m", Reply("hi"))`, address in
`models.url`. As a process: `python -m tests.support.model_server --port 0 --delay-ms 50`.

Written straight on the transport: it must not be what a benchmark measures, and must be able to
break a connection at any byte.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Self, cast

import httptools
import orjson

from tests.support.anthropic_wire import anthropic_answer, anthropic_error
from tests.support.bedrock_wire import bedrock_answer, bedrock_error
from tests.support.cohere_wire import cohere_answer, cohere_error
from tests.support.gemini_wire import gemini_answer, gemini_error
from tests.support.list_wire import is_list, list_answer, list_refusal
from tests.support.model_wire import openai_answer, openai_error
from tests.support.ollama_wire import ollama_answer, ollama_error
from tests.support.responses_wire import responses_answer


@dataclass(frozen=True)
class Reply:
    """One answer. `tool_calls`: (name, arguments) pairs. `pieces`: into how many frames a stream
    cuts the text, None for one a word. `cut_after`: bytes of the body before the connection is
    broken; `cut_before_usage`: it is broken right before the frame that counts tokens.
    `stream_error`: a stream says this after the text, as an error, instead of its end.
    `refusal`: why the model will not answer, beside the text. `body`: sent as it is instead of an
    answer, as `content_type`. `hang`: nothing is ever sent. `gate`: half of it is sent, the rest
    when this is set.
    """

    text: str = "ok"
    tool_calls: Sequence[tuple[str, Any]] = ()
    reasoning: str = ""
    refusal: str = ""
    pieces: int | None = None
    finish: str | None = None
    status: int = 200
    error: str = ""
    error_code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    gap: float = 0.0
    cut_after: int | None = None
    cut_before_usage: bool = False
    stream_error: str = ""
    hang: bool = False
    gate: asyncio.Event | None = None
    usage: dict[str, Any] | None = field(default_factory=dict)
    model: str | None = None
    body: bytes | None = None
    content_type: str = "application/json"


Script = Reply | Callable[[dict[str, Any]], Reply]


@dataclass
class Received:
    """A request that came. `hung_up` is set when the caller closed before the answer's end."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float
    answered: bool = False
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def model(self) -> str:
        """Gemini's stands in the address."""
        if self.is_gemini:
            return self.path.rpartition("/models/")[2].partition(":")[0]
        return str(self.body.get("model", ""))

    @property
    def key(self) -> str:
        given = self.headers.get("authorization", "").removeprefix("Bearer ")
        own = (self.headers.get(name, "") for name in ("x-api-key", "x-goog-api-key", "api-key"))
        return given or next(filter(None, own), "")

    @property
    def is_gemini(self) -> bool:
        return "enerateContent" in self.path

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream")) or "stream" in self.path


class ModelServer:
    """Answers are looked for in this order: queued for the model, first content match, standing
    for the model, the default. `keys`: when given, any other key is refused with 401. Requests for
    the list of models are kept in `lists`, apart; `list_status` lets them fail."""

    def __init__(
        self,
        default: Script | None = None,
        *,
        keys: Sequence[str] | None = None,
        models: Sequence[str] = (),
        keep: bool = True,
    ) -> None:
        self.default = default or Reply()
        self.keys = keys
        self.models = tuple(models)
        self.requests: list[Received] = []
        self.lists: list[Received] = []
        self.list_status = 200
        self.total = 0
        self.connections = 0
        self._keep = keep
        self._queued: dict[str, deque[Script]] = defaultdict(deque)
        self._standing: dict[str, Script] = {}
        self._by_content: list[tuple[str, Script]] = []
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._arrived = asyncio.Event()

    def script(self, model: str, *replies: Script) -> None:
        """One reply per call of this model, in this order; then the standing one."""
        self._queued[model].extend(replies)

    def always(self, model: str, reply: Script) -> None:
        self._standing[model] = reply

    def when(self, content: str, reply: Script) -> None:
        """For requests whose messages hold this text."""
        self._by_content.append((content, reply))

    def count(self, model: str | None = None, key: str | None = None) -> int:
        return sum(
            (model is None or one.model == model) and (key is None or one.key == key)
            for one in self.requests
        )

    async def wait_for(self, count: int, seconds: float = 30.0) -> None:
        """Until so many requests have come."""
        async with asyncio.timeout(seconds):
            while self.total < count:
                self._arrived.clear()
                await self._arrived.wait()

    @property
    def url(self) -> str:
        return f"{self.base}/v1"

    @property
    def base(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        assert self._server is not None
        return self._server.sockets[0].getsockname()[1]

    async def start(self, port: int = 0) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", port)
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for connection in tuple(self._open):
                connection.abort()
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def receive(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Received:
        received = Received(path, headers, body, monotonic())
        self.total += 1
        if self._keep:
            self.requests.append(received)
            self._arrived.set()
        return received

    def reply_to(self, received: Received) -> Reply:
        if self.keys is not None and received.key not in self.keys:
            said = f"Incorrect API key provided: {received.key}."
            return Reply(status=401, error=said, error_code="invalid_api_key")
        script = self._script_for(received)
        return script(received.body) if callable(script) else script

    def _script_for(self, received: Received) -> Script:
        if queued := self._queued.get(received.model):
            return queued.popleft()
        if self._by_content:
            said = orjson.dumps(received.body.get("messages")).decode()
            for content, script in self._by_content:
                if content in said:
                    return script
        return self._standing.get(received.model, self.default)


class _Connection(asyncio.Protocol):
    """One keep-alive connection; requests on it are answered one after the other."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._path = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._current: Received | None = None
        self._sending: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections += 1
        self._server._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._open.discard(self)
        if self._current is not None and not self._current.answered:
            self._current.hung_up.set()
        if self._sending is not None:
            self._sending.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._path, self._headers, self._body = b"", {}, bytearray()

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path = self._path.decode()
        if is_list(path):
            return self._write_models(Received(path, self._headers, {}, monotonic()))
        body = orjson.loads(self._body) if self._body else {}
        received = self._current = self._server.receive(path, self._headers, body)
        reply = self._server.reply_to(received)
        if reply.delay or reply.gap or reply.hang or reply.gate:
            self._sending = asyncio.ensure_future(self._send_slowly(received, reply))
            return None
        frames = _frames(received, reply)
        self._write_head(received, reply)
        self._write_frames(received, reply, frames)
        return None

    async def _send_slowly(self, received: Received, reply: Reply) -> None:
        if reply.hang:
            await asyncio.Event().wait()
        await asyncio.sleep(reply.delay)
        frames = _frames(received, reply)
        self._write_head(received, reply)
        if not reply.gap and reply.gate is None:
            return self._write_frames(received, reply, frames)
        sent = 0
        for number, frame in enumerate(frames):
            if reply.gate is not None and number == len(frames) // 2:
                await reply.gate.wait()
            if self._is_cut(reply, sent + len(frame), frame):
                return self._cut(reply, frame, sent)
            self._write(received, reply, frame)
            sent += len(frame)
            await asyncio.sleep(reply.gap)
        return self._finish(received, reply)

    def _write_frames(self, received: Received, reply: Reply, frames: list[bytes]) -> None:
        sent = 0
        for frame in frames:
            if self._is_cut(reply, sent + len(frame), frame):
                return self._cut(reply, frame, sent)
            self._write(received, reply, frame)
            sent += len(frame)
        return self._finish(received, reply)

    def _is_cut(self, reply: Reply, after: int, frame: bytes) -> bool:
        if reply.cut_before_usage and b'"usage":{' in frame:
            return True
        return reply.cut_after is not None and after > reply.cut_after

    def _cut(self, reply: Reply, frame: bytes, sent: int) -> None:
        rest = 0 if reply.cut_before_usage else (reply.cut_after or 0) - sent
        assert self._transport is not None
        if rest > 0:
            self._transport.write(b"%x\r\n" % len(frame) + frame[:rest])
        self._transport.close()

    def _write_head(self, received: Received, reply: Reply) -> None:
        kind = _kind_of_stream(received) if _streams(received, reply) else reply.content_type
        lines = [f"HTTP/1.1 {reply.status} Scripted", f"content-type: {kind}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines.append("transfer-encoding: chunked")
        assert self._transport is not None
        self._transport.write("\r\n".join(lines).encode() + b"\r\n\r\n")

    def _write(self, received: Received, reply: Reply, frame: bytes) -> None:
        assert self._transport is not None
        if frame:
            self._transport.write(b"%x\r\n%b\r\n" % (len(frame), frame))

    def _finish(self, received: Received, reply: Reply) -> None:
        assert self._transport is not None
        received.answered = True
        self._transport.write(b"0\r\n\r\n")

    def _write_models(self, received: Received) -> None:
        """The list wants a key as the questions do."""
        server = self._server
        server.lists.append(received)
        status, data = list_answer(received.path, server.models)
        if server.keys is not None and received.key not in server.keys:
            status, data = list_refusal(received.path, received.key)
        if server.list_status != 200:
            status, data = server.list_status, b"{}"
        head = f"HTTP/1.1 {status} Scripted\r\ncontent-type: application/json"
        assert self._transport is not None
        self._transport.write(f"{head}\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


_numbers = itertools.count(1)


def _streams(received: Received, reply: Reply) -> bool:
    return received.streams and reply.status < 400 and reply.body is None


def _kind_of_stream(received: Received) -> str:
    if received.path.endswith("/converse-stream"):
        return "application/vnd.amazon.eventstream"
    return "application/x-ndjson" if _is_ollama(received) else "text/event-stream"


def _is_ollama(received: Received) -> bool:
    return received.path.endswith("/api/chat")


def _frames(received: Received, reply: Reply) -> list[bytes]:
    if reply.body is not None:
        return [reply.body]
    body, number, failed = received.body, next(_numbers), reply.status >= 400
    if received.path.endswith("/messages"):
        return [anthropic_error(reply)] if failed else anthropic_answer(body, reply, number)
    if received.is_gemini:
        if failed:
            return [gemini_error(reply)]
        return gemini_answer(body, reply, number, received.model, received.streams)
    if received.path.endswith(("/converse", "/converse-stream")):
        return [bedrock_error(reply)] if failed else bedrock_answer(body, reply, received.streams)
    if received.path.endswith("/v2/chat"):
        return [cohere_error(reply)] if failed else cohere_answer(body, reply, number)
    if _is_ollama(received):
        return [ollama_error(reply)] if failed else ollama_answer(body, reply)
    if received.path.partition("?")[0].endswith("/responses") and not failed:
        return responses_answer(body, reply, number)
    return [openai_error(reply)] if failed else openai_answer(body, reply, number)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A scripted model server.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--text", default="ok", help="what it answers; `echo` repeats the input")
    parser.add_argument("--delay-ms", type=float, default=0, help="before the first byte")
    parser.add_argument("--gap-ms", type=float, default=0, help="between frames of a stream")
    parser.add_argument("--pieces", type=int, default=None, help="frames per stream")
    return parser.parse_args(arguments)


def _standing(options: argparse.Namespace) -> Script:
    reply = Reply(
        text=options.text,
        delay=options.delay_ms / 1000,
        gap=options.gap_ms / 1000,
        pieces=options.pieces,
    )
    return echo if options.text == "echo" else reply


def echo(body: dict[str, Any]) -> Reply:
    """Answers with the last message."""
    return Reply(text=str(body["messages"][-1].get("content") or ""))


async def serve(arguments: Sequence[str]) -> None:
    options = _options(arguments)
    server = await ModelServer(_standing(options), keep=False).start(options.port)
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    try:
        uvloop.run(serve(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(0)
