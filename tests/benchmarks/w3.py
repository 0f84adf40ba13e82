"""W3: 20 model calls of 50 ms side by side, as branches of a parallel block and as items of a map,
with one and with four executions at once (20 and 80 calls in flight): started and followed over
GraphQL, and the branches for a caller in the engine's own process who waits for the answer. What is
ours, all beyond the 50 ms, is also told in bare calls, which a slower machine does not change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp

from tests.benchmarks import caller
from tests.benchmarks.bare import THEN, beside
from tests.benchmarks.executions import Follower, closed_loop, run_one
from tests.benchmarks.product import Product, create_bot, product, session
from tests.benchmarks.stub import model_server
from tests.benchmarks.table import Row, load_average

CALLS = 20
DELAY_MS = 50
GOAL_MS = {1: 60, 4: 75}
GOAL_CPU_MS = 10
ENTITY = '{name} {{ "goal": "Say it better", "model": "openai:stub" }}\n'


def branches() -> str:
    names = [f"writer_{number}" for number in range(CALLS)]
    entities = "".join(ENTITY.format(name=name) for name in names)
    return f"{entities}parallel {{ {' '.join(names)} }}"


ITEMS = ENTITY.format(name="writer") + "map result { writer }"


async def measure(repeats: int, seconds: float) -> list[Row]:
    rows: list[Row] = []
    with (
        model_server(DELAY_MS) as endpoint,
        model_server() as bare,
        product(
            BALEYBOTS_LOG_LEVEL="error", OPENAI_BASE_URL=f"{endpoint}/v1", OPENAI_API_KEY="sk-bench"
        ) as running,
    ):
        async with session(running) as client:
            for name, source, value in (
                ("parallel", branches(), "an article"),
                ("map", ITEMS, [f"article {number}" for number in range(CALLS)]),
            ):
                bot = await create_bot(client, f"W3 {name}", source)
                await _load(client, bot, value, 1, 2)
                for at_once in (1, 4):
                    for _ in range(repeats):
                        measured = partial(_followed, running, client, bot, value, at_once, seconds)
                        rows.append(await _row(f"{name} x{at_once}", at_once, bare, measured))
        for at_once in (1, 4):
            for _ in range(repeats):
                measured = partial(
                    caller.measure, branches(), "an article", endpoint, at_once, seconds
                )
                rows.append(await _row(f"caller x{at_once}", at_once, bare, measured))
    return rows


async def _row(
    name: str, at_once: int, endpoint: str, measured: Callable[[], Awaitable[dict[str, float]]]
) -> Row:
    values, bare = await beside(endpoint, measured)
    in_bare_calls = {
        "ours in bare calls": (values["p50 ms"] - DELAY_MS) / bare.cpu,
        "CPU in bare calls": values["CPU ms"] / bare.cpu,
    }
    ours, cpu = (GOAL_MS[at_once] - DELAY_MS) / THEN.cpu, GOAL_CPU_MS / THEN.cpu
    goal = (
        f"ours <= {ours:.0f} bare calls, CPU <= {cpu:.0f}: "
        f"{GOAL_MS[at_once]} ms and {GOAL_CPU_MS} at {THEN.cpu} a call"
    )
    return Row(f"W3 {name}", {**in_bare_calls, **values}, goal, load_average())


async def _followed(
    running: Product, client: aiohttp.ClientSession, bot: str, value: Any, at_once: int, s: float
) -> dict[str, float]:
    cpu = running.cpu_seconds()
    load = await _load(client, bot, value, at_once, s)
    cpu_ms = (running.cpu_seconds() - cpu) * 1000 / len(load.latencies)
    return {
        "p50 ms": load.percentile(0.5) * 1000,
        "p99 ms": load.percentile(0.99) * 1000,
        "CPU ms": cpu_ms,
    }


async def _load(
    client: aiohttp.ClientSession, bot: str, value: Any, at_once: int, seconds: float
) -> Any:
    async def once(follower: Follower | None) -> None:
        assert follower is not None
        await run_one(client, follower, bot, value, lambda output: len(output) == CALLS)

    return await closed_loop(client, at_once, seconds, once)
