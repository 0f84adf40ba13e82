"""W7: a list of 50 executions with bot, version, cost and trigger over GraphQL, against a plain
endpoint with the same bytes; what a hostile document costs to refuse; what 1,000 open sockets
hold."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
from graphql import GraphQLSchema

from tests.benchmarks.baseline import echo_server
from tests.benchmarks.executions import START, closed_loop
from tests.benchmarks.product import Product, create_bot, product, session
from tests.benchmarks.table import Row, load_average

CONNECTIONS = 8
ROWS = 50
SOCKETS = 1_000
PURE = 'processor ("same") { "result" }'
LIST = """query List { executions(first: 50) { nodes {
  id status triggerKind createdAt durationMs bot { id name } version { id number }
  usage { cost totalTokens } } pageInfo { hasNextPage endCursor } } }"""
HOSTILE = {
    "deep": "{" + "viewer{" * 600 + "id" + "}" * 601,
    "aliases": "{" + " ".join(f"a{i}: viewer {{role}}" for i in range(300)) + "}",
    "repeats": "{" + "viewer {role} " * 450 + "}",
    "spreads": "{" + "... on Query {viewer {role}} " * 200 + "}",
    "unknown": "{" + " ".join(f"nam{i}" for i in range(1_900)) + "}",
    "tokens": "{" + "role " * 8_000 + "}",
}


async def measure(repeats: int, seconds: float) -> list[Row]:
    rows = [_refused(repeats)]
    with product(BALEYBOTS_LOG_LEVEL="error") as running:
        async with session(running) as client, echo_server() as bare:
            await _stored(client)
            answer = await _list(client)
            for _ in range(repeats):
                rows.append(await _against(client, bare, answer, seconds))
            rows.append(await _sockets(running))
    return rows


async def _stored(client: aiohttp.ClientSession) -> None:
    bot = await create_bot(client, "W7", PURE)
    for number in range(ROWS):
        body = {"query": START, "variables": {"input": {"botId": bot, "input": number}}}
        async with client.post("/graphql", json=body) as said:
            assert said.status == 200


async def _list(client: aiohttp.ClientSession) -> Any:
    async with client.post("/graphql", json={"query": LIST}) as said:
        found = await said.json()
    assert len(found["data"]["executions"]["nodes"]) == ROWS
    return found


async def _against(
    client: aiohttp.ClientSession, bare: aiohttp.ClientSession, answer: Any, seconds: float
) -> Row:
    async def plain(_: object) -> None:
        async with bare.post("/echo", json=answer) as said:
            assert len((await said.json())["data"]["executions"]["nodes"]) == ROWS

    async def listed(_: object) -> None:
        assert len((await _list(client))["data"]["executions"]["nodes"]) == ROWS

    before = await closed_loop(bare, CONNECTIONS, seconds / 2, plain, follow=False)
    load = await closed_loop(client, CONNECTIONS, seconds, listed, follow=False)
    after = await closed_loop(bare, CONNECTIONS, seconds / 2, plain, follow=False)
    baseline = (before.rate + after.rate) / 2
    values = {
        "per s": load.rate,
        "p50 ms": load.percentile(0.5) * 1000,
        "plain per s": baseline,
        "ratio": load.rate / baseline,
    }
    return Row("W7 list of 50", values, "ratio >= 0.4", load_average())


def _refused(repeats: int) -> Row:
    """CPU of this process, for the slowest of the documents; the best of some tries each."""
    from server.api.limits import prepare
    from server.api.schema import schema

    served: GraphQLSchema = schema._schema
    values: dict[str, float] = {}
    for name, document in HOSTILE.items():
        best = 1e9
        for _ in range(3 * repeats):
            began = time.process_time()
            assert prepare(served, document).errors
            best = min(best, (time.process_time() - began) * 1000)
        values[f"{name} ms"] = best
    return Row("W7 refused", values, "<= 10 ms CPU each", load_average())


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
