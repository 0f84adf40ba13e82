"""W4: cold start to the first correct answer, and idle memory."""

from __future__ import annotations

import asyncio
import time

from tests.benchmarks.executions import Follower, run_one
from tests.benchmarks.product import create_bot, product, session
from tests.benchmarks.table import Row, load_average
from tests.benchmarks.w1g import EXPECTED, INPUT, SOURCE

IDLE_SECONDS = 8


async def measure(repeats: int, seconds: float) -> list[Row]:
    del seconds
    return [await _cold_start() for _ in range(repeats)]


async def _cold_start() -> Row:
    with product(BALEYBOTS_LOG_LEVEL="error") as running:
        async with session(running) as client:
            # Making the token is the benchmark's own work and not counted.
            started = time.perf_counter()
            follower = await Follower.open(client)
            bot = await create_bot(client, "W4", SOURCE)
            await run_one(client, follower, bot, INPUT, lambda output: output == EXPECTED)
            answered = running.ready_after + time.perf_counter() - started
            await asyncio.sleep(IDLE_SECONDS)
            return Row(
                work="W4",
                values={
                    "ready s": running.ready_after,
                    "first answer s": answered,
                    "idle RSS MiB": running.rss_mib(),
                },
                goal="answer <= 2 s, RSS < 130 MiB",
                load=load_average(),
            )
