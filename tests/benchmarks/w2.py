"""W2: three model calls in a chain, each fed by the one before, against a 0 ms model server:
started and followed over GraphQL, and for a caller in the engine's own process who waits."""

from __future__ import annotations

import time
from typing import Any

import aiohttp

from tests.benchmarks import caller
from tests.benchmarks.executions import Follower, closed_loop, run_one
from tests.benchmarks.product import create_bot, graphql, product, session
from tests.benchmarks.stub import model_server
from tests.benchmarks.table import Row, load_average

SOURCE = """
one { "goal": "Say it better", "model": "openai:stub" }
two { "goal": "Say it shorter", "model": "openai:stub" }
three { "goal": "Say it once more", "model": "openai:stub" }
chain { one two three }
"""
DURATION = "query Took($id: ID!) { execution(id: $id) { durationMs steps { name durationMs } } }"


async def measure(repeats: int, seconds: float) -> list[Row]:
    rows: list[Row] = []
    with (
        model_server() as endpoint,
        product(
            BALEYBOTS_LOG_LEVEL="error", OPENAI_BASE_URL=f"{endpoint}/v1", OPENAI_API_KEY="sk-bench"
        ) as running,
    ):
        async with session(running) as client:
            bot = await create_bot(client, "W2", SOURCE)
            ids: list[str] = []

            async def once(follower: Follower | None) -> Any:
                assert follower is not None
                ids.append(await run_one(client, follower, bot, "an article", bool))

            await closed_loop(client, 1, 3, once)
            for connections in (1, 10):
                for _ in range(repeats):
                    bare = await _bare_call(endpoint)
                    ids.clear()
                    cpu = running.cpu_seconds()
                    load = await closed_loop(client, connections, seconds, once)
                    cpu_ms = (running.cpu_seconds() - cpu) * 1000 / len(load.latencies)
                    took = [await _duration(client, execution) for execution in ids[:100]]
                    rows.append(
                        Row(
                            work=f"W2 c={connections}",
                            values={
                                "per s": load.rate,
                                "engine ms per step": sorted(took)[len(took) // 2] / 3,
                                "p50 ms": load.percentile(0.5) * 1000,
                                "CPU ms": cpu_ms,
                                "bare call ms": bare,
                            },
                            goal="<= 1.2 ms per step at c=1",
                            load=load_average(),
                        )
                    )
        for connections in (1, 10):
            for _ in range(repeats):
                rows.append(await _waited_for(endpoint, connections, seconds))
    return rows


async def _waited_for(endpoint: str, connections: int, seconds: float) -> Row:
    bare = await _bare_call(endpoint)
    found = await caller.measure(SOURCE, "an article", endpoint, connections, seconds)
    values = {"ms per step": found["p50 ms"] / 3, "CPU ms": found["CPU ms"], "bare call ms": bare}
    goal = "<= 1.2 ms per step at c=1"
    return Row(f"W2 caller c={connections}", values, goal, load_average())


async def _duration(client: aiohttp.ClientSession, execution: str) -> float:
    data = await graphql(client, DURATION, {"id": execution})
    return data["execution"]["durationMs"]


async def _bare_call(endpoint: str) -> float:
    """Milliseconds of one streamed model call with nothing around it (median of 200)."""
    body = {
        "model": "stub",
        "stream": True,
        "messages": [{"role": "user", "content": "an article"}],
    }
    took: list[float] = []
    async with aiohttp.ClientSession() as client:
        for _ in range(200):
            started = time.perf_counter()
            async with client.post(f"{endpoint}/v1/chat/completions", json=body) as answer:
                await answer.read()
            took.append(time.perf_counter() - started)
    return sorted(took)[100] * 1000
