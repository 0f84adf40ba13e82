"""Executions for a caller in the engine's own process who waits for the answer, as a webhook does
that replies with it: the engine, its database and its calls of models, without GraphQL and without
a page that looks on. A process of its own, so that nothing of the bench is measured.

Reads a bot's source, its input, where models answer, how many at once and for how long from
standard input as JSON; prints one object."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from server.cli.serving import NEW_OBJECTS
from tests.support.rooms import Home, open_home

WARM = 30


async def measure(source: str, value: Any, endpoint: str, at_once: int, seconds: float) -> Any:
    """`p50 ms` from the call to the answer and `CPU ms` of the process, per execution."""
    asked = [source, value, endpoint, at_once, seconds]
    command = [sys.executable, "-m", "tests.benchmarks.caller"]
    child = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    said, _ = await child.communicate(json.dumps(asked).encode())
    if child.returncode:
        raise RuntimeError("the caller broke")
    return json.loads(said)


async def _measured(
    source: str, value: Any, endpoint: str, at_once: int, seconds: float
) -> dict[str, float]:
    environ = {"OPENAI_BASE_URL": f"{endpoint}/v1", "OPENAI_API_KEY": "sk-bench"}
    with tempfile.TemporaryDirectory() as folder:
        async with open_home(Path(folder), environ=environ) as home:
            bot = await home.bot(source)
            took: list[float] = []

            async def caller(until: float, least: int) -> None:
                while time.perf_counter() < until or len(took) < least:
                    took.append(await _one(home, bot, value))

            await caller(0, WARM)
            gc.collect()
            gc.freeze()
            took.clear()
            cpu, end = time.process_time(), time.perf_counter() + seconds
            await asyncio.gather(*(caller(end, 1) for _ in range(at_once)))
            cpu = time.process_time() - cpu
    took.sort()
    return {"p50 ms": took[len(took) // 2] * 1000, "CPU ms": cpu * 1000 / len(took)}


async def _one(home: Home, bot: Any, value: Any) -> float:
    started = time.perf_counter()
    events = await home.events(await home.start(bot, value))
    took = time.perf_counter() - started
    assert events[-1]["type"] == "execution.completed", events[-1]
    return took


if __name__ == "__main__":
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    print(json.dumps(uvloop.run(_measured(*json.load(sys.stdin)))))
