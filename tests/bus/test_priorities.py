"""What has more priority goes first, and what has less has its turn too."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from server.bus.bus import Bus
from server.bus.passed import BY_AGE
from server.bus.turns import HIGHEST, LOWEST, NORMAL, PRIORITIES, TURNS, Ready, Turns
from server.core.ids import new_uuid

WORKSPACE = new_uuid()


def waiting(count: int, bot: UUID, priority: int, workspace: UUID = WORKSPACE) -> list[Ready]:
    return [Ready(new_uuid(), workspace, bot, priority) for _ in range(count)]


async def taken(turns: Turns, count: int, room: int = 1) -> list[Ready]:
    found: list[Ready] = []
    while len(found) < count:
        turn = await turns.next(5)
        assert turn is not None
        found += await turns.take(turn, room)
    return found


async def test_of_one_bot_the_highest_goes_first_and_of_equal_ones_the_oldest(bus: Bus) -> None:
    turns, bot = bus.queue.turns, new_uuid()
    mixed = [Ready(new_uuid(), WORKSPACE, bot, priority) for priority in (5, 1, 9, 5, 9, 3)]
    await turns.add(mixed)
    order = [mixed[place] for place in (2, 4, 0, 3, 5, 1)]
    assert await taken(turns, 6, 100) == order
    assert await bus.redis.keys(f"{TURNS}*") == []


async def test_every_tenth_place_of_a_bot_goes_to_the_one_that_waits_longest(bus: Bus) -> None:
    """However many of a higher priority come after it."""
    turns, bot = bus.queue.turns, new_uuid()
    (low,) = waiting(1, bot, LOWEST)
    await turns.add([low])
    order: list[Ready] = []
    for _ in range(3 * BY_AGE):
        await turns.add(waiting(2, bot, HIGHEST))
        order += await taken(turns, 1)
    assert order.index(low) == BY_AGE - 1
    assert {one.priority for one in order if one != low} == {HIGHEST}


async def test_what_is_old_and_low_is_not_forgotten_where_many_are_taken_at_once(bus: Bus) -> None:
    turns, bot = bus.queue.turns, new_uuid()
    low = waiting(3, bot, LOWEST)
    await turns.add(low)
    order: list[Ready] = []
    for _ in range(4):
        await turns.add(waiting(40, bot, HIGHEST))
        order += await taken(turns, 20, 20)
    assert all(one in order[: 4 * 20] for one in low)


async def test_of_the_bots_of_a_workspace_the_one_with_the_highest_goes_first(bus: Bus) -> None:
    turns, plain, urgent = bus.queue.turns, new_uuid(), new_uuid()
    await turns.add(waiting(50, plain, NORMAL))
    await turns.add(waiting(5, urgent, NORMAL + 1))
    assert {one.bot_id for one in await taken(turns, 5)} == {urgent}


async def test_a_single_urgent_one_takes_no_others_of_its_bot_along(bus: Bus) -> None:
    """Its bot has its turn with the others again after that."""
    turns, plain, urgent = bus.queue.turns, new_uuid(), new_uuid()
    await turns.add(waiting(50, plain, NORMAL))
    await turns.add([*waiting(50, urgent, NORMAL), *waiting(1, urgent, HIGHEST)])
    part = Counter(one.bot_id for one in await taken(turns, 1 + 20, 8))
    assert abs(part[plain] - part[urgent]) <= 8, part


async def test_a_bot_of_little_priority_has_every_tenth_turn(bus: Bus) -> None:
    turns, busy, modest = bus.queue.turns, new_uuid(), new_uuid()
    await turns.add(waiting(30, modest, LOWEST))
    order: list[UUID] = []
    for _ in range(5 * BY_AGE):
        await turns.add(waiting(2, busy, HIGHEST))
        order += [one.bot_id for one in await taken(turns, 1)]
    assert order.count(modest) == 5
    assert order.index(modest) < BY_AGE


async def test_priorities_of_one_workspace_take_nothing_from_another(bus: Bus) -> None:
    turns, other = bus.queue.turns, new_uuid()
    await turns.add(waiting(50, new_uuid(), HIGHEST))
    await turns.add(waiting(50, new_uuid(), LOWEST, other))
    part = Counter(one.workspace_id for one in await taken(turns, 20))
    assert part[other] == 10, part


async def test_another_priority_counts_at_once(bus: Bus) -> None:
    turns, bot, other = bus.queue.turns, new_uuid(), new_uuid()
    mine, theirs = waiting(5, bot, NORMAL), waiting(5, other, NORMAL)
    await turns.add(mine)
    await turns.add(theirs)
    now_first = Ready(theirs[3].id, WORKSPACE, other, HIGHEST)
    await turns.add([now_first])
    assert (await taken(turns, 1))[0] == now_first
    assert len(await taken(turns, 9, 8)) == 9


async def test_what_an_earlier_release_has_queued_is_taken_too(bus: Bus) -> None:
    turns, bot = bus.queue.turns, new_uuid()
    (old,) = waiting(1, bot, NORMAL)
    await bus.redis.zadd(f"{TURNS}:{WORKSPACE}:{bot}", {str(old.id): 0})
    await bus.redis.zadd(f"{TURNS}:{WORKSPACE}", {str(bot): 1_700_000_000})
    await bus.redis.zadd(TURNS, {str(WORKSPACE): 1_700_000_000})
    await turns.add(waiting(2, bot, LOWEST))
    assert old in await taken(turns, 3)
    assert len(PRIORITIES) == HIGHEST
