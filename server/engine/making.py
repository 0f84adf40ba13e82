"""From a row that is ours to a run that can begin: its plan, what is recorded, its surroundings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from server.bal.plan import Plan
from server.bus.notices import Notices
from server.core.clock import Clock
from server.engine.asking import Asking
from server.engine.begun_anew import calls_of_open_steps
from server.engine.caps import Caps, Spent, inherited
from server.engine.children import EndBorn
from server.engine.decisions import Deciding, Diagnosing
from server.engine.door import Doors, ModelDoor
from server.engine.durable import DurableHost
from server.engine.family import Brought, RunFamily, Targets
from server.engine.heard import Heard
from server.engine.host import EntityCall
from server.engine.plans import Plans
from server.engine.pool import ENDED, TOOLS, Pool, calls_by, left_of, living_parent, share_of
from server.engine.run import Run
from server.engine.stepping import STEPPED, Stepping
from server.engine.store import Claimed, ExecutionChange, NewExecution, RecordedStep, Store
from server.engine.tool_calls import Host, ToolDesk, Worlds
from server.engine.writer import Identity, Writer
from server.models.enums import ExecutionMode, TriggerKind
from server.tools.catalogue import Catalogues
from server.tools.wrappers import wrapped

AcceptChild = Callable[[NewExecution, Plan, Brought | None], Awaitable[ExecutionChange | None]]


class Limiting(Protocol):
    """What workspaces have set for their executions."""

    async def of(self, workspace_id: UUID, default: Caps) -> Caps: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all runs of a process share. `owner` names the process."""

    store: Store
    notices: Notices
    clock: Clock
    owner: str
    doors: Doors
    caps: Caps
    deciding: Deciding | None
    diagnosing: Diagnosing | None
    catalogues: Catalogues
    targets: Targets
    world: Worlds | None = None
    limits: Limiting | None = None
    end_born: EndBorn | None = None


class Making:
    def __init__(self, around: Surroundings, accept_child: AcceptChild) -> None:
        self._around = around
        self._accept_child = accept_child
        self._call_tool = wrapped()
        self.plans = Plans()

    async def resumed(self, claimed: Claimed) -> Run:
        recorded = await self._around.store.steps(claimed.id) if _has_rows(claimed) else {}
        plan = await self.plans.get(claimed.version_id)
        writer = self.writer(identity_of(claimed, self._around.owner), None)
        caps = await self.caps(claimed.workspace_id)
        calls = await _calls_before(claimed.id, recorded)
        run = self.run(claimed, plan, writer, recorded, caps, calls)
        if claimed.cancel_requested:
            run.cancel()
        return run

    async def caps(self, workspace_id: UUID) -> Caps:
        """What an execution may use here, before what its parent has left."""
        limits, caps = self._around.limits, self._around.caps
        return caps if limits is None else await limits.of(workspace_id, caps)

    def run(
        self,
        claimed: Claimed,
        plan: Plan | None,
        writer: Writer,
        recorded: dict[str, RecordedStep],
        caps: Caps,
        calls: int = 0,
    ) -> Run:
        """`calls`: how many earlier takings have made."""
        trigger: dict[str, Any] = claimed.trigger or {}
        spent = Spent(inherited(caps, left_of(trigger)), claimed)
        spent.calls = calls
        door = self._around.doors(claimed)
        asking = Asking(door, claimed.mode)
        host = DurableHost(
            writer,
            asking,
            self._desk(claimed.mode, door),
            recorded,
            spent=spent,
            pool=_pool(claimed, caps, spent),
            stepping=_stepping(claimed, recorded),
            deciding=self._around.deciding,
            diagnosing=self._around.diagnosing,
            end_born=self._around.end_born,
        )
        heard = Heard(self._around.store, claimed.id, host, claimed.last_seq)
        run = Run(claimed, plan, writer, host, door, self._around.clock, heard)
        writer.somebody_wrote = run.look
        return run

    def writer(self, identity: Identity, new: NewExecution | None) -> Writer:
        around = self._around
        return Writer(around.store, around.notices, around.clock, identity, new)

    def _desk(self, mode: ExecutionMode, door: ModelDoor) -> ToolDesk:
        around = self._around

        def family(host: Host, key: str, entity: EntityCall | None) -> RunFamily:
            return RunFamily(
                host, key, mode, entity, around.targets, self.plans, self._accept_child
            )

        tools, clock = around.catalogues, around.clock
        return ToolDesk(
            tools, self._call_tool, clock, family, door.purse, door.replay, around.world
        )


def identity_of(row: NewExecution | Claimed, owner: str) -> Identity:
    return Identity(
        id=row.id,
        workspace_id=row.workspace_id,
        bot_id=row.bot_id,
        attempt=row.attempt,
        owner=owner,
        created_at=row.created_at,
        trigger=row.trigger or {},
        last_seq=row.last_seq if isinstance(row, Claimed) else 0,
        priority=row.priority,
        concurrency_key=row.concurrency_key,
    )


def _pool(claimed: Claimed, caps: Caps, spent: Spent) -> Pool:
    kind = claimed.trigger_kind
    trigger: dict[str, Any] = claimed.trigger or {}
    return Pool(claimed.id, living_parent(kind, trigger), caps, spent, share_of(kind, trigger))


def _stepping(claimed: Claimed, recorded: Mapping[str, RecordedStep]) -> Stepping:
    begun = recorded.get(STEPPED)
    return Stepping(claimed.control, None if begun is None else begun.output)


def _has_called(row: RecordedStep) -> bool:
    return row.type == "entity" or (row.type in TOOLS and row.status in ENDED)


async def _calls_before(execution_id: UUID, recorded: Mapping[str, RecordedStep]) -> int:
    calls = calls_of_open_steps(recorded)
    if any(map(_has_called, recorded.values())):
        calls += (await calls_by([execution_id])).get(execution_id, 0)
    return calls


def _has_rows(claimed: Claimed) -> bool:
    """A fork brings results with it, also such as its log does not tell of, and so may what it
    starts; a person may have changed an entity before the start."""
    if claimed.trigger_kind in (TriggerKind.RERUN, TriggerKind.PARENT):
        return True
    return claimed.attempt > 1 or claimed.last_seq > 1
