"""W5: 20 executions of three model calls of 300 ms, over PostgreSQL and Redis, with one server and
two workers, of which one is killed in the middle."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.table import Row, load_average
from tests.support import services
from tests.support.model_server import ModelServer, Received, Reply
from tests.support.processes import Client, Installation, Process, installation

EXECUTIONS = 20
DELAY = 0.3
STEPS = (1, 2, 3)
SOURCE = (
    "".join(f'e{n} {{ "goal": "Step {n}", "model": "openai:stub" }}\n' for n in STEPS)
    + "chain { e1 e2 e3 }"
)
GOAL = "0 lost, on again <= 16 s later, no finished call repeated"


async def measure(repeats: int, seconds: float) -> list[Row]:
    del seconds
    rows: list[Row] = []
    for _ in range(repeats):  # each with a database of its own: it belongs to one secret key
        with services.postgres() as database, services.redis() as redis:
            rows.append(await _once(database, redis))
    return rows


async def _once(database: str, redis: str) -> Row:
    with tempfile.TemporaryDirectory(prefix="baleybots-bench-") as folder:
        async with ModelServer(_answer) as models:
            settings = {
                "BALEYBOTS_DATABASE_URL": database,
                "BALEYBOTS_REDIS_URL": redis,
                "BALEYBOTS_LOG_LEVEL": "info",
                "OPENAI_BASE_URL": models.url,
            }
            with installation(Path(folder), settings) as made:
                return await _killed(made, models)


def _answer(body: dict[str, Any]) -> Reply:
    """Input and goal again, so that the next step's question names the execution too."""
    return Reply(str(body["messages"][-1]["content"])[:40], delay=DELAY)


async def _killed(made: Installation, models: ModelServer) -> Row:
    _, url = await asyncio.to_thread(made.serve, "serve")
    token = await asyncio.to_thread(made.sign_in)
    workers = [await _worker(made, f"key-{number}") for number in range(2)]
    async with Client.connect(url, token) as client:
        bot = await client.create_bot("W5", SOURCE)
        names = [await client.start(bot, f"run-{number:03}") for number in range(EXECUTIONS)]
        await models.wait_for(EXECUTIONS, 60)
        in_flight = sum(not one.answered for one in models.requests if one.key == "key-0")
        workers[0].kill()
        killed = time.time()
        ended = await asyncio.gather(*(client.follow(name) for name in names))
    assert all(events[-1]["type"] == "execution.completed" for events in ended)
    counts = Counter(map(_asked_for, models.requests))
    repeated = sum(count - 1 for count in counts.values())
    assert repeated <= in_flight, (repeated, in_flight)
    again = [_at(event) - killed for events in ended for event in _taken_again(events)]
    last = max(_at(events[-1]) for events in ended) - killed
    figures = {
        "lost": 0.0,
        "in flight": float(in_flight),
        "repeated": float(repeated),
        "again after s": max(again, default=0.0),
        "all done after s": last,
    }
    return Row("W5", figures, GOAL, load_average())


async def _worker(made: Installation, key: str) -> Process:
    made.environment["OPENAI_API_KEY"] = key
    worker = made.start("worker")
    await asyncio.to_thread(worker.await_output, "worker_ready")
    return worker


def _asked_for(received: Received) -> str:
    return str([message["content"] for message in received.body["messages"]])


def _taken_again(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == "execution.started"][1:]


def _at(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()
