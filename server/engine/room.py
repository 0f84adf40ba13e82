"""How many more executions of a bot may run: counted anew at each claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from server.bus.turns import Ready
from server.engine.decode import uuid_value

# Let go in one piece; where more have room, those that have begun let the next ones go.
AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """None sets none."""

    at_once: int | None
    per_key: int | None


class Room:
    """How many more of each bot may run, as the tables were when they were counted."""

    def __init__(self, bots: Iterable[Sequence[Any]], running: Iterable[Sequence[Any]]) -> None:
        """In the order in which every store's LOCK_BOTS and RUNNING_OF give them."""
        self.bots: Mapping[UUID, Limits] = {
            uuid_value(bot): Limits(at_once, per_key) for bot, at_once, per_key in bots
        }
        self._all: dict[UUID, int] = {}
        self._keys: dict[tuple[UUID, str], int] = {}
        for bot, key, count in running:
            self._count(uuid_value(bot), key, count)

    def take(self, bot: UUID, key: str | None) -> bool:
        """Whether there was a place; then it is taken."""
        limits = self.bots[bot]
        if limits.at_once is not None and self._all.get(bot, 0) >= limits.at_once:
            return False
        if key is not None and key in self._full(bot, limits):
            return False
        self._count(bot, key, 1)
        return True

    def full_keys(self, bot: UUID) -> list[str]:
        return sorted(self._full(bot, self.bots[bot]))

    def left(self, bot: UUID) -> int:
        at_once = self.bots[bot].at_once
        return AT_ONCE if at_once is None else min(AT_ONCE, at_once - self._all.get(bot, 0))

    def divided(
        self, rows: Iterable[Sequence[Any]], order: Sequence[UUID] = ()
    ) -> tuple[list[Ready], list[Ready]]:
        """Those that get a place, and those that get none; in the order of the ids, if given. Of
        each: id, workspace, bot, priority, key."""
        given = {one: place for place, one in enumerate(order)}
        taken: list[Ready] = []
        rest: list[Ready] = []
        for row in sorted(rows, key=lambda row: given.get(uuid_value(row[0]), 0)):
            one = Ready(*map(uuid_value, row[:3]), priority=row[3])
            (taken if self.take(one.bot_id, row[4]) else rest).append(one)
        return taken, rest

    def _full(self, bot: UUID, limits: Limits) -> set[str]:
        if limits.per_key is None:
            return set()
        most = limits.per_key
        return {key for (of, key), count in self._keys.items() if of == bot and count >= most}

    def _count(self, bot: UUID, key: str | None, count: int) -> None:
        self._all[bot] = self._all.get(bot, 0) + count
        if key is not None:
            self._keys[bot, key] = self._keys.get((bot, key), 0) + count
