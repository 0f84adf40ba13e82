"""The walker's surroundings in production: facts are gathered and committed in one piece just
before anything leaves the process.

Calls that leave at the same moment (the branches of a parallel block) share one commit. Text that
a model writes becomes `step.delta` events every 50 ms, which nobody waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from server.bal.plan import Plan
from server.core.ids import public_id
from server.core.money import NANO_PER_DOLLAR
from server.core.step_time import Within, resting
from server.engine import events as happened
from server.engine.asking import Asking
from server.engine.asking_people import People
from server.engine.begun_anew import BegunAnew
from server.engine.caps import STEP_SECONDS, Allowance, Caps, Spent
from server.engine.children import Children, EndBorn, may_start
from server.engine.conversation import CONVERSATION, conversation_of
from server.engine.decisions import GIVEN, Deciding, Diagnosing
from server.engine.entities import marks_of
from server.engine.facts import (
    milliseconds,
    step_row,
)
from server.engine.host import (
    Cancelled,
    EntityCall,
    Failure,
    Limits,
    Remedy,
    StepEnd,
    StepFailed,
    StepStart,
    Suspended,
    ToolCall,
)
from server.engine.lease import Lease
from server.engine.model_log import ModelLog
from server.engine.modified import REMEMBERED, Modified
from server.engine.outcomes import INTENT, Decided, Leaving, Outcomes
from server.engine.pool import Pool
from server.engine.resting import Resting, Waiting
from server.engine.step_log import LEFT
from server.engine.stepping import STEPPED, Stepping
from server.engine.store import UNSET, ExecutionChange, RecordedStep, Unset
from server.engine.tool_calls import ToolCalls, ToolDesk
from server.engine.vanished import vanished
from server.engine.writer import Identity, Writer
from server.llm.errors import left_half
from server.llm.messages import ChatRequest, Delta, ModelAnswer
from server.llm.window import Sent
from server.models.enums import ControlAsked, ExecutionStatus, StepStatus, WaitingReason
from server.tools.base import AskPerson

Result = TypeVar("Result")
# What is kept with the trigger and is no part of `$trigger`.
UNSEEN = frozenset({"user", "bots", "recording", CONVERSATION})
ACQUITTED = "#acquitted"


class DurableHost(ModelLog):
    def __init__(
        self,
        writer: Writer,
        asking: Asking,
        desk: ToolDesk,
        recorded: dict[str, RecordedStep] | None = None,
        *,
        spent: Spent | None = None,
        pool: Pool | None = None,
        stepping: Stepping | None = None,
        deciding: Deciding | None = None,
        diagnosing: Diagnosing | None = None,
        end_born: EndBorn | None = None,
    ) -> None:
        spent = spent or Spent(Caps())
        super().__init__(writer, recorded or {}, spent, stepping or Stepping(), diagnosing)
        anew = BegunAnew.of(self._recorded)
        self.limits = Limits(steps=spent.caps.steps, steps_taken=anew.steps)
        self._asking = asking
        self._pool = pool
        if pool is not None and self.spawned:
            pool.forget()
        self._conversation = conversation_of(writer.identity.trigger)
        self._resting = Resting(writer.now)
        self._tools = ToolCalls(self, desk)
        self._calls: set[asyncio.Task[Any]] = set()
        self._cancelled = False
        self._modified = Modified(self._recorded)
        self._people = People(self, deciding)
        self._outcomes = Outcomes(self, self._people)
        self.children = Children(writer, self._recorded, end_born)
        self.due_in: float | None = None
        self.lease: Lease | None = None

    # --- stopping

    def cancel(self) -> None:
        """Somebody asked for it: calls under way are broken off, no further step begins."""
        self._cancelled = True
        for call in self._calls:
            call.cancel()

    def nudge(self) -> None:
        """What a step of this run waits for may have happened."""
        self._resting.nudge()

    @property
    def nudged(self) -> bool:
        return self._resting.nudged

    def hold(self) -> None:
        """A person wants it to stop before the next step."""
        self.stepping.hold()

    def free(self) -> None:
        self.stepping.free()

    @property
    def must_hold(self) -> bool:
        """Instead of waiting: a person wants it so, or what it waits for holds like itself."""
        stepping = self.stepping
        if stepping.left is None:
            return False
        if stepping.held or stepping.pausing:
            return True
        return stepping.left == 0 and self._resting.for_child

    @property
    def let_go(self) -> bool:
        """What a pause kept out may begin: a person took it back while others were at work."""
        return self.stepping.held and self.stepping.left is None

    def modify(self, data: dict[str, Any]) -> None:
        """A person changed an entity; its next call is made so."""
        self._modified.apply(data)

    def models(self, plan: Plan) -> list[str | None]:
        return self._modified.models(plan)

    async def tool_gone(self, plan: Plan) -> Failure | None:
        """Only of what has not begun: what is recorded needs its tool no more."""
        if not plan.needs.tools or any(row.type != REMEMBERED for row in self._recorded.values()):
            return None
        return vanished(plan, await self._tools.catalogue(), self._modified.entity)

    def acquit(self, at_most: int) -> bool:
        """It ran alone for a while and did no harm, so the workers that were lost before were not
        its losses. False when it was acquitted too often: then it stays alone."""
        earlier = self.recall(ACQUITTED)
        number = 1 if earlier is None else earlier.output + 1
        if number > at_most:
            return False
        self.remember(ACQUITTED, number)
        self._writer.soon()
        return True

    def checkpoint(self) -> None:
        if self._cancelled or self._writer.cancel_requested:
            raise Cancelled
        self._writer.flush_if_old()

    async def breathe(self) -> None:
        await self._writer.breathe()

    def reserved(self, name: str) -> Any:
        identity = self._writer.identity
        if name == "run":
            lasted = milliseconds(identity.created_at, self._writer.now())
            return {
                "id": public_id("execution", identity.id),
                "cost": self.spent.cost_nano / NANO_PER_DOLLAR,
                "tokens": self.spent.tokens,
                "duration_ms": lasted,
            }
        return reserved_of(identity.trigger, name)

    # --- calls

    async def call_entity(self, call: EntityCall) -> Any:
        call.entity = self._modified.entity(call.entity)
        edited = self.recall(call.key + GIVEN)
        if edited is not None:
            call.input, call.again = edited.output["value"], edited.output["number"]
        self.given(call.key, call.input)
        try:
            box = await self._tools.box(call)
            value = await self._within(call, self._asking.ask(call, self, box, self._conversation))
        except Decided as decided:
            return decided.value(call.input)
        except StepFailed as failed:
            self.asks_no_more(call.key)
            self.hints.note(call.key, failed)
            raise
        opened = self._open.get(call.key)
        if opened is not None:
            opened.issues = marks_of(call, value, opened.answer)
        return value

    async def call_tool(self, call: ToolCall) -> Any:
        try:
            return await self._tools.use(call)
        except StepFailed as failed:
            self.hints.note(call.key, failed)
            raise

    async def begin(self, key: str, leaving: Leaving) -> None:
        """Before a call leaves: everything said is durable, and what must not be repeated is known
        not to have happened."""
        if not leaving.looks:
            await self._look_at_family()
            self.spent.before_call()
        if not leaving.idempotent:
            await self._outcomes.begin(key, leaving)
        with self._resting.busy:
            await self._writer.settle()
        if self._cancelled or self._writer.cancel_requested:
            raise Cancelled
        if self.lease is not None:
            await self.lease.renewed()

    async def _look_at_family(self) -> None:
        """What was said so far is durable first: the others of the family look, too."""
        if self._pool is not None and self._pool.due(spawned=self.spawned):
            with self._resting.busy:
                await self._writer.settle()
                await self._pool.look()

    async def _within(self, call: EntityCall, work: Coroutine[Any, Any, Result]) -> Result:
        """Working time of one step. A wait that ends this taking gives none of it back."""
        seconds = call.entity.timeout or STEP_SECONDS
        earlier = self.recall(call.key + LEFT)
        within = Within(seconds if earlier is None else earlier.output)
        try:
            async with within:
                return await work
        except Suspended:
            self.remember(call.key + LEFT, round(max(0.0, within.left), 3))
            raise
        except TimeoutError:
            message = f"`{call.entity.name}` took longer than {seconds:g} s."
            raise StepFailed("timeout", message, entity=call.entity.name) from None

    def over(self, key: str, idempotent: bool) -> None:
        if not idempotent:
            self._outcomes.over(key)

    async def at_work(self, work: Coroutine[Any, Any, Result]) -> Result:
        """A call that has left; breaking it off breaks it off at the other side too."""
        with self._resting.busy:
            return await self._interruptible(work)

    async def _interruptible(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Between two calls there was nothing that could be broken off."""
        if self._cancelled:
            work.close()
            raise Cancelled
        task = asyncio.current_task()
        assert task is not None
        inside = task in self._calls
        self._calls.add(task)
        try:
            return await work
        except asyncio.CancelledError:
            if self._cancelled and not self._silent:  # another worker ends it, and its steps
                task.uncancel()
                raise Cancelled from None
            raise
        finally:
            if not inside:
                self._calls.discard(task)

    # --- what the tools need

    @property
    def identity(self) -> Identity:
        return self._writer.identity

    def now(self) -> datetime:
        return self._writer.now()

    async def permit(
        self, key: str, tool: str, arguments: dict[str, Any], entity: EntityCall | None
    ) -> dict[str, Any]:
        return await self._people.permit(key, tool, arguments, entity)

    async def ask_person(
        self, key: str, tool: str, asked: AskPerson, entity: EntityCall | None
    ) -> Any:
        return await self._people.answer(key, tool, asked, entity)

    async def allowance(self, call: EntityCall) -> Allowance | None:
        unspent = self.unspent(call)
        if unspent is None:
            return None
        return Allowance(unspent - await self._cost_below(call.key), unspent)

    async def tools_cost(self, key: str) -> int:
        return self.tools_paid(key) + await self._cost_below(key)

    async def _cost_below(self, key: str) -> int:
        """Who has started nothing need not ask."""
        if self._pool is None or not self.has_started(key):
            return 0
        with self._resting.busy:
            return await self._pool.cost_below(key)

    # --- waiting

    async def wait(self, key: str, seconds: float) -> None:
        await self.rest(key, Waiting(WaitingReason.WAIT, self._wait_until(key, seconds)))

    async def rest(self, key: str, waiting: Waiting) -> None:
        """Short waits sleep; a long one is a row with a due time and holds no worker."""
        self._writer.soon()
        with resting():
            await self._interruptible(self._resting.rest(key, waiting))

    def park(self) -> None:
        """The run ends here until what it waits for has come."""
        parked = self._resting.parked()
        if parked is None:
            return
        self.due_in = parked.due_in
        self.leave_open()
        seconds = None if parked.due_in is None else round(parked.due_in, 3)
        control = self._after_this_action()
        self._writer.event(
            happened.ExecutionWaiting(reason=parked.reason.value, seconds=seconds),
        )
        self._writer.change(
            ExecutionChange(
                status=ExecutionStatus.WAITING,
                waiting_reason=parked.reason,
                due_in=parked.due_in,
                control=control,
            )
        )

    def _after_this_action(self) -> ControlAsked | Unset:
        """The one action of a step has to wait: it may go on, and what comes after it holds."""
        if self.stepping.left != 0 or self.stepping.action is None:
            return UNSET
        self.remember(STEPPED, self.stepping.action)
        return ControlAsked.PAUSE

    def leave_open(self) -> None:
        """What has begun goes on later, and began when it began."""
        for key, opened in self._open.items():
            if key not in self._people.asked:
                self._writer.step(step_row(opened, self._attempt, StepStatus.WAITING))

    async def settle(self) -> None:
        await self._writer.settle()

    async def ask_for_remedy(self, key: str, failure: Failure) -> Remedy:
        opened = self._open.get(key)
        step_type = None if opened is None else opened.start.type
        error = self.error_of(failure, step_type, waits=True)
        return await self._people.remedy(key, failure, error, self.given_to(key))

    def step_ended(self, step: StepEnd) -> None:
        self._resting.forget(step.key)
        opened = self._open.get(step.key)
        if opened is not None and step.status != "completed" and not self._silent:
            self._end_inside(opened.start)
        super().step_ended(step)

    def _end_inside(self, step: StepStart) -> None:
        """With an entity its tools end, also those that rest, and with a tool what it started."""
        if step.type == "entity":
            for key in [key for key in self._open if key.startswith(f"{step.key}/")]:
                self.step_ended(StepEnd(key, "cancelled"))
        if may_start(step.type, step.name) and not self._cancelled:
            self.children.end(step.key)

    def silence(self) -> None:
        super().silence()
        self.children.stop()

    def forget_failures(self, key: str) -> None:
        for one, _ in self._below(key):
            if one.endswith(INTENT):
                self._outcomes.over(one.removesuffix(INTENT))
        super().forget_failures(key)

    def _wait_until(self, key: str, seconds: float) -> datetime:
        recorded = self.recall(f"{key}#until")
        if recorded is not None:
            return datetime.fromisoformat(recorded.output)
        until = self._writer.now() + timedelta(seconds=seconds)
        self.remember(f"{key}#until", until.isoformat())
        return until

    async def chat(self, key: str, request: ChatRequest) -> ModelAnswer:
        def wrote(delta: Delta) -> None:
            if not self._silent:
                self._deltas.add(key, delta)

        attempt = self._call_log.leaving(key, request)

        def leaves(sent: Sent) -> None:
            if self.lease is not None:
                self.lease.check()
            attempt.left(sent)

        return await self.at_work(self._heard(key, self._asking.once(key, request, wrote, leaves)))

    async def _heard(self, key: str, answering: Coroutine[Any, Any, ModelAnswer]) -> ModelAnswer:
        """What came before it was broken off has to be paid."""
        try:
            return await answering
        except asyncio.CancelledError as broken:
            self.broken_off(key, left_half(broken))
            raise


def reserved_of(trigger: dict[str, Any], name: str) -> Any:
    """`$user` and `$trigger`: both are kept with the execution, so a replay sees the same."""
    if name == "user":
        return trigger.get("user")
    return {key: value for key, value in trigger.items() if key not in UNSEEN}
