"""The tool calls of one run: those of `use` and those that models ask for go through one door."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from server.core.clock import Clock
from server.core.ids import public_id
from server.engine.caps import Allowance, Spent
from server.engine.decisions import GIVEN
from server.engine.door import OutOfBudget, Purse, Replay
from server.engine.events import ExecutionEvent, ToolFailedEvent
from server.engine.host import (
    EntityCall,
    Failure,
    Recorded,
    Remedy,
    StepEnd,
    StepFailed,
    StepStart,
    ToolCall,
)
from server.engine.outcomes import Decided, Leaving, nobody_knows
from server.engine.resting import Waiting
from server.engine.tool_steps import ToolSteps
from server.engine.toolbox import Toolbox
from server.engine.vanished import missed_by_step
from server.engine.writer import Identity
from server.llm.verdict import TRIES, seconds_before
from server.models.enums import WaitingReason
from server.tools.base import (
    AskPerson,
    Bill,
    Charge,
    Family,
    Later,
    Nobody,
    Tool,
    ToolContext,
    ToolFailed,
    World,
    idempotency_key,
)
from server.tools.catalogue import Catalogue, Catalogues
from server.tools.wrappers import Call

Worlds = Callable[[Identity, str], World]

LATER = "#later"
AGAIN = "#again"
TRIED = "#tries"
CHARGED = "#charged"


class Host(Protocol):
    """What the calls need of the run around them."""

    @property
    def identity(self) -> Identity: ...

    def now(self) -> datetime: ...

    def recall(self, key: str) -> Recorded | None: ...

    def remember(self, key: str, value: Any) -> None: ...

    def step_started(self, step: StepStart) -> None: ...

    def step_ended(self, step: StepEnd) -> None: ...

    def position_of(self, key: str) -> int: ...

    def tell(self, event: ExecutionEvent, key: str) -> None: ...

    def go(self, action: str) -> None:
        """Suspended when a person holds the run and this action must not leave."""
        ...

    @property
    def holds(self) -> bool:
        """A person holds the run or lets it take one step: what it starts is held, too."""
        ...

    async def begin(self, key: str, leaving: Leaving) -> None: ...

    def over(self, key: str, idempotent: bool) -> None: ...

    async def at_work(self, work: Coroutine[Any, Any, Any]) -> Any: ...

    async def rest(self, key: str, waiting: Waiting) -> None: ...

    @property
    def spent(self) -> Spent: ...

    async def allowance(self, call: EntityCall) -> Allowance | None:
        """Of the entity's own budget; None: it has none."""
        ...

    def charged(self, key: str, owner: str | None, tool: str, charge: Charge) -> None: ...

    def charged_before(self, key: str, owner: str | None) -> None: ...

    async def permit(
        self, key: str, tool: str, arguments: dict[str, Any], entity: EntityCall | None
    ) -> dict[str, Any]:
        """A person agrees; the arguments as they agreed to them. StepFailed when not."""
        ...

    def given(self, key: str, given: Any, tool: str | None = None) -> None:
        """With what the tool is called in the end, for whoever looks at its step."""
        ...

    async def ask_for_remedy(self, key: str, failure: Failure) -> Remedy: ...

    async def ask_person(
        self, key: str, tool: str, asked: AskPerson, entity: EntityCall | None
    ) -> Any:
        """What the person answers; StepFailed when nobody does."""
        ...


@dataclass(frozen=True, slots=True)
class ToolDesk:
    """What all runs of a process share. `family` makes, for one step of one run and the entity
    that asks, the way to start executions of other bots. `replay`: nothing is called, what was
    recorded counts. `world` is what is around a step. `purse`: of the budgets that the run has to
    keep."""

    catalogues: Catalogues
    call: Call
    clock: Clock
    family: Callable[[Host, str, EntityCall | None], Family]
    purse: Callable[[int], AbstractAsyncContextManager[Purse]]
    replay: Replay | None = None
    world: Worlds | None = None


class ToolCalls:
    def __init__(self, host: Host, desk: ToolDesk) -> None:
        self._host = host
        self._desk = desk
        self._known: Catalogue | None = None

    async def use(self, call: ToolCall) -> Any:
        """A step `use`: its own row is the walker's affair."""
        if self._desk.replay is not None:
            return await self._desk.replay.tool(call.key, call.tool, call.arguments)
        tool = (await self.catalogue()).get(call.tool)
        if tool is None:
            raise missed_by_step(call.tool)
        return await self._run(call.key, tool, call.arguments, None, tool.needs_approval)

    async def box(self, call: EntityCall) -> Toolbox:
        return Toolbox(call, await self.catalogue(), ToolSteps(self._host, self._value))

    async def catalogue(self) -> Catalogue:
        if self._known is None:
            self._known = await self._desk.catalogues(self._host.identity.workspace_id)
        return self._known

    # --- inside

    async def _value(
        self, key: str, tool: Tool, arguments: dict[str, Any], call: EntityCall, permit: bool
    ) -> Any:
        if self._desk.replay is not None:
            return await self._desk.replay.tool(key, tool.name, arguments)
        return await self._run(key, tool, arguments, call, permit or tool.needs_approval)

    async def _run(
        self,
        key: str,
        tool: Tool,
        arguments: dict[str, Any],
        entity: EntityCall | None,
        permit: bool,
    ) -> Any:
        if permit:
            arguments = await self._host.permit(key, tool.name, arguments, entity)
        arguments = self._edited(key, arguments)
        self._host.given(key, arguments, tool.name)
        self._host.charged_before(key, None if entity is None else entity.key)
        state = self._host.recall(key + LATER)
        left = None if state is None else state.output
        while True:
            context = self._context(key, left, entity)
            answer = await self._tried(key, tool, arguments, context, entity)
            if isinstance(answer, AskPerson):
                return await self._host.ask_person(key, tool.name, answer, entity)
            if not isinstance(answer, Later):
                return answer
            left = answer.state
            self._host.remember(key + LATER, left)
            reason = WaitingReason(answer.reason)
            await self._host.rest(key, Waiting(reason, answer.until, answer.listens))

    def _edited(self, key: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """After a failure a person may have put others in their place."""
        edited = self._host.recall(key + GIVEN)
        return arguments if edited is None else edited.output["value"]

    async def _tried(
        self,
        key: str,
        tool: Tool,
        arguments: dict[str, Any],
        context: ToolContext,
        entity: EntityCall | None,
    ) -> Any:
        """A call that does no harm a second time is repeated when that may help."""
        number = await self._where_it_stood(key)
        while True:
            number += 1
            self._host.go(key)
            try:
                async with self._paid(key, tool, context.bill, entity):
                    return await self._once(key, tool, arguments, context, entity)
            except OutOfBudget as out:
                number -= 1
                await self._wait_for_budget(key, tool, out)
            except ToolFailed as failed:
                if not (failed.retryable and tool.idempotent and number < TRIES):
                    raise StepFailed(
                        failed.kind, failed.message, entity=tool.name, limit=failed.limit
                    ) from failed
                await self._wait(key, tool, number, failed)

    @asynccontextmanager
    async def _paid(
        self, key: str, tool: Tool, bill: Bill, entity: EntityCall | None
    ) -> AsyncGenerator[None]:
        """What the call may cost is set aside, and what it did cost counts however it ended."""
        await self._check_entity(tool, entity)
        async with self._desk.purse(tool.most_nano) as purse:
            try:
                yield
            finally:
                purse.spent_nano = bill.nano
                owner = None if entity is None else entity.key
                for charge in bill.charges:
                    self._host.charged(key, owner, tool.name, charge)
                bill.charges.clear()

    async def _check_entity(self, tool: Tool, entity: EntityCall | None) -> None:
        if entity is None or not tool.most_nano:
            return
        allowance = await self._host.allowance(entity)
        if allowance is not None and allowance.left < tool.most_nano:
            name = "The budget of this entity"
            raise OutOfBudget(name, max(allowance.left, 0), 0, ask=False, catchable=True)

    async def _wait_for_budget(self, key: str, tool: Tool, out: OutOfBudget) -> None:
        """Nothing has left. Whoever raises the budget wakes the run."""
        if not out.ask:
            raise out.failure(tool.name) from out
        await self._host.rest(key, Waiting(WaitingReason.BUDGET, out.until))

    async def _wait(self, key: str, tool: Tool, number: int, failed: ToolFailed) -> None:
        seconds = seconds_before(number, failed.retry_after)
        until = self._host.now() + timedelta(seconds=seconds)
        self._host.tell(
            ToolFailedEvent(
                tool=tool.name,
                kind=failed.kind,
                message=failed.message,
                try_number=number,
                retry_in=round(seconds, 3),
            ),
            key,
        )
        self._host.remember(key + TRIED, {"number": number, "until": until.isoformat()})
        await self._host.rest(key, Waiting(WaitingReason.RETRY, until))

    async def _where_it_stood(self, key: str) -> int:
        """Neither a wait nor a lost worker gives tries back."""
        recorded = self._host.recall(key + TRIED)
        if recorded is None:
            return 0
        until = datetime.fromisoformat(recorded.output["until"])
        await self._host.rest(key, Waiting(WaitingReason.RETRY, until))
        return recorded.output["number"]

    async def _once(
        self,
        key: str,
        tool: Tool,
        arguments: dict[str, Any],
        context: ToolContext,
        entity: EntityCall | None,
    ) -> Any:
        try:
            looks = context.state is not None
            leaving = Leaving(tool.name, key, arguments, tool.idempotent, looks)
            await self._host.begin(key, leaving)
        except Decided as decided:
            if entity is not None and decided.action == "skip":
                raise nobody_knows(tool.name) from None
            return decided.value(arguments)
        answer = await self._host.at_work(self._desk.call(tool, arguments, context))
        if isinstance(answer, Later | AskPerson):
            self._host.over(key, tool.idempotent)
        return answer

    def _context(self, key: str, state: Any, entity: EntityCall | None) -> ToolContext:
        identity = self._host.identity
        return ToolContext(
            workspace_id=identity.workspace_id,
            bot_id=identity.bot_id,
            execution_id=identity.id,
            step_key=key,
            idempotency_key=self._idempotency_key(key),
            clock=self._desk.clock,
            family=self._desk.family(self._host, key, entity),
            state=state,
            world=Nobody() if self._desk.world is None else self._desk.world(identity, key),
        )

    def _idempotency_key(self, key: str) -> str:
        """With arguments that a person has edited it is another call."""
        edited = self._host.recall(key + GIVEN)
        whole = key if edited is None else f"{key}{GIVEN}[{edited.output['number']}]"
        return idempotency_key(public_id("execution", self._host.identity.id), whole)
