"""Never more of a bot at once than it may: the same promises over all three databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest_asyncio

from server.core.ids import new_uuid
from server.engine.store import (
    Claimed,
    Commit,
    ExecutionChange,
    Fence,
    NewExecution,
    Placed,
    Store,
)
from server.models.enums import ExecutionStatus, WaitingReason
from server.models.tables import Bot, Execution
from tests.support.database import World, opened

LEASE = 15.0
DONE = ExecutionChange(status=ExecutionStatus.COMPLETED)


@pytest_asyncio.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with opened(database_url, tmp_path) as world:
        yield world


async def limited(world: World, at_once: int | None = None, per_key: int | None = None) -> None:
    await Bot.filter(id=world.bot.id).update(max_running=at_once, max_running_per_key=per_key)


async def queued(world: World, count: int, **given: object) -> list[NewExecution]:
    return [await world.queued(limited=True, **given) for _ in range(count)]


def ids(rows: Iterable[NewExecution | Claimed]) -> list[UUID]:
    return sorted(row.id for row in rows)


async def taken(world: World, rows: list[NewExecution], owner: str = "w1") -> Placed:
    """As a worker does: first what has no limit, then the rest."""
    wanted = [row.id for row in rows]
    assert await world.store.claim(wanted, owner, LEASE) == []
    return await world.store.claim_places(wanted, owner, LEASE)


async def over(world: World, claimed: Claimed, change: ExecutionChange = DONE) -> None:
    fence = Fence(claimed.attempt, "w1")
    await world.store.commit(Commit(claimed.id, change=change, fence=fence))


async def test_so_many_get_a_place_and_the_rest_is_parked(world: World) -> None:
    await limited(world, at_once=2)
    rows = await queued(world, 5)
    found = await taken(world, rows)
    assert ids(found.claims) == ids(rows[:2])
    assert all(claimed.placed for claimed in found.claims)
    assert sorted(one.id for one in found.parked) == ids(rows[2:])
    stored = await Execution.filter(id__in=ids(rows[2:]))
    assert {(row.status, row.waiting_reason) for row in stored} == {
        (ExecutionStatus.PENDING, WaitingReason.QUEUE)
    }
    await Execution.all().update(dispatched_at=None)
    assert await world.store.due() == [], "what is parked is not sent again and again"
    assert await world.store.parked_bots() == [world.bot.id]
    assert await world.store.let_go(world.bot.id) == [], "nobody has gone"


async def test_who_ends_or_waits_lets_the_next_go_and_who_runs_does_not(world: World) -> None:
    await limited(world, at_once=2)
    rows = await queued(world, 5)
    first, second = (await taken(world, rows)).claims
    await over(world, first)
    (next_one,) = await world.store.let_go(world.bot.id)
    assert next_one.id == rows[2].id
    assert [one.id for one in (await taken(world, rows[2:])).parked] == []
    waits = ExecutionChange(
        status=ExecutionStatus.WAITING, waiting_reason=WaitingReason.WAIT, due_in=3600.0
    )
    await over(world, second, waits)
    (again,) = await world.store.let_go(world.bot.id)
    assert again.id == rows[3].id


async def test_the_highest_goes_first_or_the_oldest(world: World) -> None:
    await limited(world, at_once=1)
    rows = [(await queued(world, 1, priority=priority))[0] for priority in (5, 1, 5, 9)]
    (running,) = (await taken(world, rows)).claims
    assert running.id == rows[0].id
    await over(world, running)
    (high,) = await world.store.let_go(world.bot.id)
    assert (high.id, high.priority) == (rows[3].id, 9)
    (running,) = (await taken(world, [rows[3]])).claims
    await over(world, running)
    (old,) = await world.store.let_go(world.bot.id, by_age=True)
    assert old.id == rows[1].id


async def test_each_key_has_so_many_of_its_own(world: World) -> None:
    await limited(world, at_once=4, per_key=1)
    rows = [
        *await queued(world, 3, concurrency_key="ann"),
        *await queued(world, 2, concurrency_key="bob"),
        *await queued(world, 3),
    ]
    found = await taken(world, rows)
    keys = [claimed.concurrency_key for claimed in found.claims]
    assert sorted(keys, key=str) == [None, None, "ann", "bob"]
    ann = next(claimed for claimed in found.claims if claimed.concurrency_key == "ann")
    await over(world, ann)
    (next_one,) = await world.store.let_go(world.bot.id)
    assert next_one.id == rows[1].id
    await taken(world, rows[1:2])
    bob = next(claimed for claimed in found.claims if claimed.concurrency_key == "bob")
    await over(world, bob)
    (next_one,) = await world.store.let_go(world.bot.id)
    assert next_one.id == rows[4].id, "those of a key that is full stand in nobody's way"


async def test_a_lost_worker_keeps_the_place_until_somebody_goes_on(world: World) -> None:
    await limited(world, at_once=1)
    rows = await queued(world, 2)
    await taken(world, rows)
    await Execution.filter(id=rows[0].id).update(due_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert await world.store.let_go(world.bot.id) == []
    (again,) = await world.store.claim([row.id for row in rows], "w2", LEASE)
    assert (again.id, again.losses) == (rows[0].id, 1)


async def test_many_workers_at_the_same_moment_never_give_away_a_place_twice(
    world: World,
) -> None:
    await limited(world, at_once=3)
    rows = await queued(world, 24)
    stores: list[Store] = [world.store, await world.another_store()]

    async def take(number: int) -> list[Claimed]:
        wanted = [row.id for row in rows[number::6]]
        return (await stores[number % 2].claim_places(wanted, f"w{number}", LEASE)).claims

    claims = [one for found in await asyncio.gather(*map(take, range(6))) for one in found]
    await stores[1].close()
    assert len(claims) == 3
    assert await Execution.filter(status=ExecutionStatus.RUNNING).count() == 3


async def test_without_a_limit_everything_goes_on(world: World) -> None:
    await limited(world, at_once=1)
    rows = await queued(world, 4)
    await taken(world, rows)
    await limited(world)
    assert len(await world.store.let_go(world.bot.id)) == 3
    assert len(await world.store.claim([row.id for row in rows], "w2", LEASE)) == 3
    assert await world.store.parked_bots() == []
    assert await world.store.let_go(new_uuid()) == []
