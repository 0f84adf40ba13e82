"""Part of W11: what it costs to be fair. Taking one execution out of a queue of 10 and of one of
10,000, over Redis and in one process, and after how many of a full queue's the only one of another
bot has its turn."""

from __future__ import annotations

import time

from server.bus.redis import open_redis
from server.bus.turns import Ready, Turns
from server.core.ids import new_uuid
from tests.benchmarks.table import Row, load_average
from tests.support import services

SHORT, LONG = 10, 10_000
TAKEN = 500
GOAL = "another bot's only one is taken as second at the latest; 10,000 waiting cost {}"


async def measure() -> list[Row]:
    with services.redis() as redis:
        return [
            await _row("Redis", redis, "<= 1.3x of 10"),
            await _row("one process", None, "<= 1 ms more than 10"),
        ]


async def _row(where: str, url: str | None, goal: str) -> Row:
    client = open_redis(url)
    turns = Turns(client)
    few, _ = await _taking(turns, SHORT)
    many, place = await _taking(turns, LONG)
    await client.aclose(close_connection_pool=True)
    figures = {"us of 10": few, "us of 10,000": many, "ratio": many / few, "its turn": place}
    return Row(f"W11 a turn ({where})", figures, GOAL.format(goal), load_average())


async def _taking(turns: Turns, waiting: int) -> tuple[float, float]:
    """CPU time of this process for each, with as many waiting all the time; and the place of one
    that came last."""
    workspace, greedy = new_uuid(), new_uuid()
    await turns.add([Ready(new_uuid(), workspace, greedy) for _ in range(waiting)])
    spent = 0.0
    for _ in range(TAKEN):
        began = time.process_time()
        await _take(turns)
        spent += time.process_time() - began
        await turns.add([Ready(new_uuid(), workspace, greedy)])
    only = Ready(new_uuid(), workspace, new_uuid())
    await turns.add([only])
    place = 1
    while await _take(turns) != [only]:
        place += 1
    while (turn := await turns.next(0.01)) is not None:
        await turns.take(turn, waiting)
    return 1_000_000 * spent / TAKEN, float(place)


async def _take(turns: Turns) -> list[Ready]:
    turn = await turns.next(1)
    assert turn is not None
    return await turns.take(turn, 1)
