"""A bare model call, the measure of W2 and W3: one client that posts JSON and reads the answer, one
call after the other, without a product around it, in a process of its own. It says how fast this
machine is now: of a chain its time, of work side by side its CPU.

`python -m tests.benchmarks.bare ADDRESS` prints both, in milliseconds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import aiohttp
import orjson
import uvloop

WARM = 50
CALLS = 500
BODY = {"model": "stub", "messages": [{"role": "user", "content": "an article"}]}


@dataclass(frozen=True, slots=True)
class Bare:
    """Milliseconds of one call: from question to answer, and of the client's CPU."""

    took: float
    cpu: float

    @classmethod
    async def measure(cls, endpoint: str) -> Self:
        command = [sys.executable, "-m", "tests.benchmarks.bare", endpoint]
        child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        said, _ = await child.communicate()
        if child.returncode:
            raise RuntimeError("the bare calls broke")
        return cls(*map(float, said.split()))


# On the machine, and with the client, for which the goals in milliseconds were set.
THEN = Bare(took=0.16, cpu=0.12)


async def beside(
    endpoint: str, measured: Callable[[], Awaitable[dict[str, float]]]
) -> tuple[dict[str, float], Bare]:
    """What was measured, and the bare call right before and after it."""
    before = await Bare.measure(endpoint)
    values = await measured()
    after = await Bare.measure(endpoint)
    bare = Bare((before.took + after.took) / 2, (before.cpu + after.cpu) / 2)
    return {**values, "bare call ms": bare.took, "bare call CPU ms": bare.cpu}, bare


async def _measured(endpoint: str) -> tuple[float, float]:
    url = f"{endpoint}/v1/chat/completions"
    took: list[float] = []
    async with aiohttp.ClientSession(headers={"content-type": "application/json"}) as client:
        for _ in range(WARM):
            await _call(client, url)
        cpu = time.process_time()
        for _ in range(CALLS):
            began = time.perf_counter()
            await _call(client, url)
            took.append(time.perf_counter() - began)
        cpu = time.process_time() - cpu
    return sorted(took)[CALLS // 2] * 1000, cpu * 1000 / CALLS


async def _call(client: aiohttp.ClientSession, url: str) -> None:
    async with client.post(url, data=orjson.dumps(BODY)) as answer:
        assert orjson.loads(await answer.read())["choices"]


if __name__ == "__main__":
    print(*uvloop.run(_measured(sys.argv[1])))
