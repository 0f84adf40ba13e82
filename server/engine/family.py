"""Executions that start executions: a child knows its parent, its end wakes the parent, and the end
of the parent is the end of its children."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol
from uuid import UUID

from server.core.ids import new_uuid, public_id
from server.engine.blobs import Blobs
from server.engine.children import birth_key, seen
from server.engine.events import StepChild
from server.engine.host import EntityCall, StepFailed
from server.engine.plans import Plans
from server.engine.pool import MOST_DEPTH
from server.engine.store import (
    AlreadyAccepted,
    EventRow,
    ExecutionChange,
    NewExecution,
    StepRow,
)
from server.engine.tool_calls import AGAIN, LATER, Host
from server.models.enums import FINAL_STATUSES, ExecutionMode, ExecutionStatus, TriggerKind
from server.models.tables import Execution
from server.tools.base import Child, ToolFailed

# Stores an execution and returns what became of it until it was durable.
Accept = Callable[[NewExecution, Any, "Brought | None"], Awaitable[ExecutionChange | None]]
# Kept beside a step that is done again: the execution that it had started and that broke.
EARLIER: Final = "#earlier"
ACCEPT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Brought:
    """What an execution takes over from an earlier one, and what its log says of that."""

    events: Sequence[EventRow]
    steps: Sequence[StepRow]


@dataclass(frozen=True, slots=True)
class Target:
    """The bot that a name or an id means, and the version that runs. `limited`: only so many of it
    at once."""

    bot_id: UUID
    bot_name: str
    version_id: UUID
    limited: bool = False


class Targets(Protocol):
    """Knows the bots of a workspace, which stand above the engine."""

    async def find(self, workspace_id: UUID, name: str) -> Target:
        """ToolFailed when there is none that may run."""
        ...

    def checked(self, plan: Any, value: Any, trigger: dict[str, Any]) -> Any:
        """The input as the program takes it; Invalid when it does not fit."""
        ...

    async def finished_in(self, earlier_id: UUID, new: NewExecution, plan: Any) -> Brought | None:
        """What `new` need not do again when it goes on with what an earlier one did; None when
        that was of another program or input, or has nothing to give."""
        ...


class RunFamily:
    """For one step of one run."""

    def __init__(
        self,
        host: Host,
        key: str,
        mode: ExecutionMode,
        entity: EntityCall | None,
        targets: Targets,
        plans: Plans,
        accept: Accept,
    ) -> None:
        self._host = host
        self._key = key
        self._mode = mode
        self._entity = entity
        self._targets = targets
        self._plans = plans
        self._accept = accept

    async def spawn(self, target: str, value: Any) -> Child:
        parent = self._host.identity
        depth = depth_of(parent.trigger) + 1
        if depth > MOST_DEPTH:
            message = f"Bots may start each other {MOST_DEPTH} deep; `{target}` would be deeper."
            raise ToolFailed(message, "spawn_depth_exceeded")
        found = await self._targets.find(parent.workspace_id, target)
        self._check_allowed(found)
        plan = await self._plans.get(found.version_id)
        if plan is None:
            message = f"`{found.bot_name}` was made by another release; save it again."
            raise ToolFailed(message, "plan_unreadable")
        trigger = self._trigger(depth, await self._given(target))
        new = NewExecution(
            id=new_uuid(),
            workspace_id=parent.workspace_id,
            bot_id=found.bot_id,
            version_id=found.version_id,
            created_at=self._host.now(),
            input=self._targets.checked(plan, value, trigger),
            mode=self._mode,
            trigger_kind=TriggerKind.PARENT,
            trigger=trigger,
            idempotency_key=birth_key(parent.id, self._key, self._tries),
            created_by_id=_user_of(parent.trigger),
            parent_id=parent.id,
            priority=parent.priority,
            concurrency_key=parent.concurrency_key,
            limited=found.limited,
            status=ExecutionStatus.PAUSED if self._host.holds else ExecutionStatus.PENDING,
        )
        return await self._born(*await self._with_earlier(new, plan), plan, found, depth)

    async def _with_earlier(
        self, new: NewExecution, plan: Any
    ) -> tuple[NewExecution, Brought | None]:
        """In an execution that is done again, what it starts goes on like itself."""
        noted = self._host.recall(self._key + EARLIER)
        if noted is None:
            return new, None
        earlier_id = UUID(noted.output["child"])
        brought = await self._targets.finished_in(earlier_id, new, plan)
        return (new if brought is None else replace(new, forked_from_id=earlier_id)), brought

    def _check_allowed(self, found: Target) -> None:
        """Who started all this with a token for some bots reaches no others through them."""
        allowed = self._host.identity.trigger.get("bots")
        if allowed is not None and public_id("bot", found.bot_id) not in allowed:
            message = (
                f"`{found.bot_name}` is not run: the token that started this is for other bots."
            )
            raise ToolFailed(message, "tool_forbidden")

    async def child(self, child_id: UUID) -> Child:
        row = await Execution.get_or_none(id=child_id, parent_id=self._host.identity.id)
        if row is None:
            raise ToolFailed("The execution that was started is not there any more.", "not_found")
        return Child(
            id=row.id,
            shown_id=public_id("execution", row.id),
            status=row.status.value,
            ended=row.status in FINAL_STATUSES,
            output=await Blobs().whole(row.output),
            error=await Blobs().whole(row.error),
            duration_ms=row.duration_ms,
        )

    async def _born(
        self, new: NewExecution, brought: Brought | None, plan: Any, found: Target, depth: int
    ) -> Child:
        """A worker that was lost just after this did not tell of it, so it is told here again."""
        try:
            child = _newborn(new, await self._accepted(new, plan, brought))
        except AlreadyAccepted as earlier:
            child = await self.child(earlier.execution_id)
        self._host.tell(
            StepChild(
                execution_id=child.shown_id,
                bot_id=public_id("bot", found.bot_id),
                bot_name=found.bot_name,
                depth=depth,
            ),
            self._key,
        )
        self._host.remember(self._key + LATER, {"child": str(child.id)})
        return child

    async def _accepted(
        self, new: NewExecution, plan: Any, brought: Brought | None
    ) -> ExecutionChange | None:
        """When the step is broken off just now, the child is there before it is looked for."""
        accepting = asyncio.ensure_future(self._accept(new, plan, brought))
        accepting.add_done_callback(seen)
        try:
            return await asyncio.shield(accepting)
        except asyncio.CancelledError:
            await asyncio.wait([accepting], timeout=ACCEPT_SECONDS)
            raise

    @property
    def _tries(self) -> int:
        """How often the step was to be tried again after a child had failed."""
        recorded = self._host.recall(self._key + AGAIN)
        return 0 if recorded is None else recorded.output

    async def _given(self, target: str) -> dict[str, Any]:
        """What the child may use: what the run has left, and the entity that asks for it; `share`
        is what all that this entity has started may cost together."""
        try:
            left = self._host.spent.left()
        except StepFailed as over:
            failure = over.failure
            raise ToolFailed(failure.message, failure.kind, limit=failure.limit) from over
        entity = self._entity
        allowance = None if entity is None else await self._host.allowance(entity)
        if entity is None or allowance is None:
            return {"left": left} if left else {}
        if allowance.left <= 0:
            message = f"The budget of the entity that asks for `{target}` is spent."
            raise ToolFailed(message, "budget_exceeded", limit="entity")
        name, together = entity.entity.name, allowance.for_started
        cost_nano = min(allowance.left, left.get("costNano", allowance.left))
        return {
            "left": {**left, "costNano": cost_nano},
            "share": {"entity": name, "key": entity.key, "costNano": together},
        }

    def _trigger(self, depth: int, given: dict[str, Any]) -> dict[str, Any]:
        """What the child sees as `$trigger`; `$user` is the parent's."""
        parent = self._host.identity
        return {
            "kind": TriggerKind.PARENT.value,
            "name": None,
            "at": self._host.now().isoformat(),
            "data": {
                "executionId": public_id("execution", parent.id),
                "stepKey": self._key,
                "depth": depth,
                **given,
            },
            "user": parent.trigger.get("user"),
            **({"bots": parent.trigger["bots"]} if "bots" in parent.trigger else {}),
        }


def depth_of(trigger: dict[str, Any]) -> int:
    """How many executions stand above the one that was started so."""
    if trigger.get("kind") != TriggerKind.PARENT.value:
        return 0
    return int(trigger["data"]["depth"])


def _user_of(trigger: dict[str, Any]) -> UUID | None:
    user: dict[str, Any] = trigger.get("user") or {}
    return UUID(user["id"]) if user.get("id") else None


def _newborn(new: NewExecution, change: ExecutionChange | None) -> Child:
    status = change.status if change is not None and change.status else ExecutionStatus.PENDING
    ended = change is not None and status in FINAL_STATUSES
    return Child(
        id=new.id,
        shown_id=public_id("execution", new.id),
        status=status.value,
        ended=ended,
        output=change.output if change is not None and ended else None,
        error=change.error if change is not None else None,
        duration_ms=change.duration_ms if change is not None else None,
    )
