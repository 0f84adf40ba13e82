"""The engine as one thing: what starts, follows and stops executions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any
from uuid import UUID, uuid4

from server.bus.bus import Bus
from server.core.clock import Clock
from server.engine.caps import Caps
from server.engine.control import Control
from server.engine.decisions import Deciding, Diagnosing
from server.engine.door import Doors, PlainDoor
from server.engine.family import Targets
from server.engine.feed import Feeds
from server.engine.holding import Holding
from server.engine.kin import Kin
from server.engine.latest import Latest
from server.engine.log import EventBatch
from server.engine.making import Limiting, Surroundings
from server.engine.runner import Runner
from server.engine.snapshots import Snapshots
from server.engine.store import Store
from server.engine.sweep import Sweep
from server.engine.tool_calls import Worlds
from server.llm.gateway import Gateway
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from server.tools.catalogue import Catalogues, catalogue

RUNNING_AT_ONCE = 64
SLOTS_OF_A_WORKER = 8


class Engine:
    """`embedded`: no other process works on this database."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        gateway: Gateway,
        clock: Clock,
        targets: Targets,
        *,
        embedded: bool,
        caps: Caps | None = None,
        limits: Limiting | None = None,
        deciding: Deciding | None = None,
        diagnosing: Diagnosing | None = None,
        catalogues: Catalogues = catalogue,
        doors: Doors | None = None,
        world: Worlds | None = None,
    ) -> None:
        self.owner = uuid4().hex
        self.store = store = Latest(store, alone=embedded)
        self.bus = bus
        self.gateway = gateway
        self.catalogues = catalogues
        self.clock = clock
        self.embedded = embedded
        around = Surroundings(
            store=store,
            notices=bus.notices,
            clock=clock,
            owner=self.owner,
            doors=doors or _plain(gateway),
            caps=caps or Caps(),
            deciding=deciding,
            diagnosing=diagnosing,
            catalogues=catalogues,
            targets=targets,
            world=world,
            limits=limits,
            end_born=self._end_born,
        )
        self.runner = Runner(
            around,
            bus.queue,
            inline=embedded,
            max_running=RUNNING_AT_ONCE if embedded else SLOTS_OF_A_WORKER,
            ended=self._ended,
            held=self._held,
        )
        self.control = Control(
            store, bus.notices, bus.queue, clock, self.runner, self._cancel_children, diagnosing
        )
        self.holding = Holding(self.control)
        self.places = self.runner.places
        self.snapshots = Snapshots(store)
        self._sweep = Sweep(store, bus.queue)
        self.feeds = Feeds(store, bus.notices, known=store.known)
        self.kin = Kin(store, bus.queue, clock, self.runner.nudge, self.control.cancel)

    async def start(self) -> None:
        """Where nobody else can be at work, what the last process left behind goes on at once."""
        self.runner.start()
        if self.embedded:
            await self.store.release_others(self.owner)
            await self.runner.isolate_left()
            await _forget_wake_ups()

    async def stop(self, drain_seconds: float = 0.0) -> None:
        await self.runner.drain(drain_seconds)
        await self.runner.stop()
        await self.feeds.stop()

    def follow(self, execution_id: UUID, after: int = 0) -> AsyncGenerator[EventBatch, None]:
        return self.feeds.follow(execution_id, after)

    async def wake_due(self) -> int:
        """Hands what is due and in nobody's hands to the workers: the sweep of each second."""
        return await self._sweep.look()

    async def _cancel_children(
        self, execution_id: UUID, reason: str | None, by: str | None
    ) -> None:
        await self.kin.cancelled(execution_id, reason, by)

    async def _ended(self, execution_id: UUID, trigger: dict[str, Any], *, spawned: bool) -> None:
        await self.kin.ended(execution_id, trigger, spawned=spawned)

    async def _end_born(self, workspace_id: UUID, keys: Sequence[str]) -> None:
        await self.kin.end_born(workspace_id, keys)

    async def _held(self, workspace_id: UUID, execution_id: UUID) -> None:
        await self.holding.pause_children(workspace_id, execution_id, None, None)


def _plain(gateway: Gateway) -> Doors:
    return lambda claimed: PlainDoor(gateway)


async def _forget_wake_ups() -> None:
    """Whoever was woken is no more, so everything that waits is to be handed out again."""
    idle = [ExecutionStatus.PENDING, ExecutionStatus.WAITING]
    await Execution.filter(status__in=idle, due_at__isnull=False).update(dispatched_at=None)
