"""What people do: they cancel at any moment, reload, leave, and look on in great numbers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.oracle import said
from tests.faults.rig import Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply
from tests.support.processes import Client

KINDS = ["embedded", "postgres"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

CONTROL = """mutation($input: ControlExecutionInput!) {
  controlExecution(input: $input) { execution { status } errors { code message } } }"""
FOLLOW = """subscription($id: ID!, $after: Int) {
  executionEvents(executionId: $id, after: $after) { lastSeq done events } }"""
PER_SOCKET = 50


async def _cancel(client: Client, name: str) -> dict[str, Any]:
    data = await client.ask(CONTROL, input={"executionId": name, "action": "CANCEL"})
    return data["controlExecution"]


async def _cancelled_within(world: Rig, load: Load, number: int, seconds: float) -> float:
    """Cancels, and says how long it took until that was final."""
    name = load.accepted[load.run(number)]
    uuid = load.uuids()[load.run(number)]
    began = time.monotonic()
    async with world.client() as client:
        answer = await _cancel(client, name)
    assert not answer["errors"], answer

    async def over() -> bool:
        rows = await world.tables.executions()
        return any(str(row["id"]) == uuid and row["status"] == "cancelled" for row in rows)

    await until("it is cancelled", over, seconds)
    return time.monotonic() - began


@pytest.mark.fault("F38", "cancelled while it waits in the queue", short=())
async def test_cancel_queued(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    for worker in world.working if not world.embedded else []:
        worker.signal(signal.SIGSTOP)
    if world.embedded:
        for number in range(100, 170):  # more than run at once
            world.oracle.at(load.run(number), 1, Reply(said(load.run(number), 1), delay=3))
        await load.start(*range(100, 170))
    await load.start(1)
    took = await _cancelled_within(world, load, 1, 5)
    for worker in world.working:
        worker.signal(signal.SIGCONT)
    found = await check(world, load, ends="completed cancelled")
    assert world.oracle.count(load.run(1)) == 0
    record(found, f"final {took:.2f} s later")


@pytest.mark.fault("F38", "cancelled during a call", short=("embedded", "postgres"))
async def test_cancel_during_a_call(world: Rig, record: Record) -> None:
    """The connection to the model is closed, and no step begins afterwards."""
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply("never so many words " * 2000, gap=0.05))
    await load.start(1)
    call = await world.oracle.asked(run, 2)
    began = time.monotonic()
    took = await _cancelled_within(world, load, 1, 5)
    await asyncio.wait_for(call.received.hung_up.wait(), 5)
    closed = time.monotonic() - began
    assert closed <= 3, closed
    async with world.client() as client:
        again = await _cancel(client, load.accepted[run])
    assert [error["code"] for error in again["errors"]] == ["INVALID_STATE"]
    found = await check(world, load, ends="cancelled")
    assert world.oracle.counts(run) == {1: 1, 2: 1}
    record(found, f"the model's stream was closed after {closed:.1f} s, final after {took:.1f} s")


@pytest.mark.fault("F38", "cancelled while it waits to try again", short=("embedded",))
async def test_cancel_in_a_retry_wait(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply(status=429, headers={"retry-after": "30"}))
    await load.start(1)
    call = await world.oracle.asked(run, 2)
    await until("it was refused", lambda: call.received.answered, 5)
    took = await _cancelled_within(world, load, 1, 5)
    record(await check(world, load, ends="cancelled"), f"final {took:.2f} s later")


@pytest.mark.fault("F38", "cancelled when its worker has just died", short=(), only=("postgres",))
async def test_cancel_with_a_dead_worker(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply(hang=True))
    await load.start(1)
    victim = world.by_key((await world.oracle.asked(run, 2)).process)
    await world.kill(victim)
    took = await _cancelled_within(world, load, 1, 30)
    await world.replace(victim)
    found = await check(world, load, ends="cancelled")
    assert world.oracle.counts(run) == {1: 1, 2: 1}
    record(found, f"final {took:.1f} s later")


@pytest.mark.fault("F38", "cancelled at random moments", short=("embedded", "postgres"))
async def test_cancel_at_random(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    count = world.some(20, 100)
    await load.start(*range(count))

    async def soon(client: Client, name: str) -> None:
        await asyncio.sleep(world.random.uniform(0, 1.0))  # a moment nobody chose
        await _cancel(client, name)

    async with world.client() as client:
        await asyncio.gather(*(soon(client, name) for name in load.accepted.values()))
    found = await check(world, load, ends="completed cancelled")
    rows = await world.tables.executions()
    mine = set(load.uuids().values())
    stopped = sum(str(r["id"]) in mine and r["status"] == "cancelled" for r in rows)
    record(found, f"{stopped} of {count} were stopped, the rest had ended")


@pytest.mark.fault("F35", "very many look at one run", short=("embedded",))
async def test_many_followers(world: Rig, record: Record) -> None:
    await _warm(world)
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply(said(run, 2), delay=world.some(4, 15)))
    before = world.door.memory()
    await load.start(1)
    count = world.some(200, 1000)
    async with _sockets(world, count // PER_SOCKET) as sockets:
        seen = await asyncio.gather(
            *(_follow_many(one, load.accepted[run], PER_SOCKET) for one in sockets)
        )
        grown = (world.door.memory() - before) / 2**20
    everyone = [events for many in seen for events in many]
    assert len(everyone) == count
    assert all(one == list(range(1, len(one) + 1)) for one in everyone), everyone[0]
    assert len({len(one) for one in everyone}) == 1
    assert grown < 64 * max(1, count / 1000), grown
    note = f"{count} subscriptions, each event once and in order; {grown:.0f} MiB more memory"
    record(await check(world, load), note)


async def _warm(world: Rig) -> None:
    """What a process loads for its first run is not what a fault costs."""
    load = await Load.make(world)
    await load.start(1)
    await check(world, load)


@contextlib.asynccontextmanager
async def _sockets(world: Rig, count: int) -> AsyncIterator[list[aiohttp.ClientWebSocketResponse]]:
    async with world.client() as client, contextlib.AsyncExitStack() as stack:
        sockets: list[aiohttp.ClientWebSocketResponse] = []
        for _ in range(count):
            opening = client.session.ws_connect("/graphql", protocols=["graphql-transport-ws"])
            socket = await stack.enter_async_context(opening)
            await socket.send_json({"type": "connection_init"})
            await socket.receive_json()
            sockets.append(socket)
        yield sockets


async def _subscribe(
    socket: aiohttp.ClientWebSocketResponse, number: int, name: str, after: int = 0
) -> None:
    payload = {"query": FOLLOW, "variables": {"id": name, "after": after}}
    await socket.send_json({"id": str(number), "type": "subscribe", "payload": payload})


async def _follow_many(
    socket: aiohttp.ClientWebSocketResponse, name: str, count: int
) -> list[list[int]]:
    """The numbers of the events that each subscription of this socket got."""
    seen: list[list[int]] = [[] for _ in range(count)]
    for number in range(count):
        await _subscribe(socket, number, name)
    left = count
    while left:
        message = await asyncio.wait_for(socket.receive_json(), 60)
        if message["type"] == "ping":
            await socket.send_json({"type": "pong"})
        elif message["type"] == "next":
            batch = message["payload"]["data"]["executionEvents"]
            seen[int(message["id"])] += [event["seq"] for event in batch["events"]]
        else:
            assert message["type"] == "complete", message
            left -= 1
    return seen


@pytest.mark.fault("F36", "one that looks on never reads", short=("embedded",))
async def test_a_follower_that_never_reads(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    run = load.run(1)
    await _warm(world)
    words = f"{said(run, 2)} " + "a few words more " * world.some(20_000, 60_000)
    world.oracle.at(run, 2, Reply(words, pieces=400, gap=0.01))
    before = world.door.memory()
    await load.start(1)
    async with _sockets(world, 2) as stuck:
        for socket in stuck:
            for number in range(PER_SOCKET):
                await _subscribe(socket, number, load.accepted[run])
        async with world.client() as client:
            lags = await _lags(client, load.accepted[run])
        grown = (world.door.memory() - before) / 2**20
    found = await check(world, load)
    slow = sorted(lags)[int(len(lags) * 0.95)]
    assert slow < 2, slow
    assert grown < 200, grown
    note = f"100 subscriptions unread: the others' p95 {slow * 1000:.0f} ms, {grown:.0f} MiB more"
    record(found, note)


async def _lags(client: Client, name: str) -> list[float]:
    """How long after it was said each event came to somebody who reads."""
    lags: list[float] = []
    after = 0
    async with client.session.ws_connect("/graphql", protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init"})
        await socket.receive_json()
        await _subscribe(socket, 1, name, after)
        while True:
            message = await asyncio.wait_for(socket.receive_json(), 60)
            if message["type"] == "ping":
                await socket.send_json({"type": "pong"})
                continue
            if message["type"] == "complete":
                return lags
            now = time.time()
            for event in message["payload"]["data"]["executionEvents"]["events"]:
                lags.append(now - datetime.fromisoformat(event["at"]).timestamp())


@pytest.mark.fault("F37", "the page is reloaded again and again", short=("embedded", "postgres"))
async def test_reloads(world: Rig, record: Record) -> None:
    load = await Load.make(world)
    run = load.run(1)
    world.oracle.at(run, 2, Reply(f"{said(run, 2)} " + "and on " * 60, gap=0.03))
    await load.start(1)
    seen: list[int] = []
    reloads = 0
    async with world.client() as client:
        while not seen or reloads < 50:
            after = seen[-1] if seen else 0
            events = await client.follow(load.accepted[run], after=after, stop_at=after + 1)
            seen += [event["seq"] for event in events]
            reloads += 1
            if events and events[-1]["type"] == "execution.completed":
                break
        rest = await client.follow(load.accepted[run], after=seen[-1])
        seen += [event["seq"] for event in rest]
    assert seen == list(range(1, len(seen) + 1))
    record(await check(world, load), f"{reloads} reloads, {len(seen)} events, each once")
