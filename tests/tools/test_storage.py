"""What bots remember for themselves, and what they hand to each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.core.ids import new_uuid
from server.models.tables import Bot, Memory, SharedValue, Workspace
from server.tools.base import Child, Tool, ToolContext, ToolFailed
from server.tools.builtin.memory import STORE_MEMORY
from server.tools.builtin.shared_storage import SHARED_STORAGE
from tests.support.database import World, opened


class StillClock:
    def __init__(self) -> None:
        self.moment = datetime(2027, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()


class NoFamily:
    async def spawn(self, target: str, value: Any) -> Child:
        raise AssertionError

    async def child(self, child_id: UUID) -> Child:
        raise AssertionError


class Desk:
    """Calls tools in the name of one bot."""

    def __init__(self, workspace: Workspace, bot: Bot, clock: StillClock) -> None:
        self.execution_id = new_uuid()
        self._given = {"workspace_id": workspace.id, "bot_id": bot.id, "clock": clock}

    async def call(self, tool: Tool, **arguments: Any) -> Any:
        assert tool.issues(arguments) == []
        context = ToolContext(
            execution_id=self.execution_id,
            step_key="s",
            idempotency_key="k",
            family=NoFamily(),
            **self._given,
        )
        return await tool.run(arguments, context)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with opened(database_url, tmp_path) as world:
        yield world


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def desk(world: World, clock: StillClock) -> Desk:
    return Desk(world.workspace, world.bot, clock)


@pytest.fixture
async def other(world: World, clock: StillClock) -> Desk:
    """Another bot of the same workspace."""
    bot = await Bot.create(workspace=world.workspace, name="Reader", name_key="reader")
    return Desk(world.workspace, bot, clock)


@pytest.mark.parametrize("value", ["text", "", 7, None, [1, {"b": 1, "a": 2}], {"x": "é\x00"}])
async def test_what_is_remembered_is_found_again(desk: Desk, value: Any) -> None:
    assert await desk.call(STORE_MEMORY, action="set", key="k", value=value) == {"success": True}
    assert await desk.call(STORE_MEMORY, action="get", key="k") == {"success": True, "value": value}


async def test_memory_is_replaced_listed_and_deleted(desk: Desk) -> None:
    for key, value in (("b", 1), ("a", 2), ("b", 3)):
        await desk.call(STORE_MEMORY, action="set", key=key, value=value)
    assert await desk.call(STORE_MEMORY, action="list") == {"success": True, "keys": ["a", "b"]}
    assert (await desk.call(STORE_MEMORY, action="get", key="b"))["value"] == 3
    assert await desk.call(STORE_MEMORY, action="delete", key="b") == {"success": True}
    assert await desk.call(STORE_MEMORY, action="delete", key="b") == {"success": False}
    nothing = {"success": False, "value": None}
    assert await desk.call(STORE_MEMORY, action="get", key="b") == nothing
    assert await Memory.all().count() == 1


async def test_a_memory_belongs_to_one_bot(desk: Desk, other: Desk) -> None:
    await desk.call(STORE_MEMORY, action="set", key="k", value="mine")
    assert not (await other.call(STORE_MEMORY, action="get", key="k"))["success"]
    await other.call(STORE_MEMORY, action="set", key="k", value="theirs")
    assert (await desk.call(STORE_MEMORY, action="get", key="k"))["value"] == "mine"


async def test_one_bot_writes_and_another_reads(desk: Desk, other: Desk) -> None:
    await desk.call(SHARED_STORAGE, action="write", key="daily/summary", value={"n": 1})
    read = await other.call(SHARED_STORAGE, action="read", key="daily/summary")
    assert read == {"success": True, "value": {"n": 1}}
    row = await SharedValue.get()
    assert row.execution_id == desk.execution_id


async def test_shared_values_stay_in_their_workspace(desk: Desk, clock: StillClock) -> None:  # S14
    elsewhere = await Workspace.create(name="Elsewhere")
    bot = await Bot.create(workspace=elsewhere, name="Spy", name_key="spy")
    spy = Desk(elsewhere, bot, clock)
    await desk.call(SHARED_STORAGE, action="write", key="k", value="secret")
    assert not (await spy.call(SHARED_STORAGE, action="read", key="k"))["success"]
    assert (await spy.call(SHARED_STORAGE, action="list"))["keys"] == []
    assert not (await spy.call(SHARED_STORAGE, action="delete", key="k"))["success"]


async def test_a_shared_value_expires(desk: Desk, clock: StillClock) -> None:
    await desk.call(SHARED_STORAGE, action="write", key="k", value=1, ttl_seconds=60)
    clock.moment += timedelta(seconds=59)
    assert (await desk.call(SHARED_STORAGE, action="read", key="k"))["success"]
    clock.moment += timedelta(seconds=1)
    assert not (await desk.call(SHARED_STORAGE, action="read", key="k"))["success"]
    assert (await desk.call(SHARED_STORAGE, action="list"))["keys"] == []
    await desk.call(SHARED_STORAGE, action="write", key="other", value=1)
    assert await SharedValue.all().values_list("key", flat=True) == ["other"]


async def test_keys_are_listed_by_prefix(desk: Desk) -> None:
    for key in ("a/2", "b/1", "a/1", "a%"):
        await desk.call(SHARED_STORAGE, action="write", key=key, value=0)
    assert (await desk.call(SHARED_STORAGE, action="list", prefix="a/"))["keys"] == ["a/1", "a/2"]
    assert (await desk.call(SHARED_STORAGE, action="list", prefix="a%"))["keys"] == ["a%"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (STORE_MEMORY, {"action": "get"}),
        (STORE_MEMORY, {"action": "set", "key": "k"}),
        (STORE_MEMORY, {"action": "set", "key": "", "value": 1}),
        (SHARED_STORAGE, {"action": "write", "key": "k" * 201, "value": 1}),
        (SHARED_STORAGE, {"action": "write", "key": "k", "value": "x" * 1_100_000}),
    ],
)
async def test_what_cannot_be_kept_is_refused_in_words(
    desk: Desk, tool: Tool, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ToolFailed) as refused:
        await desk.call(tool, **arguments)
    assert refused.value.kind == "invalid_arguments"
