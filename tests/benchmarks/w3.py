"""W3: 20 model calls of 50 ms side by side, as branches of a parallel block and as items of a map,
with one and with four executions at once (20 and 80 calls in flight): started and followed over
GraphQL, and the branches for a caller in the engine's own process who waits for the answer."""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.benchmarks import caller
from tests.benchmarks.executions import Follower, closed_loop, run_one
from tests.benchmarks.product import Product, create_bot, product, session
from tests.benchmarks.stub import model_server
from tests.benchmarks.table import Row, load_average

CALLS = 20
DELAY_MS = 50
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
                        row = await _row(running, client, bot, value, at_once, seconds)
                        rows.append(Row(f"W3 {name} x{at_once}", *row, load_average()))
        for at_once in (1, 4):
            for _ in range(repeats):
                found = await caller.measure(branches(), "an article", endpoint, at_once, seconds)
                rows.append(Row(f"W3 caller x{at_once}", found, _goal(at_once), load_average()))
    return rows


def _goal(at_once: int) -> str:
    return f"p50 <= {60 if at_once == 1 else 75} ms, CPU <= 10 ms"


async def _row(
    running: Product, client: aiohttp.ClientSession, bot: str, value: Any, at_once: int, s: float
) -> tuple[dict[str, float], str]:
    cpu = running.cpu_seconds()
    load = await _load(client, bot, value, at_once, s)
    cpu_ms = (running.cpu_seconds() - cpu) * 1000 / len(load.latencies)
    values = {
        "p50 ms": load.percentile(0.5) * 1000,
        "p99 ms": load.percentile(0.99) * 1000,
        "CPU ms": cpu_ms,
    }
    return values, _goal(at_once)


async def _load(
    client: aiohttp.ClientSession, bot: str, value: Any, at_once: int, seconds: float
) -> Any:
    async def once(follower: Follower | None) -> None:
        assert follower is not None
        await run_one(client, follower, bot, value, lambda output: len(output) == CALLS)

    return await closed_loop(client, at_once, seconds, once)
