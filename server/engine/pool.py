"""What an execution may use counts for it and all that it has started, side by side or not. So each
of a family looks, before a call, at what the whole family has used."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar
from uuid import UUID

from tortoise.functions import Count

from server.core.errors import Unavailable
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
Result = TypeVar("Result")
NOTHING_KNOWN: Final[Mapping[UUID, Used]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Share:
    """What everything may cost together that one call of an entity starts: `key` in `parent`."""

    parent: UUID
    entity: str
    key: str
    cost_nano: int


class Pool:
    """`caps`: those of the workspace, before what its parent had left. `share`: of the entity whose
    tool has started this execution."""

    def __init__(
        self,
        execution_id: UUID,
        parent: UUID | None,
        caps: Caps,
        spent: Spent,
        share: Share | None = None,
    ) -> None:
        self._id = execution_id
        self._parent = parent
        self._shares = [] if share is None else [share]
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
        """StepFailed when one of those above may use no more. What looks at the same moment looks
        together."""
        await patiently(lambda: self._looking.get(self._id, self._look))

    async def cost_below(self, key: str) -> int:
        """Nano-dollars of everything that steps inside this one have started."""
        return await patiently(lambda: self._cost_below(key))

    async def _cost_below(self, key: str) -> int:
        used = _summed(await _levels(self._id), {})
        return sum(used[one].cost_nano for one in await _started_in(self._id, key) if one in used)

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
        await self._check_shares(used)
        self._room, self._seen = max(0, min(rooms)), spent.calls

    async def _check_shares(self, used: dict[UUID, Used]) -> None:
        for share in self._shares:
            started = await _started_in(share.parent, share.key)
            cost = sum(used[one].cost_nano for one in started if one in used)
            limit = Caps(calls=0, cost_nano=share.cost_nano)
            check(limit, Used(cost_nano=cost), f"What `{share.entity}` started")

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
            share = share_of(row.trigger_kind, trigger)
            self._shares += [] if share is None else [share]
        return found

    async def _used(self, top: UUID) -> dict[UUID, Used]:
        """By each of the family with all that stand below it."""
        levels = await _levels(top)
        calls = await calls_by([row[0] for rows in levels for row in rows], BEGUN)
        return _summed(levels, calls, {self._id: self._spent.own})


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


def share_of(kind: TriggerKind, trigger: dict[str, Any]) -> Share | None:
    """As `Share` was told to it when it was started."""
    parent = living_parent(kind, trigger)
    told = trigger["data"].get("share") if parent is not None else None
    if parent is None or told is None:
        return None
    return Share(parent, told["entity"], told["key"], told["costNano"])


async def patiently(look: Callable[[], Awaitable[Result]]) -> Result:
    """Waits for the database."""
    while True:
        try:
            return await look()
        except Exception as error:
            if not (isinstance(error, Unavailable) or is_away(error)):
                raise
        await asyncio.sleep(random.uniform(0.2, 1.0))


async def _started_in(parent: UUID, key: str) -> list[UUID]:
    """By steps inside the one with this key."""
    rows = await Execution.filter(parent_id=parent).values_list("id", "trigger")
    return [row[0] for row in rows if row[1]["data"]["stepKey"].startswith(f"{key}/")]


async def _levels(top: UUID) -> list[list[Any]]:
    """The rows of the family, generation by generation."""
    levels: list[list[Any]] = [await Execution.filter(id=top).values_list(*NODE)]
    while levels[-1] and len(levels) <= MOST_DEPTH:
        parents = [row[0] for row in levels[-1]]
        levels.append(await Execution.filter(parent_id__in=parents).values_list(*NODE))
    return levels


def _summed(
    levels: list[list[Any]], calls: Mapping[UUID, int], known: Mapping[UUID, Used] = NOTHING_KNOWN
) -> dict[UUID, Used]:
    """By each with all that stand below it. `known`: with what is not stored yet."""
    used = {
        row[0]: known.get(row[0]) or Used(row[2] + row[3], row[4], calls.get(row[0], 0))
        for rows in levels
        for row in rows
    }
    for rows in reversed(levels[1:]):
        for row in rows:
            used[row[1]] += used[row[0]]
    return used


def _add(found: dict[UUID, int], counted: Iterable[Any]) -> None:
    for execution_id, number in counted:
        found[execution_id] = found.get(execution_id, 0) + number
