"""Whose turn it is. What is ready waits by workspace and by bot: the workspaces take turns, and in
each of them its bots, so that ten thousand executions of one bot do not stand before the only one
of another.

A round is a sorted set that says since when each of its members has been waiting. Whoever takes a
member out puts it back at the end while something is left behind it. What is lost on the way (a
process that dies in the middle, a Redis that forgets) comes back with the sweep, and so does a
member whose time was given by a clock that goes wrong: a time is only ever lowered by who adds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from arq.connections import ArqRedis

TURNS = "baleybots:turns"
# With no worker up nothing may grow without end; the sweep finds what was cut off.
LIMIT_OF_A_BOT = 10_000

log = structlog.get_logger("bus")


@dataclass(frozen=True, slots=True)
class Ready:
    """An execution that a worker may take, and on whose account it waits."""

    id: UUID
    workspace_id: UUID
    bot_id: UUID


@dataclass(frozen=True, slots=True)
class Turn:
    """A workspace that was taken out of the round, and since when it waited there."""

    workspace: str
    since: float


class Turns:
    def __init__(self, redis: ArqRedis) -> None:
        # redis-py types its commands as "sync or async", which nobody can await
        self._redis: Any = redis

    async def add(self, ready: Sequence[Ready]) -> None:
        """One that waits already is not added twice. Of one bot the oldest goes first, and that is
        the order of ids."""
        lanes: dict[tuple[str, str], list[str]] = {}
        for one in ready:
            lanes.setdefault((str(one.workspace_id), str(one.bot_id)), []).append(str(one.id))
        now = time.time()
        async with self._redis.pipeline(transaction=False) as pipe:
            for (workspace, bot), ids in lanes.items():
                pipe.zadd(_lane(workspace, bot), dict.fromkeys(ids, 0))
                pipe.zremrangebyrank(_lane(workspace, bot), LIMIT_OF_A_BOT, -1)
                pipe.zadd(_round(workspace), {bot: now}, lt=True)
                pipe.zadd(TURNS, {workspace: now}, lt=True)
            await pipe.execute()

    async def next(self, seconds: float) -> Turn | None:
        """Waits until it is somebody's turn. What is not taken after this has to be put back."""
        found = await self._redis.bzpopmin([TURNS], timeout=seconds)
        return None if found is None else Turn(_text(found[1]), found[2])

    async def put_back(self, turn: Turn) -> None:
        await self._redis.zadd(TURNS, {turn.workspace: turn.since}, lt=True)

    async def take(self, turn: Turn, room: int) -> list[Ready]:
        """At most `room`: of many workspaces each has its part of it, and in it each bot."""
        workspace = turn.workspace
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zcard(TURNS)
            pipe.zpopmin(_round(workspace), room)
            pipe.zcard(_round(workspace))
            others, bots, left = await pipe.execute()
        part = max(1, room // (others + 1))
        each = max(1, part // max(1, len(bots) + left))
        chosen, later = [_text(bot) for bot, _ in bots[:part]], dict(bots[part:])
        if not chosen:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            if later:
                pipe.zadd(_round(workspace), later, lt=True)
            if later or left:
                pipe.zadd(TURNS, {workspace: time.time()}, lt=True)
            for bot in chosen:
                pipe.zpopmin(_lane(workspace, bot), each)
                pipe.zcard(_lane(workspace, bot))
            answers = (await pipe.execute())[-2 * len(chosen) :]
        taken, counts = answers[::2], answers[1::2]
        again = [bot for bot, count in zip(chosen, counts, strict=True) if count]
        await self._to_the_end(workspace, again)
        return [
            one
            for bot, entries in zip(chosen, taken, strict=True)
            for member, _ in entries
            if (one := _read(workspace, bot, _text(member))) is not None
        ]

    async def _to_the_end(self, workspace: str, bots: Sequence[str]) -> None:
        if not bots:
            return
        now = time.time()
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zadd(_round(workspace), dict.fromkeys(bots, now), lt=True)
            pipe.zadd(TURNS, {workspace: now}, lt=True)
            await pipe.execute()


def _round(workspace: str) -> str:
    return f"{TURNS}:{workspace}"


def _lane(workspace: str, bot: str) -> str:
    return f"{TURNS}:{workspace}:{bot}"


def _text(given: bytes) -> str:
    return given.decode(errors="replace")


def _read(workspace: str, bot: str, execution: str) -> Ready | None:
    """Whatever else lies in a shared Redis must not cost its neighbours their turn."""
    try:
        return Ready(UUID(execution), UUID(workspace), UUID(bot))
    except ValueError:
        log.warning("no_execution_id", given=execution[:80])
        return None
