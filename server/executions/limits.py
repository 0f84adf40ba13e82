"""What one execution of a workspace may use at most: set by an administrator, else the product's
own. It is looked up at each start and each time a worker goes on, so it is kept for a moment."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from server.core.clock import Clock
from server.core.errors import Invalid
from server.core.ids import new_uuid
from server.core.money import NANO_PER_DOLLAR, from_decimal
from server.engine.caps import Caps
from server.models.tables import WorkspaceLimits
from server.workspaces import audit
from server.workspaces.access import Viewer, require

# So long another process may still go by what was set before.
KEPT_SECONDS = 5.0
LARGEST = {
    "seconds": 30 * 24 * 3600,
    "steps": 10_000_000,
    "calls": 1_000_000,
    "tokens": 10**12,
    "cost_nano": 10**15,
}
# There is no running for ever.
NEVER_FREE = ("seconds", "steps")


@dataclass(frozen=True, slots=True)
class Limits:
    """None: the product's default. 0: no limit, except for time and steps."""

    seconds: int | None = None
    steps: int | None = None
    calls: int | None = None
    tokens: int | None = None
    cost_nano: int | None = None


NAMES = tuple(one.name for one in fields(Limits))


class RunLimits:
    """What the engine asks for (Limiting)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[UUID, tuple[float, Limits]] = {}

    async def of(self, workspace_id: UUID, default: Caps) -> Caps:
        now = self._clock.monotonic()
        until, limits = self._kept.get(workspace_id, (now, Limits()))
        if until <= now:
            limits = await read(workspace_id)
            self._kept[workspace_id] = (now + KEPT_SECONDS, limits)
        return applied(limits, default)

    def forget(self, workspace_id: UUID) -> None:
        self._kept.pop(workspace_id, None)


def applied(limits: Limits, default: Caps) -> Caps:
    given = {name: getattr(limits, name) for name in NAMES}
    return replace(default, **{name: one for name, one in given.items() if one is not None})


async def read(workspace_id: UUID) -> Limits:
    row = await WorkspaceLimits.get_or_none(workspace_id=workspace_id)
    if row is None:
        return Limits()
    return Limits(**{name: getattr(row, name) for name in NAMES})


async def set_limits(viewer: Viewer, kept: RunLimits, clock: Clock, limits: Limits) -> Limits:
    """Sets all of them at once; they hold for what starts or goes on from now."""
    require(viewer, "costs:write")
    _check(limits)
    known: dict[str, Any] = {"workspace_id": viewer.workspace_id}
    values: dict[str, Any] = {name: getattr(limits, name) for name in NAMES}
    values |= {"changed_by_id": viewer.user_id, "changed_at": clock.now()}
    before = await read(viewer.workspace_id)
    if not await WorkspaceLimits.filter(**known).exists():
        with suppress(IntegrityError):  # another request was first
            await WorkspaceLimits.create(id=new_uuid(), **known, **values)
    async with in_transaction():
        await WorkspaceLimits.filter(**known).update(**values)
        subject = audit.Subject("workspace", viewer.workspace_id, viewer.workspace_name)
        change = audit.Change(asdict(before), asdict(limits))
        await audit.record(viewer, "workspace.limits_changed", subject, change, clock)
    kept.forget(viewer.workspace_id)
    return limits


def nano_of(cost: Decimal | None) -> int | None:
    """Of an amount in dollars, as a limit; one that came to nothing would be none at all."""
    if cost is None:
        return None
    if not 0 <= cost <= LARGEST["cost_nano"] // NANO_PER_DOLLAR:
        raise _beyond("cost_nano")
    nano = from_decimal(cost)
    if cost and not nano:
        message = "This is less than can be counted: the smallest amount is 0.000000001 US dollars."
        raise Invalid(message, path=["cost"])
    return nano


def _check(limits: Limits) -> None:
    for name in NAMES:
        value = getattr(limits, name)
        lowest = 1 if name in NEVER_FREE else 0
        if value is not None and not lowest <= value <= LARGEST[name]:
            raise _beyond(name)


def _beyond(name: str) -> Invalid:
    lowest = 1 if name in NEVER_FREE else 0
    if name != "cost_nano":
        message = f"This limit is a whole number from {lowest} to {LARGEST[name]:,}."
        return Invalid(message, path=[name])
    largest = LARGEST[name] // NANO_PER_DOLLAR
    return Invalid(f"This limit is an amount of US dollars from 0 to {largest:,}.", path=["cost"])
