"""Inputs, outputs and lists that are far too large for a row, in the real database of the set-up:
they lie in a blob with a preview, the program has them whole, and no process grows by them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Iterable
from typing import Any

import pytest

from tests.faults import counting
from tests.faults.checks import Found, check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.oracle import said
from tests.faults.rig import Member, Rig
from tests.faults.tables import Rows
from tests.support.model_server import Reply

KINDS = ["embedded", "postgres"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

MIB = 2**20
GROWN_MIB = 64
INLINE_BYTES = MIB
PREVIEW = 2_000
FIRST = 10**12  # long numbers, so that the list of all is too large for a row
WORDS = "big words " * 1_000_000
MAP = f"""chain {{
  map input.items {{ processor ("double") {{ "result * 2" }} }} => doubled
  use {counting.SAFE} with {{ text: input.run, step: 1 }}
}}
"""


class Memory:
    """What each process grows by; `most` is the largest that was seen meanwhile."""

    def __init__(self, world: Rig) -> None:
        self._world = world
        self._before = {member.name: member.memory() for member in world.members}
        self.most = 0.0

    def grown(self, members: Iterable[Member]) -> float:
        return max((one.memory() - self._before[one.name]) / MIB for one in members)

    async def during(self, work: Awaitable[Found]) -> Found:
        task = asyncio.ensure_future(work)
        while not task.done():
            self.most = max(self.most, self.grown(self._world.members))
            await asyncio.wait([task], timeout=0.1)
        return await task

    def flat(self) -> str:
        """The server, and whoever has advanced it."""
        server, all_ = self.grown([self._world.door]), self.grown(self._world.members)
        assert server < GROWN_MIB, (server, all_)
        assert all_ < GROWN_MIB, (server, all_)
        return f"memory grew by {max(0, all_):.0f} MiB, by {max(0, self.most):.0f} MiB meanwhile"


async def _warm(world: Rig) -> None:
    """What a process loads for its first runs is not what a large thing costs."""
    load = await Load.make(world, steps=1, source=counting.program(counting.SAFE, 1))
    await load.start(*range(30))
    await check(world, load)


@pytest.mark.fault("F33", "a tool answers 10 MB", short=())
async def test_a_large_answer_of_a_tool(world: Rig, record: Record) -> None:
    await _warm(world)
    load = await Load.make(world, steps=2, source=counting.program(counting.SAFE, 2))
    run = load.run(1)
    text = f"{said(run, 1)} {WORDS}"
    world.oracle.at(run, 1, Reply(text))
    memory = Memory(world)
    await load.start(1)
    found = await memory.during(check(world, load))
    steps = (await world.tables.by_execution("steps", "position"))[load.uuids()[run]]
    _kept_apart(text, [step["output"] for step in steps], [step["input"] for step in steps])
    await _shown(world, load, text)
    record(found, memory.flat())


@pytest.mark.fault("F33", "a run is given 10 MB", short=())
async def test_a_large_input(world: Rig, record: Record) -> None:
    await _warm(world)
    load = await Load.make(world, steps=1, source=counting.program(counting.SAFE, 1))
    run = load.run(1)
    load.inputs[run] = text = f"{run} {WORDS}"
    memory = Memory(world)
    began = time.monotonic()
    await load.start(1)
    accepted = time.monotonic() - began
    found = await memory.during(check(world, load))
    assert not load.refusals, load.refusals
    _kept_apart(text, [row["input"] for row in await _rows(world, load)])
    (asked,) = world.oracle.of(run)
    assert len(asked.received.body["messages"][0]["content"]) > len(text), "a part of it is missing"
    await _shown(world, load, text)
    record(found, f"accepted in {accepted:.1f} s; {memory.flat()}")


@pytest.mark.fault("F33", "a list of 100,000 items", short=())
async def test_a_long_list(world: Rig, record: Record) -> None:
    """Each item is a step of its own, and the list of all results comes out whole."""
    count = world.some(10_000, 100_000)
    await _warm(world)
    load = await Load.make(world, steps=1, source=MAP)
    run = load.run(1)
    load.inputs[run] = {"run": run, "items": [FIRST + number for number in range(count)]}
    memory = Memory(world)
    began = time.monotonic()
    await load.start(1)
    found = await memory.during(check(world, load, seconds=300))
    took = time.monotonic() - began
    steps = (await world.tables.by_execution("steps", "position"))[load.uuids()[run]]
    assert sum(step["name"] == "double" for step in steps) == count
    (mapped,) = [step for step in steps if step["type"] == "map"]
    doubled = [2 * (FIRST + number) for number in range(count)]
    assert await _whole(world, mapped["output"]) == doubled
    assert _is_large(mapped["output"]) == (len(json.dumps(doubled)) > 1.2 * INLINE_BYTES)
    record(found, f"{count} items in {took:.0f} s; {memory.flat()}")


async def _rows(world: Rig, load: Load) -> Rows:
    mine = set(load.uuids().values())
    return [row for row in await world.tables.executions() if str(row["id"]) in mine]


def _is_large(column: Any) -> bool:
    return isinstance(column, str) and column.startswith("~")


async def _whole(world: Rig, column: str) -> Any:
    """Out of the row, or out of the parts of its blob."""
    if not _is_large(column):
        return json.loads(column)
    blob = json.loads(column[1:])["id"].replace("-", "")
    parts = await world.tables.rows("SELECT * FROM blob_parts ORDER BY number")
    mine = [part for part in parts if str(part["blob_id"]).replace("-", "") == blob]
    return json.loads("".join(part["data"] for part in mine))


def _kept_apart(text: str, *columns: list[Any]) -> None:
    """No row holds more than a preview of it, and the preview says what it is of."""
    held = [one for column in columns for one in column if _is_large(one)]
    assert held, columns
    for one in held:
        kept = json.loads(one[1:])
        assert kept["sha256"] == hashlib.sha256(json.dumps(text).encode()).hexdigest()
        assert kept["preview"] == text[:PREVIEW]
    longest = max(len(one) for column in columns for one in column if isinstance(one, str))
    assert longest < 2 * PREVIEW + 500, longest


async def _shown(world: Rig, load: Load, text: str) -> None:
    """Whoever looks has the preview and can fetch the whole."""
    name = load.accepted[load.run(1)]
    async with world.client() as client:
        events = await client.follow(name)
        assert len(json.dumps(events)) < INLINE_BYTES
        blob = next(_larges(events))
        assert blob["preview"] == text[:PREVIEW]
        assert blob["bytes"] == len(json.dumps(text))
        async with client.session.get(blob["url"]) as answer:
            assert answer.status == 200, answer.status
            whole = await answer.text()
    assert text in (whole, json.loads(whole))


def _larges(value: Any) -> Any:
    if isinstance(value, dict):
        if "$large" in value:
            yield value["$large"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _larges(one)
