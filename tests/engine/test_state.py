"""The state after any event: what the tables say at the end, and what was true then before it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.engine.snapshots import Snapshots
from server.engine.state import ExecutionState, fold
from server.engine.store import StoredEvent
from server.executions import service as executions
from server.llm.errors import ModelError, ModelErrorKind
from server.models.tables import Execution
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

SOURCE = """
a { "goal": "First", "model": "one" }
b { "goal": "Second", "model": "two" }
chain { a try { b } catch { a } processor ("two") { "[1, 2]" } map (result) {
  processor ("p") { "item * 2" } } }
"""


@pytest.fixture
async def home(tmp_path: Path, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    gateway = ScriptedGateway()
    gateway.answers["two"] = [ModelError(ModelErrorKind.BAD_REQUEST, "No.")]
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


async def stored(home: Home, execution: Execution) -> list[StoredEvent]:
    return await home.rooms.engine.store.events(execution.id, 0, 10_000)


async def test_the_last_state_is_what_the_tables_say(home: Home) -> None:
    execution = await home.run(SOURCE, "x")
    state = fold(await stored(home, execution))
    assert (state.seq, state.status) == (execution.last_seq, execution.status)
    assert (state.output, state.input) == (execution.output, execution.input)
    assert (state.cost, state.input_tokens) == (execution.cost_nano, execution.input_tokens)
    rows = {row.key: row for row in await executions.steps(home.owner, execution.id)}
    assert state.steps.keys() == rows.keys()
    for key, step in state.steps.items():
        row = rows[key]
        assert (step.status, step.output, step.name, step.type) == (
            row.status.value,
            row.output,
            row.name,
            row.type,
        )


async def test_each_state_goes_on_from_the_one_before(home: Home) -> None:
    execution = await home.run(SOURCE, "x")
    events = await stored(home, execution)
    growing = ExecutionState()
    snapshots = Snapshots(home.rooms.engine.store, every=5)
    for number in range(1, len(events) + 1):
        fold([events[number - 1]], growing)
        assert (await snapshots.at(execution.id, number)).to_json() == growing.to_json()
    middle = await snapshots.at(execution.id, len(events) // 2)
    assert middle.status == "running"
    assert any(step.status == "running" for step in middle.steps.values())
    beyond = await snapshots.at(execution.id, 10_000)
    assert beyond.to_json() == growing.to_json()


def long_story(count: int) -> list[StoredEvent]:
    now = datetime.now(UTC)
    story: list[StoredEvent] = []
    for number in range(1, count + 1):
        step, place = divmod(number, 5)
        kind, data = {
            0: ("step.started", {"name": f"s{step}", "type": "entity", "input": "x" * 50}),
            1: ("model.requested", {"model": "m"}),
            2: ("step.delta", {"text": "some words "}),
            3: ("model.answered", {"model": "m", "inputTokens": 10, "outputTokens": 5, "cost": 7}),
            4: ("step.completed", {"output": "y" * 100, "durationMs": 5}),
        }[place]
        story.append(StoredEvent(number, kind, now, f"s{step}", 1, data))
    return story


class Book:
    """A store with nothing but events."""

    def __init__(self, story: list[StoredEvent]) -> None:
        self.story = story
        self.read = 0

    async def events(self, execution_id: object, after: int, limit: int) -> list[StoredEvent]:
        found = self.story[after : after + limit]
        self.read += len(found)
        return found


async def test_a_jump_in_a_long_execution_reads_only_what_lies_between() -> None:
    book = Book(long_story(10_000))
    snapshots = Snapshots(book)  # type: ignore[arg-type]
    execution_id = Execution().id
    assert (await snapshots.at(execution_id, 10_000)).seq == 10_000
    book.read = 0
    for seq in (9_500, 1_200, 4_999, 7_001):
        began = time.process_time()
        state = await snapshots.at(execution_id, seq)
        assert state.to_json() == fold(book.story[:seq]).to_json()
        assert time.process_time() - began < 1
    assert book.read < 4 * 1_000


async def test_what_is_kept_has_a_bound() -> None:
    snapshots = Snapshots(Book(long_story(3_000)), every=100, kept_bytes=200_000)  # type: ignore[arg-type]
    for _ in range(3):
        await snapshots.at(Execution().id, 3_000)
    assert snapshots._bytes <= 200_000
    pieces = [piece for packed in snapshots._kept.values() for piece in packed]
    assert sum(map(len, pieces)) == snapshots._bytes
