"""Going back and forth in a run of 10,000 events, over the real tables: quick at every place, and
what is kept for it has a bound."""

from __future__ import annotations

import asyncio
import random
import statistics
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, cast
from uuid import UUID

import psutil
import pytest

from server.core.ids import new_uuid
from server.engine.snapshots import KEPT_BYTES, Snapshots
from server.engine.state import fold
from server.engine.store import Commit, Store, StoredEvent
from tests.support.database import World, event, opened

EVENTS = 10_000
STEPS = 1_000
JUMPS = 200

pytestmark = pytest.mark.slow


async def long_run(world: World) -> Commit:
    """A thousand steps, each with the text that its model wrote bit by bit."""
    new = await world.queued()
    events = []
    for number in range(STEPS):
        key = f"map[{number}]/writer"
        begun = {"name": "writer", "type": "entity", "position": number, "input": "x" * 100}
        events.append(event("step.started", step_key=key, data=begun))
        for _ in range(8):
            events.append(event("step.delta", step_key=key, data={"text": "some words " * 5}))
        events.append(event("step.completed", step_key=key, data={"output": "y" * 400}))
    for place in range(0, len(events), 500):
        await world.store.commit(Commit(new.id, events=events[place : place + 500]))
    return Commit(new.id)


async def test_every_place_is_reached_quickly(tmp_path: Path, database_url: str) -> None:
    async with opened(database_url, tmp_path) as world:
        run = await long_run(world)
        snapshots = Snapshots(world.store)
        await snapshots.at(run.execution_id, EVENTS)
        chance = random.Random(1)
        before = psutil.Process().memory_info().rss
        took = [await _jump(snapshots, run, chance.randrange(1, EVENTS)) for _ in range(JUMPS)]
        grown = psutil.Process().memory_info().rss - before
        told = f"p50 {statistics.median(took):.3f} s, p95 {sorted(took)[int(JUMPS * 0.95)]:.3f} s"
        assert statistics.median(took) < 0.25, told
        assert grown < KEPT_BYTES + 64 * 1024 * 1024, told
        await _agrees(world.store, snapshots, run)


async def _jump(snapshots: Snapshots, run: Commit, seq: int) -> float:
    began = perf_counter()
    state = await snapshots.at(run.execution_id, seq)
    state.to_json()
    assert state.seq == seq
    return perf_counter() - began


async def _agrees(store: Store, snapshots: Snapshots, run: Commit) -> None:
    """A jump gives what walking through all events gives."""
    for seq in (1, 999, 1_000, 1_001, 7_777):
        walked = fold(await store.events(run.execution_id, 0, seq))
        assert (await snapshots.at(run.execution_id, seq)).to_json() == walked.to_json()
        await asyncio.sleep(0)
    assert (await snapshots.at(new_uuid(), 5)).seq == 0


class Wide:
    """The log of a map that never ends: each event is a step of its own."""

    given = 0

    async def events(
        self, execution_id: UUID, after: int = 0, limit: int = 500
    ) -> list[StoredEvent]:
        self.given += limit
        return [_begun(seq) for seq in range(after + 1, after + limit + 1)]


def _begun(seq: int) -> StoredEvent:
    data: dict[str, Any] = {"name": "writer", "type": "processor", "position": seq, "input": seq}
    return StoredEvent(seq, "step.started", datetime.now(UTC), f"map[{seq}]/writer", 1, data)


async def test_four_times_the_events_cost_about_four_times_as_much() -> None:
    short, long = [await _work(events) for events in (10_000, 40_000)]
    assert long < 8 * short, (short, long)


async def _work(events: int) -> float:
    snapshots = Snapshots(cast("Store", Wide()))
    began = process_time()
    state = await snapshots.at(new_uuid(), events)
    assert len(state.steps) == events
    return process_time() - began


async def test_a_state_that_is_too_large_to_be_kept_drives_nothing_out() -> None:
    wide, small = Wide(), new_uuid()
    snapshots = Snapshots(cast("Store", wide), every=100, kept_bytes=20_000)
    await snapshots.at(small, 150)
    await snapshots.at(new_uuid(), 6_000)
    before = wide.given
    assert len((await snapshots.at(small, 150)).steps) == 150
    assert wide.given - before == 50
