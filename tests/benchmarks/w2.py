"""W2: three model calls in a chain, each fed by the one before, against a 0 ms model server:
started and followed over GraphQL, and for a caller in the engine's own process who waits. A step is
also told in bare calls, which a slower machine does not change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp

from tests.benchmarks import caller
from tests.benchmarks.bare import THEN, beside
from tests.benchmarks.executions import Follower, closed_loop, run_one
from tests.benchmarks.product import Product, create_bot, graphql, product, session
from tests.benchmarks.stub import model_server
from tests.benchmarks.table import Row, load_average

SOURCE = """
one { "goal": "Say it better", "model": "openai:stub" }
two { "goal": "Say it shorter", "model": "openai:stub" }
three { "goal": "Say it once more", "model": "openai:stub" }
chain { one two three }
"""
GOAL_MS = 1.2
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
            await _followed(running, client, bot, 1, 3)
            for connections in (1, 10):
                for _ in range(repeats):
                    measured = partial(_followed, running, client, bot, connections, seconds)
                    rows.append(await _row(f"c={connections}", endpoint, measured))
        for connections in (1, 10):
            for _ in range(repeats):
                measured = partial(_waited, endpoint, connections, seconds)
                rows.append(await _row(f"caller c={connections}", endpoint, measured))
    return rows


async def _row(
    name: str, endpoint: str, measured: Callable[[], Awaitable[dict[str, float]]]
) -> Row:
    values, bare = await beside(endpoint, measured)
    values = {"in bare calls": values["ms per step"] / bare.took, **values}
    goal = f"c=1: <= {GOAL_MS / THEN.took:.3g} bare calls, {GOAL_MS} ms at {THEN.took} ms a call"
    return Row(f"W2 {name}", values, goal, load_average())


async def _followed(
    running: Product, client: aiohttp.ClientSession, bot: str, connections: int, seconds: float
) -> dict[str, float]:
    ids: list[str] = []

    async def once(follower: Follower | None) -> Any:
        assert follower is not None
        ids.append(await run_one(client, follower, bot, "an article", bool))

    cpu = running.cpu_seconds()
    load = await closed_loop(client, connections, seconds, once)
    cpu_ms = (running.cpu_seconds() - cpu) * 1000 / len(load.latencies)
    took = [await _duration(client, execution) for execution in ids[:100]]
    return {
        "ms per step": sorted(took)[len(took) // 2] / 3,
        "per s": load.rate,
        "p50 ms": load.percentile(0.5) * 1000,
        "CPU ms": cpu_ms,
    }


async def _waited(endpoint: str, connections: int, seconds: float) -> dict[str, float]:
    found = await caller.measure(SOURCE, "an article", endpoint, connections, seconds)
    return {"ms per step": found["p50 ms"] / 3, "CPU ms": found["CPU ms"]}


async def _duration(client: aiohttp.ClientSession, execution: str) -> float:
    data = await graphql(client, DURATION, {"id": execution})
    return data["execution"]["durationMs"]
