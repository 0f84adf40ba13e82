"""What an execution may use counts for it and all that it has started, side by side or not. So each
of a family looks, before a call, at what the whole family has used."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from tortoise.functions import Count

from server.core.ids import read_id
from server.core.single_flight import SingleFlight
from server.engine.caps import Caps, Spent, Used, check, inherited
from server.models.away import is_away
from server.models.enums import StepStatus, TriggerKind
from server.models.tables import Execution, ModelCall, Step

MOST_DEPTH: Final = 5
# With so many that work side by side, each looks again before all of what is left is used.
SIDE_BY_SIDE: Final = 100
AT_ONCE: Final = 5_000
TOOLS: Final = ("tool", "use")
# What waits or was lost in the middle calls once more, and counts then for whoever goes on with it.
ENDED: Final = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.CANCELLED)
BEGUN: Final = (*ENDED, StepStatus.WAITING, StepStatus.RUNNING)
NODE: Final = ("id", "parent_id", "input_tokens", "output_tokens", "cost_nano")
WHO: Final = "The run that this one belongs to"

Above = tuple[UUID, Caps]


class Pool:
    """`caps`: those of the workspace, before what its parent had left."""

    def __init__(self, execution_id: UUID, parent: UUID | None, caps: Caps, spent: Spent) -> None:
        self._id = execution_id
        self._parent = parent
        self._caps = caps
        self._spent = spent
        self._above: list[Above] | None = None
        self._looking: SingleFlight[UUID, None] = SingleFlight()
        self._room = spent.caps.calls
        self._seen = spent.calls

    def forget(self) -> None:
        """What others of the family have used is not known any more."""
        self._room = 0

    def due(self, *, spawned: bool) -> bool:
        """Whether to look before the next call; one without a family never does."""
        if self._parent is None and not spawned:
            return False
        if self._spent.limited:
            return True
        used = self._spent.calls - self._seen
        return bool(self._spent.caps.calls) and used >= self._room // SIDE_BY_SIDE

    async def look(self) -> None:
        """StepFailed when one of those above may use no more. Waits for the database; what looks at
        the same moment looks together."""
        while True:
            try:
                return await self._looking.get(self._id, self._look)
            except Exception as error:
                if not is_away(error):
                    raise
            await asyncio.sleep(random.uniform(0.2, 1.0))

    async def _look(self) -> None:
        if self._above is None:
            self._above = await self._ancestors()
        spent, above = self._spent, self._above
        used = await self._used(above[-1][0] if above else self._id)
        own = used.get(self._id, spent.own)
        spent.children = own - spent.own
        rooms = [spent.caps.calls - own.calls]
        for execution_id, caps in above:
            of_all = used.get(execution_id, own)
            check(caps, of_all + Used(calls=1), WHO)
            rooms.append(caps.calls - of_all.calls)
        self._room, self._seen = max(0, min(rooms)), spent.calls

    async def _ancestors(self) -> list[Above]:
        """From the parent upwards."""
        found: list[Above] = []
        parent = self._parent
        while parent is not None:
            row = await Execution.get_or_none(id=parent).only("id", "trigger", "trigger_kind")
            if row is None:
                break
            trigger: dict[str, Any] = row.trigger or {}
            found.append((row.id, inherited(self._caps, left_of(trigger))))
            parent = living_parent(row.trigger_kind, trigger)
        return found

    async def _used(self, top: UUID) -> dict[UUID, Used]:
        """By each of the family with all that stand below it."""
        levels = await _levels(top)
        calls = await calls_by([row[0] for rows in levels for row in rows], BEGUN)
        used = {
            row[0]: Used(row[2] + row[3], row[4], calls.get(row[0], 0))
            for rows in levels
            for row in rows
        }
        if self._id in used:  # what is not stored yet counts, too
            used[self._id] = self._spent.own
        for rows in reversed(levels[1:]):
            for row in rows:
                used[row[1]] += used[row[0]]
        return used


async def calls_by(ids: Sequence[UUID], statuses: Sequence[StepStatus] = ENDED) -> dict[UUID, int]:
    """How many calls each has made, as its records tell it: the questions to models, and the calls
    of tools whose steps are so."""
    found: dict[UUID, int] = {}
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        tools = Step.filter(type__in=TOOLS, status__in=statuses, reused=False)
        for rows in (ModelCall.filter(execution_id__in=some), tools.filter(execution_id__in=some)):
            counted = rows.annotate(number=Count("id")).group_by("execution_id")
            _add(found, await counted.values_list("execution_id", "number"))
    return found


def parent_of(trigger: dict[str, Any]) -> UUID | None:
    if trigger.get("kind") != TriggerKind.PARENT.value:
        return None
    return read_id("execution", trigger["data"]["executionId"])


def living_parent(kind: TriggerKind, trigger: dict[str, Any]) -> UUID | None:
    """None of what is done again: it has the trigger of then, and nobody waits for it."""
    return parent_of(trigger) if kind is TriggerKind.PARENT else None


def left_of(trigger: dict[str, Any]) -> dict[str, int]:
    """What the parent had left when it started this execution."""
    if trigger.get("kind") != TriggerKind.PARENT.value:
        return {}
    return trigger["data"].get("left", {})


async def _levels(top: UUID) -> list[list[Any]]:
    """The rows of the family, generation by generation."""
    levels: list[list[Any]] = [await Execution.filter(id=top).values_list(*NODE)]
    while levels[-1] and len(levels) <= MOST_DEPTH:
        parents = [row[0] for row in levels[-1]]
        levels.append(await Execution.filter(parent_id__in=parents).values_list(*NODE))
    return levels


def _add(found: dict[UUID, int], counted: Iterable[Any]) -> None:
    for execution_id, number in counted:
        found[execution_id] = found.get(execution_id, 0) + number
