"""Who has much waiting does not hold up who has little."""

from __future__ import annotations

import time
from collections import Counter
from uuid import UUID

import pytest

from server.bus.bus import Bus
from server.bus.turns import TURNS, Ready, Turns
from server.core.ids import new_uuid

MANY = 10_000


def waiting(count: int, workspace: UUID | None = None, bot: UUID | None = None) -> list[Ready]:
    workspace, bot = workspace or new_uuid(), bot or new_uuid()
    return [Ready(new_uuid(), workspace, bot) for _ in range(count)]


async def taken(turns: Turns, count: int, room: int = 1) -> list[Ready]:
    """The next so many, as a worker with so much room takes them."""
    found: list[Ready] = []
    while len(found) < count:
        turn = await turns.next(5)
        assert turn is not None
        found += await turns.take(turn, room)
    return found


@pytest.mark.parametrize("room", [1, 8])
async def test_one_execution_does_not_wait_behind_ten_thousand_of_another_bot(
    bus: Bus, room: int
) -> None:
    turns, workspace = bus.queue.turns, new_uuid()
    await turns.add(waiting(MANY, workspace))
    first = await taken(turns, room, room)
    (one,) = waiting(1, workspace)
    await turns.add([one])
    assert len(first) == room
    assert one in await taken(turns, 2 * room, room)


async def test_bots_take_turns(bus: Bus) -> None:
    turns, workspace = bus.queue.turns, new_uuid()
    counts = {new_uuid(): count for count in (200, 20, 50)}
    for bot, count in counts.items():
        await turns.add(waiting(count, workspace, bot))
    order = [one.bot_id for one in await taken(turns, 270)]
    for bot, count in counts.items():
        last = max(place for place, each in enumerate(order) if each == bot)
        others = sum(min(other, count) for other in counts.values())
        assert last < others + len(counts), (count, last, others)


async def test_a_workspace_gets_no_more_for_having_many_bots(bus: Bus) -> None:
    turns, large, small = bus.queue.turns, new_uuid(), new_uuid()
    for _ in range(50):
        await turns.add(waiting(20, large))
    await turns.add(waiting(30, small))
    for room in (1, 8):
        part = Counter(one.workspace_id for one in await taken(turns, 20, room))
        assert abs(part[large] - part[small]) <= room, (room, part)


async def test_alone_a_bot_fills_all_the_room_at_once_and_the_oldest_go_first(bus: Bus) -> None:
    turns, ready = bus.queue.turns, waiting(20)
    await turns.add(list(reversed(ready)))
    turn = await turns.next(1)
    assert turn is not None
    assert await turns.take(turn, 8) == ready[:8]
    assert await taken(turns, 12, 100) == ready[8:]
    assert await turns.next(0.01) is None
    assert await bus.redis.keys(f"{TURNS}*") == []


async def test_what_is_sent_again_waits_once(bus: Bus) -> None:
    turns, ready = bus.queue.turns, waiting(5)
    for _ in range(3):
        await turns.add(ready)
    assert await taken(turns, 5, 100) == ready
    assert await turns.next(0.01) is None


async def test_a_turn_that_is_put_back_is_the_next_one(bus: Bus) -> None:
    turns = bus.queue.turns
    mine, theirs = waiting(1), waiting(1)
    await turns.add(mine)
    await turns.add(theirs)
    turn = await turns.next(1)
    assert turn is not None
    await turns.put_back(turn)
    assert await taken(turns, 2) == mine + theirs


async def test_a_worker_that_dies_with_a_turn_costs_no_more_than_the_sweep(bus: Bus) -> None:
    turns, ready = bus.queue.turns, waiting(3)
    await turns.add(ready)
    assert await turns.next(1) is not None
    assert await turns.next(0.01) is None
    await turns.add(ready[:1])
    assert await taken(turns, 3, 8) == ready


async def test_a_clock_that_was_wrong_holds_nobody_up(bus: Bus) -> None:
    turns, ready = bus.queue.turns, waiting(1)
    tomorrow = time.time() + 86_400
    await turns.add(ready)
    await bus.redis.zadd(TURNS, {str(ready[0].workspace_id): tomorrow})
    others = waiting(100)
    await turns.add(others)
    await turns.add(ready)
    assert ready[0] in await taken(turns, 2)
