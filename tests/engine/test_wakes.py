"""The end of a child and what it means for its parent are one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.core.ids import new_uuid
from server.engine.store import Commit, ExecutionChange, Fence, Fenced, NewExecution
from server.models.enums import ExecutionStatus, WaitingReason
from server.models.tables import Execution
from tests.support.database import World, event, opened

WAITS = ExecutionChange(
    status=ExecutionStatus.WAITING, waiting_reason=WaitingReason.CHILD, due_in=600.0
)
ENDS = ExecutionChange(status=ExecutionStatus.COMPLETED, output=1)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with opened(database_url, tmp_path) as world:
        yield world


async def running(world: World, **given: Any) -> NewExecution:
    new = await world.queued(**given)
    claimed = await world.store.claim([new.id], "me", 15)
    assert [one.id for one in claimed] == [new.id]
    return new


def commit(new: NewExecution, change: ExecutionChange, **more: Any) -> Commit:
    return Commit(new.id, change=change, fence=Fence(1, "me"), events=[event("x")], **more)


async def due(world: World) -> list[Any]:
    return [one.ready.id for one in await world.store.due()]


async def test_a_waiting_parent_is_due_with_the_end_of_its_child(world: World) -> None:
    parent = await running(world)
    child = await running(world, parent_id=parent.id)
    await world.store.commit(commit(parent, WAITS))
    assert await due(world) == []
    await world.store.commit(commit(child, ENDS, wakes=parent.id))
    assert await due(world) == [parent.id]
    (again,) = await world.store.claim([parent.id], "me", 15)
    assert (again.attempt, again.losses) == (2, 0)


async def test_a_parent_that_still_runs_does_not_begin_to_wait(world: World) -> None:
    parent = await running(world)
    child = await running(world, parent_id=parent.id)
    await world.store.commit(commit(child, ENDS, wakes=parent.id))
    await world.store.commit(commit(parent, WAITS))
    assert await due(world) == [parent.id]


async def test_a_parent_that_has_ended_stays_ended(world: World) -> None:
    parent = await running(world)
    child = await running(world, parent_id=parent.id)
    await world.store.commit(commit(parent, ENDS))
    await world.store.commit(commit(child, ENDS, wakes=parent.id))
    row = await Execution.get(id=parent.id)
    assert (row.status, row.due_at) == (ExecutionStatus.COMPLETED, None)


async def test_a_child_that_lost_its_lease_wakes_nobody(world: World) -> None:
    parent = await running(world)
    child = await running(world, parent_id=parent.id)
    await world.store.commit(commit(parent, WAITS))
    stale = Commit(child.id, change=ENDS, fence=Fence(1, "somebody else"), wakes=parent.id)
    with pytest.raises(Fenced):
        await world.store.commit(stale)
    assert await due(world) == []


async def test_a_parent_that_is_not_there_harms_nobody(world: World) -> None:
    child = await running(world)
    await world.store.commit(commit(child, ENDS, wakes=new_uuid()))
    assert (await Execution.get(id=child.id)).status is ExecutionStatus.COMPLETED
