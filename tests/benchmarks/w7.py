"""W7: a list of 50 executions with bot, version, cost and trigger over GraphQL, at 1,000 and at
1,000,000 stored executions; what a hostile document costs to refuse; what 1,000 open sockets hold.

The list is compared with two endpoints, since "a plain JSON endpoint with the same data" can be
read in two ways:

- `plain`: reads the same rows of the same database by one joined statement and answers the same
  JSON, without token, rights, limits or schema (`tests/benchmarks/plain.py`). The goal is about
  this one: it has to come by the data too. Only so do the reference's figures make sense: the field
  reaches 0.14 to 0.35 of it with Tortoise and a DataLoader, which take 5 to 15 ms for such a list;
  against an endpoint that reads nothing, 0.35 would ask for about 1 ms.
- `echo`: gets the answer's own bytes in the request and gives them back; no database at all. What
  W7 was compared with before. No goal: it is printed to be seen.

CPU is of the server's processes, for each answer; the ratio of the two is steadier than the ratio
of the rates when other work runs beside."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from graphql import GraphQLSchema

from server.core.ids import new_uuid
from tests.benchmarks.baseline import echo_server
from tests.benchmarks.executions import START, Load, closed_loop
from tests.benchmarks.hostile import KINDS, WORSE
from tests.benchmarks.large import entangled, large
from tests.benchmarks.plain import DATABASE, Plain, plain_server
from tests.benchmarks.product import Product, create_bot, product, session
from tests.benchmarks.table import Row, load_average

CONNECTIONS = 8
ROWS = 50
SIZES = (1_000, 1_000_000)
SOCKETS = 1_000
PURE = 'processor ("same") { "result" }'
LIST = """query List { executions(first: 50) { nodes {
  id status triggerKind createdAt durationMs bot { id name } version { id number }
  usage { cost totalTokens } } pageInfo { hasNextPage endCursor } } }"""
Fetch = Callable[[], Awaitable[Any]]


async def measure(repeats: int, seconds: float) -> list[Row]:
    rows = refusals(repeats)
    with product(BALEYBOTS_LOG_LEVEL="error") as ours:
        async with session(ours) as client:
            await _stored(client)
            rows += await _lists(ours, client, repeats, seconds)
            rows.append(await _sockets(ours))
    return rows


async def _stored(client: aiohttp.ClientSession) -> None:
    bot = await create_bot(client, "W7", PURE)
    for number in range(ROWS):
        body = {"query": START, "variables": {"input": {"botId": bot, "input": number}}}
        async with client.post("/graphql", json=body) as said:
            assert said.status == 200


async def _lists(
    ours: Product, client: aiohttp.ClientSession, repeats: int, seconds: float
) -> list[Row]:
    rows: list[Row] = []
    medians: list[tuple[float, float]] = []
    async with plain_server(ours.folder) as plain, echo_server() as echo:
        for size in SIZES:
            fill(ours.folder, size)
            found = [await _against(ours, client, plain, echo, seconds) for _ in range(repeats)]
            medians.append((_median(found, "p50 ms"), _median(found, "CPU ms")))
            for row in found:
                row.work = f"W7 list of 50 at {size:,}"
            rows += found
    (few, few_cpu), (many, many_cpu) = medians[0], medians[-1]
    flat = {"1,000 ms": few, "1,000,000 ms": many, "x": many / few, "CPU x": many_cpu / few_cpu}
    return [*rows, Row("W7 flat", flat, "x <= 1.3", load_average())]


def _median(rows: list[Row], name: str) -> float:
    return statistics.median(row.values[name] for row in rows)


async def _against(
    ours: Product,
    client: aiohttp.ClientSession,
    plain: Plain,
    echo: aiohttp.ClientSession,
    seconds: float,
) -> Row:
    answer = await _asked(client)
    same = await plain.asked()
    assert same["data"] == answer["data"]

    async def echoed() -> Any:
        async with echo.post("/echo", json=answer) as said:
            return await said.json()

    before = await _loop(plain.asked, seconds / 2)
    plain_cpu = plain.cpu_seconds()
    beside = await _loop(plain.asked, seconds / 2)
    plain_cpu = (plain.cpu_seconds() - plain_cpu) * 1000 / len(beside.latencies)
    cpu = ours.cpu_seconds()
    load = await _loop(lambda: _asked(client), seconds)
    cpu = (ours.cpu_seconds() - cpu) * 1000 / len(load.latencies)
    after = await _loop(plain.asked, seconds / 2)
    bare = await _loop(echoed, seconds / 2)
    rate = (before.rate + beside.rate + after.rate) / 3
    values = {
        "per s": load.rate,
        "p50 ms": load.percentile(0.5) * 1000,
        "CPU ms": cpu,
        "plain per s": rate,
        "plain CPU ms": plain_cpu,
        "ratio": load.rate / rate,
        "CPU ratio": plain_cpu / cpu,
        "echo per s": bare.rate,
        "of echo": load.rate / bare.rate,
    }
    return Row("W7 list of 50", values, "ratio >= 0.4", load_average())


async def _loop(fetch: Fetch, seconds: float) -> Load:
    async def once(_: object) -> None:
        assert len((await fetch())["data"]["executions"]["nodes"]) == ROWS

    client: Any = None  # nothing is followed, so no socket is opened
    return await closed_loop(client, CONNECTIONS, seconds, once, follow=False)


async def _asked(client: aiohttp.ClientSession) -> Any:
    async with client.post("/graphql", json={"query": LIST}) as said:
        return await said.json()


def fill(folder: Path, wanted: int) -> None:
    """Copies of one stored execution, past the product: by way of it this would take an hour."""
    with sqlite3.connect(folder / DATABASE, timeout=60) as db:
        db.row_factory = sqlite3.Row
        row = dict(db.execute("SELECT * FROM executions ORDER BY id DESC LIMIT 1").fetchone())
        (there,) = db.execute("SELECT count(*) FROM executions").fetchone()
        rest = [value for name, value in row.items() if name != "id"]
        names = ", ".join(["id", *(name for name in row if name != "id")])
        db.executemany(
            f"INSERT INTO executions ({names}) VALUES ({', '.join('?' * len(row))})",
            ((str(new_uuid()), *rest) for _ in range(wanted - there)),
        )
        db.execute("ANALYZE")


def refusals(repeats: int) -> list[Row]:
    from server.api.schema import schema

    served: GraphQLSchema = schema._schema
    kinds = {
        "W7 refused": KINDS,
        "W7 worse": WORSE,
        "W7 large": large(served),
        "W7 rich": large(served, rich=True),
        "W7 entangled": entangled(served),
    }
    return [_refused(repeats, work, served, documents) for work, documents in kinds.items()]


def _refused(repeats: int, work: str, served: GraphQLSchema, kinds: dict[str, str]) -> Row:
    """CPU of this process for each kind; the best of some tries."""
    from server.api.limits import prepare

    values: dict[str, float] = {}
    for name, document in kinds.items():
        best = 1e9
        for _ in range(3 * repeats):
            began = time.process_time()
            assert prepare(served, document).errors
            best = min(best, (time.process_time() - began) * 1000)
        values[f"{name} ms"] = best
    return Row(work, values, "<= 10 ms CPU each", load_average())


async def _sockets(running: Product) -> Row:
    before = running.rss_mib()
    headers = {"Authorization": f"Bearer {running.token}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(running.url, headers=headers, connector=connector) as client:
        opened = [await _open(client) for _ in range(SOCKETS)]
        held = running.rss_mib()
        await asyncio.gather(*(one.close() for one in opened))
    values = {"RSS MiB": held, "KiB each": (held - before) * 1024 / SOCKETS}
    return Row("W7 1,000 sockets", values, "RSS <= 300 MiB", load_average())


async def _open(client: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    socket = await client.ws_connect("/graphql", protocols=["graphql-transport-ws"])
    await socket.send_json({"type": "connection_init"})
    assert (await socket.receive_json())["type"] == "connection_ack"
    ask = {"query": "subscription { executionsChanged { ids } }"}
    await socket.send_json({"id": "1", "type": "subscribe", "payload": ask})
    return socket
