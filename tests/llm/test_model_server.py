"""The scripted model server, as other tests and the benchmarks use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.model_server import ModelServer, Reply


async def post(url: str, content: str, **more: Any) -> Any:
    body = {"model": "m", "messages": [{"role": "user", "content": content}], **more}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/chat/completions", json=body) as response,
    ):
        return await response.json()


async def test_answers_are_looked_for_from_the_most_exact_to_the_default() -> None:
    async with ModelServer(Reply("default")) as server:
        server.script("m", Reply("first"))
        server.when("weather", Reply("sunny"))
        server.always("n", Reply("standing"))
        asked = [("hi", {}), ("hi", {}), ("the weather?", {}), ("hi", {"model": "n"})]
        said = [await post(server.url, content, **more) for content, more in asked]
    texts = [one["choices"][0]["message"]["content"] for one in said]
    assert texts == ["first", "default", "sunny", "standing"]
    assert (server.total, server.count("m"), server.count("n")) == (4, 3, 1)


async def test_it_runs_as_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "tests.support.model_server", "--text", "echo"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            said = await post(url, "hello there")
        finally:
            process.kill()
    assert said["choices"][0]["message"]["content"] == "hello there"
    assert said["usage"]["prompt_tokens"] == 2
