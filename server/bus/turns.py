"""Whose turn it is. What is ready waits by workspace and by bot. Workspaces take turns, whatever
the priorities: ten thousand executions do not stand before the only one of another. In a
workspace what has the highest priority goes first; bots whose next executions have the same
take turns, and of one bot the oldest goes first. Nobody waits for ever: of ten places that are
given while somebody is passed over, one goes to who waits longest (`passed.py`).

A round is a sorted set that says since when each of its members has been waiting; that of the bots
has each priority in a range of its own. Whoever takes a member out puts it back at the end while
something is left behind it. What is lost on the way (a process that dies in the middle, a Redis
that forgets) comes back with the sweep, and so does a member whose time was given by a clock that
goes wrong: a time is only ever lowered by who adds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog
from arq.connections import ArqRedis

from server.bus.passed import Passed

TURNS = "baleybots:turns"
# With no worker up nothing may grow without end; the sweep finds what was cut off.
LIMIT_OF_A_BOT = 10_000

LOWEST: Final = 1
NORMAL: Final = 5
HIGHEST: Final = 9
PRIORITIES: Final = range(LOWEST, HIGHEST + 1)
# Seconds: more than any clock shows, so that the range of one priority ends before the next begins.
_RANGE: Final = 1e10

Entry = tuple[bytes, float]

log = structlog.get_logger("bus")


@dataclass(frozen=True, slots=True)
class Ready:
    """An execution that a worker may take, and on whose account it waits. `priority`: 9 goes
    first, 1 last."""

    id: UUID
    workspace_id: UUID
    bot_id: UUID
    priority: int = NORMAL


@dataclass(frozen=True, slots=True)
class Turn:
    """A workspace that was taken out of the round, and since when it waited there."""

    workspace: str
    since: float


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The bots whose turn it is in a workspace, how many each may give, and who waits on."""

    bots: list[str]
    each: int
    later: dict[str, float]
    left: int

    @property
    def others(self) -> bool:
        return bool(self.later or self.left)


@dataclass(frozen=True, slots=True)
class _Left:
    """Of one bot: what came out of its lane, what is next in it, and what goes back into it."""

    popped: list[Entry]
    next: list[Entry]
    back: Sequence[Entry] = ()

    def without_lower(self) -> _Left:
        """Other bots have their turn before what has less priority than the first."""
        mine = [entry for entry in self.popped if entry[1] == self.popped[0][1]]
        lower = self.popped[len(mine) :]
        return _Left(mine, lower[:1], lower) if lower else self


class Turns:
    def __init__(self, redis: ArqRedis) -> None:
        # redis-py types its commands as "sync or async", which nobody can await
        self._redis: Any = redis
        self._passed = Passed()

    async def add(self, ready: Sequence[Ready]) -> None:
        """One that waits already is not added twice, but its priority may be another one. Of equal
        ones the oldest goes first, and that is the order of ids."""
        lanes: dict[tuple[str, str], dict[str, int]] = {}
        for one in ready:
            lane = lanes.setdefault((str(one.workspace_id), str(one.bot_id)), {})
            lane[str(one.id)] = -one.priority
        now = time.time()
        async with self._redis.pipeline(transaction=False) as pipe:
            for (workspace, bot), ids in lanes.items():
                pipe.zadd(_lane(workspace, bot), ids)
                pipe.zremrangebyrank(_lane(workspace, bot), LIMIT_OF_A_BOT, -1)
                pipe.zadd(_round(workspace), {bot: _place(now, -min(ids.values()))}, lt=True)
                pipe.zadd(TURNS, {workspace: now}, lt=True)
            await pipe.execute()

    async def next(self, seconds: float) -> Turn | None:
        """Waits until it is somebody's turn. What is not taken after this has to be put back."""
        found = await self._redis.bzpopmin([TURNS], timeout=seconds)
        return None if found is None else Turn(_text(found[1]), found[2])

    async def put_back(self, turn: Turn) -> None:
        await self._redis.zadd(TURNS, {turn.workspace: turn.since}, lt=True)

    async def take(self, turn: Turn, room: int) -> list[Ready]:
        """At most `room`: of many workspaces each has its part of it, and in it each bot of those
        with the highest priority."""
        workspace = turn.workspace
        if self._passed.owed(workspace) and (bot := await self._longest_waiting(workspace)):
            self._passed.paid(workspace, 1)
            return await self._take(workspace, _Chosen([bot], 1, {}, 1))
        chosen = await self._chosen(workspace, room)
        taken = await self._take(workspace, chosen) if chosen.bots else []
        self._passed.over(workspace, len(taken), waits=chosen.others)
        return taken

    async def _chosen(self, workspace: str, room: int) -> _Chosen:
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zcard(TURNS)
            pipe.zpopmin(_round(workspace), room)
            pipe.zcard(_round(workspace))
            others, found, left = await pipe.execute()
        part = max(1, room // (others + 1))
        places = {_text(bot): place for bot, place in found}
        first = [bot for bot, place in places.items() if _class(place) == _class(found[0][1])]
        alike = len(first) + (left if len(first) == len(places) else 0)
        later = {bot: place for bot, place in places.items() if bot not in first[:part]}
        return _Chosen(first[:part], max(1, part // max(1, alike)), later, left)

    async def _take(self, workspace: str, chosen: _Chosen) -> list[Ready]:
        alone = len(chosen.bots) == 1 and not chosen.others
        found = [await self._oldest(workspace, bot, chosen.each) for bot in chosen.bots]
        left: dict[str, _Left] = {}
        for bot, entries, lane in zip(
            chosen.bots, found, await self._popped(workspace, chosen, found), strict=True
        ):
            rest = left[bot] = lane if alone else lane.without_lower()
            self._passed.over(_lane(workspace, bot), len(rest.popped), waits=bool(rest.next))
            entries += rest.popped
        await self._to_the_end(workspace, left)
        return [
            one
            for bot, entries in zip(chosen.bots, found, strict=True)
            for entry in entries
            if (one := _read(workspace, bot, entry)) is not None
        ]

    async def _popped(
        self, workspace: str, chosen: _Chosen, found: Sequence[Sequence[Entry]]
    ) -> list[_Left]:
        async with self._redis.pipeline(transaction=False) as pipe:
            if chosen.later:
                pipe.zadd(_round(workspace), chosen.later, lt=True)
            if chosen.others:
                pipe.zadd(TURNS, {workspace: time.time()}, lt=True)
            for bot, oldest in zip(chosen.bots, found, strict=True):
                lane = _lane(workspace, bot)
                pipe.zpopmin(lane, chosen.each - len(oldest))
                pipe.zrange(lane, 0, 0, withscores=True)
            answers = (await pipe.execute())[-2 * len(chosen.bots) :]
        pairs = zip(answers[::2], answers[1::2], strict=True)
        return [_Left(popped, head) for popped, head in pairs]

    async def _to_the_end(self, workspace: str, left: dict[str, _Left]) -> None:
        """Each bot that has something left, with the priority of what is next of it."""
        again = {bot: rest for bot, rest in left.items() if rest.next}
        if not again:
            return
        now = time.time()
        places = {bot: _place(now, _priority(rest.next[0][1])) for bot, rest in again.items()}
        async with self._redis.pipeline(transaction=False) as pipe:
            for bot, rest in again.items():
                if rest.back:
                    pipe.zadd(_lane(workspace, bot), dict(rest.back))
            pipe.zadd(_round(workspace), places, lt=True)
            pipe.zadd(TURNS, {workspace: now}, lt=True)
            await pipe.execute()

    async def _longest_waiting(self, workspace: str) -> str | None:
        """The bot that has had no turn for longest, taken out of the round."""
        found = await self._heads(_round(workspace), [(-p * _RANGE, _RANGE) for p in PRIORITIES], 1)
        for bot, _ in sorted(found, key=lambda one: one[1] % _RANGE):
            if await self._redis.zrem(_round(workspace), bot):
                return _text(bot)
        return None

    async def _oldest(self, workspace: str, bot: str, at_most: int) -> list[Entry]:
        """So many of a bot as are owed to age, taken out of its lane."""
        lane = _lane(workspace, bot)
        count = min(self._passed.owed(lane), at_most)
        if not count or await self._alike(lane):
            self._passed.paid(lane, count)
            return []
        found = sorted(await self._heads(lane, [(-p, 0) for p in PRIORITIES], count))[:count]
        self._passed.paid(lane, count)
        async with self._redis.pipeline(transaction=False) as pipe:
            for member, _ in found:
                pipe.zrem(lane, member)
            ours = await pipe.execute()
        return [entry for entry, removed in zip(found, ours, strict=True) if removed]

    async def _alike(self, lane: str) -> bool:
        """Nobody in it has been passed over: the oldest is the first anyway."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zrange(lane, 0, 0, withscores=True)
            pipe.zrange(lane, -1, -1, withscores=True)
            first, last = await pipe.execute()
        return [score for _, score in first] == [score for _, score in last]

    async def _heads(
        self, key: str, ranges: Iterable[tuple[float, float]], count: int
    ) -> list[Entry]:
        """The first of each priority. A range is where it begins and how long it is."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for begin, length in ranges:
                pipe.zrangebyscore(key, begin, begin + length, start=0, num=count, withscores=True)
            return [entry for entries in await pipe.execute() for entry in entries]


def _place(since: float, priority: int) -> float:
    """In the round of the bots."""
    return since - priority * _RANGE


def _class(place: float) -> int:
    return -math.floor(place / _RANGE)


def _priority(score: float) -> int:
    """In the lane of a bot. What an earlier release has put there has none."""
    found = round(-score)
    return found if found in PRIORITIES else NORMAL


def _round(workspace: str) -> str:
    return f"{TURNS}:{workspace}"


def _lane(workspace: str, bot: str) -> str:
    return f"{TURNS}:{workspace}:{bot}"


def _text(given: bytes) -> str:
    return given.decode(errors="replace")


def _read(workspace: str, bot: str, entry: Entry) -> Ready | None:
    """Whatever else lies in a shared Redis must not cost its neighbours their turn."""
    execution = _text(entry[0])
    try:
        return Ready(UUID(execution), UUID(workspace), UUID(bot), _priority(entry[1]))
    except ValueError:
        log.warning("no_execution_id", given=execution[:80])
        return None
