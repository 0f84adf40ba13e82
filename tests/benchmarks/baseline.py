"""The bare baseline: a Starlette endpoint on uvicorn that answers JSON and does nothing else."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.benchmarks.executions import Load, closed_loop
from tests.support.services import free_port


async def echo(request: Request) -> JSONResponse:
    return JSONResponse(await request.json())


app = Starlette(routes=[Route("/echo", echo, methods=["POST"])])


@contextlib.asynccontextmanager
async def echo_server() -> AsyncIterator[aiohttp.ClientSession]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "tests.benchmarks.baseline:app", "--port", str(port)]
        + ["--log-level", "error"],
    )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            await await_answer(client)
            yield client
    finally:
        process.terminate()
        process.wait(10)


async def echo_load(client: aiohttp.ClientSession, connections: int, seconds: float) -> Load:
    body = {"n": 21, "text": "hello"}

    async def once(_: object) -> None:
        async with client.post("/echo", json=body) as answer:
            assert await answer.json() == body

    return await closed_loop(client, connections, seconds, once, follow=False)


async def await_answer(client: aiohttp.ClientSession, path: str = "/echo") -> None:
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        with contextlib.suppress(aiohttp.ClientError):
            async with client.post(path, json={}):
                return
        time.sleep(0.05)
    raise RuntimeError("the baseline server did not start")
