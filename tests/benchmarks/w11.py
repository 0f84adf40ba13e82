"""W11: 400 executions with one model call of 200 ms, by 1, 2 and 4 worker processes over PostgreSQL
and Redis; half of them are of a second bot that came later, and is not to be served later: `late`
is how much later its median ended, in parts of the whole (0.5: one bot after the other). The
workers are warm: each has made a call before."""

from __future__ import annotations

import asyncio
import signal
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

import psutil

from tests.benchmarks import turns
from tests.benchmarks.stub import model_server
from tests.benchmarks.table import Row, load_average
from tests.support import services
from tests.support.processes import Client, Installation, installation

EXECUTIONS = 400
WORKERS = (1, 2, 4)
DELAY_MS = 200
SLOTS = 8
WARM_ROUNDS = 40
WARM_SECONDS = 1.0
SOURCE = 'writer { "goal": "Say it better", "model": "openai:stub" }'
LEFT = (
    "query($ids: ID!) { executions(first: 1, filter: {botId: $ids, "
    "status: {in: [PENDING, RUNNING, WAITING]}}) { totalCount } }"
)
TIMES = (
    "query($id: ID!, $after: String) { executions(first: 100, after: $after, filter: {botId: $id})"
    " { nodes { finishedAt status } pageInfo { hasNextPage endCursor } } }"
)


async def measure(repeats: int, seconds: float) -> list[Row]:
    del repeats, seconds
    rows: list[Row] = []
    earlier: float | None = None
    for count in WORKERS:
        took, busy, unfair = await asyncio.to_thread(_with_workers, count)
        gain = 1.0 if earlier is None else earlier / took
        rows.append(
            Row(
                f"W11 {count} workers",
                {
                    "s": took,
                    "per s": EXECUTIONS / took,
                    "gain": gain,
                    "CPU %": busy,
                    "late": unfair,
                },
                "1 -> 2 >= 1.8x, 2 -> 4 >= 1.6x or CPU >= 90 %",
                load_average(),
            )
        )
        earlier = took
    return rows + await turns.measure()


def _with_workers(count: int) -> tuple[float, float, float]:
    with (
        services.postgres() as database,
        services.redis() as redis,
        model_server(DELAY_MS) as endpoint,
        tempfile.TemporaryDirectory(prefix="baleybots-bench-") as folder,
    ):
        settings = {
            "BALEYBOTS_DATABASE_URL": database,
            "BALEYBOTS_REDIS_URL": redis,
            "BALEYBOTS_LOG_LEVEL": "info",
            "OPENAI_BASE_URL": f"{endpoint}/v1",
            "OPENAI_API_KEY": "sk-bench",
        }
        with installation(Path(folder), settings) as made:
            _, url = made.serve("serve")
            token = made.sign_in()
            return asyncio.run(_run(made, url, token, count))


async def _run(made: Installation, url: str, token: str, count: int) -> tuple[float, float, float]:
    """Seconds, percent of the machine, and how much later the second bot's half was ready."""
    async with Client.connect(url, token) as client:
        bots = [await client.create_bot(f"W11 {which}", SOURCE) for which in ("one", "two")]
        workers = [made.start("worker") for _ in range(count)]
        for worker in workers:
            await asyncio.to_thread(worker.await_output, "worker_ready")
        await _warmed(client, count)
        for worker in workers:  # all is to be queued before any of it is taken
            worker.popen.send_signal(signal.SIGSTOP)
        for bot in bots:
            await asyncio.gather(*(client.start(bot, "x") for _ in range(EXECUTIONS // 2)))
        psutil.cpu_percent()
        began = time.perf_counter()
        for worker in workers:
            worker.popen.send_signal(signal.SIGCONT)
        while sum([await _left(client, bot) for bot in bots]):
            await asyncio.sleep(0.05)
        took = time.perf_counter() - began
        busy = psutil.cpu_percent()
        ends = [await _ends(client, bot) for bot in bots]
        spread = max(max(ends)) - min(min(ends))
        return took, busy, (statistics.median(ends[1]) - statistics.median(ends[0])) / spread


async def _warmed(client: Client, count: int) -> None:
    """Until every worker has loaded what calls need, which takes each of them some seconds: then a
    round that fills all of them takes little longer than one call."""
    bot = await client.create_bot("W11 warm", SOURCE)
    for _ in range(WARM_ROUNDS):
        began = time.perf_counter()
        await asyncio.gather(*(client.start(bot, "x") for _ in range(count * SLOTS)))
        while await _left(client, bot):
            await asyncio.sleep(0.02)
        if time.perf_counter() - began < WARM_SECONDS:
            return
    raise AssertionError("the workers do not get warm")


async def _left(client: Client, bot: str) -> int:
    return (await client.ask(LEFT, ids=bot))["executions"]["totalCount"]


async def _ends(client: Client, bot: str) -> list[float]:
    found: list[float] = []
    after = None
    while True:
        page = (await client.ask(TIMES, id=bot, after=after))["executions"]
        assert all(node["status"] == "COMPLETED" for node in page["nodes"])
        found += [datetime.fromisoformat(node["finishedAt"]).timestamp() for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]
