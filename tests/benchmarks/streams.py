"""S: what each piece of a streamed answer costs this process, by provider, against reading the same
bytes and taking their JSON apart; `acompletion` beside it for the same provider."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import orjson

from server.connections.providers import BY_NAME
from server.core.settings import load_settings
from server.llm.access import Access
from server.llm.gateway import Gateway
from server.llm.messages import ChatRequest, Message
from server.llm.sse import EventCutter, LineCutter
from tests.benchmarks.table import Row, load_average

PIECES = 2_000
MODELS = {
    "openai": "gpt-4o-mini",
    "anthropic": "claude-haiku-4-5",
    "gemini": "gemini-2.5-flash",
    "groq": "openai/gpt-oss-20b",
    "mistral": "mistral-small-latest",
    "azure": "gpt-4o-mini",
    "ollama": "llama3.2",
}
# The library's own way to Ollama holds the loop while it asks the server about the model.
FAST_ONLY = ("ollama",)


async def measure(repeats: int, seconds: float) -> list[Row]:
    del seconds
    async with _provider() as base:
        address = base.removeprefix("http://").removesuffix("/v1")
        settings = load_settings({"BALEYBOTS_ALLOWED_PRIVATE_HOSTS": address})
        ways = {
            "fast": Gateway(settings),
            "acompletion": Gateway(settings, use_fast_path=False),
        }
        rows = [
            await _row(ways[way], way, name, base)
            for name in MODELS
            for way in ways
            if way == "fast" or name not in FAST_ONLY
            for _ in range(repeats)
        ]
        for gateway in ways.values():
            await gateway.close()
        return rows


async def _row(gateway: Gateway, way: str, name: str, base: str) -> Row:
    await _stream(gateway, name, base, 1)
    bare = await _bare(base)
    ours = await _stream(gateway, name, base, 3)
    return Row(
        f"S {name} {way}",
        {"us a piece": ours, "times bare": ours / bare},
        "<= 100 us a piece" if way == "fast" else "none",
        load_average(),
    )


async def _stream(gateway: Gateway, name: str, base: str, times: int) -> float:
    place = base.removesuffix("/v1") if name == "ollama" else base
    access = Access("con_1", "Bench", BY_NAME[name].name, "sk-bench", place)
    request = ChatRequest((Message("user", "Go"),), model=f"{name}:{MODELS[name]}", access=access)
    heard: list[object] = []
    began = time.process_time()
    for _ in range(times):
        answer = await gateway.chat(replace(request), heard.append)
        assert answer.text.count("word") == PIECES, name
    return (time.process_time() - began) * 1e6 / (times * PIECES)


async def _bare(base: str) -> float:
    """The bytes of OpenAI's format read and parsed, and nothing else."""
    body = {"model": "x", "messages": [], "stream": True}
    began, pieces = time.process_time(), 0
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{base}/chat/completions", json=body) as response,
    ):
        cutter: LineCutter = EventCutter()
        async for data in response.content.iter_any():
            for event in cutter.feed(data):
                if event != b"[DONE]":
                    orjson.loads(event)
                    pieces += 1
    assert pieces > PIECES
    return (time.process_time() - began) * 1e6 / pieces


@contextlib.asynccontextmanager
async def _provider() -> AsyncIterator[str]:
    """In a process of its own: its work is not ours."""
    text = " ".join(["word"] * PIECES)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.model_server", "--port", "0", "--text", text],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
