"""W1g: one deterministic step started by `startExecution` over GraphQL and followed to its end."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.baseline import echo_load, echo_server
from tests.benchmarks.executions import Follower, closed_loop, run_one
from tests.benchmarks.product import create_bot, product, session
from tests.benchmarks.table import Row, load_average

SOURCE = """
processor("double") {
  "{n: result.n, double: result.n * 2, upper: upper(result.text)}"
}
"""
INPUT = {"n": 21, "text": "hello"}
EXPECTED = {"n": 21, "double": 42, "upper": "HELLO"}
WARM_UP_SECONDS = 1.5


async def measure(repeats: int, seconds: float) -> list[Row]:
    rows: list[Row] = []
    with product(BALEYBOTS_LOG_LEVEL="error") as running:
        async with session(running) as client, echo_server() as bare:
            bot = await create_bot(client, "W1g", SOURCE)

            async def once(follower: Follower | None) -> Any:
                assert follower is not None
                await run_one(client, follower, bot, INPUT, lambda output: output == EXPECTED)

            await closed_loop(client, 4, WARM_UP_SECONDS, once)
            for connections in (1, 10):
                for _ in range(repeats):
                    baseline = await echo_load(bare, connections, seconds / 2)
                    cpu = running.cpu_seconds()
                    load = await closed_loop(client, connections, seconds, once)
                    cpu_ms = (running.cpu_seconds() - cpu) * 1000 / len(load.latencies)
                    rows.append(
                        Row(
                            work=f"W1g c={connections}",
                            values={
                                "per s": load.rate,
                                "p50 ms": load.percentile(0.5) * 1000,
                                "p99 ms": load.percentile(0.99) * 1000,
                                "CPU ms": cpu_ms,
                                "bare per s": baseline.rate,
                                "ratio": load.rate / baseline.rate,
                            },
                            goal="CPU <= 2.5 ms",
                            load=load_average(),
                        )
                    )
            rows.append(
                Row("W1g after", {"RSS MiB": running.rss_mib()}, "< 130 MiB", load_average())
            )
    return rows
