"""The walker's surroundings in production: facts are gathered and committed in one piece just
before anything leaves the process.

Calls that leave at the same moment (the branches of a parallel block) share one commit. Text that
a model writes becomes `step.delta` events every 50 ms, which nobody waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from server.core.ids import public_id
from server.core.money import NANO_PER_DOLLAR, from_decimal
from server.engine import events as happened
from server.engine.asking import Asking
from server.engine.asking_people import People
from server.engine.caps import STEP_SECONDS, Caps, Spent
from server.engine.decisions import Deciding, Diagnosing
from server.engine.deltas import Deltas
from server.engine.entities import issues_of
from server.engine.facts import (
    Hints,
    OpenStep,
    begun_anew,
    ending,
    failure_of,
    milliseconds,
    step_row,
    usage_row,
)
from server.engine.host import (
    Cancelled,
    EntityCall,
    Failure,
    Limits,
    Recorded,
    Remedy,
    StepEnd,
    StepFailed,
    StepSkipped,
    StepStart,
    ToolCall,
)
from server.engine.modified import EDITED, REMEMBERED, Modified
from server.engine.outcomes import INTENT, Decided, Outcomes
from server.engine.resting import Resting, Waiting
from server.engine.step_time import resting, within
from server.engine.stepping import Stepping
from server.engine.store import ExecutionChange, RecordedStep, StepRow
from server.engine.tool_calls import AGAIN, LATER, TRIED, ToolCalls, ToolDesk
from server.engine.writer import Identity, Writer
from server.llm.errors import ModelError
from server.llm.messages import ChatRequest, Delta, ModelAnswer
from server.llm.verdict import NextModel, Verdict, Wait
from server.models.enums import ExecutionStatus, StepStatus, WaitingReason

Result = TypeVar("Result")
# What is kept beside a step while it is tried; it is of no use to another try.
OF_ONE_TRY = (TRIED, LATER, INTENT)


class DurableHost:
    def __init__(
        self,
        writer: Writer,
        asking: Asking,
        desk: ToolDesk,
        recorded: dict[str, RecordedStep] | None = None,
        *,
        spent: Spent | None = None,
        stepping: Stepping | None = None,
        deciding: Deciding | None = None,
        diagnosing: Diagnosing | None = None,
    ) -> None:
        self.spent = spent or Spent(Caps())
        self.limits = Limits(steps=self.spent.caps.steps)
        self.hints = Hints()
        self.stepping = stepping or Stepping()
        self._writer = writer
        self._attempt = writer.identity.attempt
        self._asking = asking
        self._recorded = recorded or {}
        self._open: dict[str, OpenStep] = {}
        self._deltas = Deltas(writer)
        self._resting = Resting(writer.now)
        self.spawned = any(key.endswith(LATER) for key in self._recorded)
        self._tools = ToolCalls(self, desk)
        self._calls: set[asyncio.Task[Any]] = set()
        self._cancelled = False
        self._silent = False
        self._starts: dict[str, StepStart] = {}
        self._modified = Modified(self._recorded)
        self._people = People(self, deciding)
        self._outcomes = Outcomes(self, self._people)
        self._diagnosing = diagnosing
        self.troubled = any(
            row.status is StepStatus.FAILED or row.key.endswith(("#tries", "#remedies"))
            for row in self._recorded.values()
        )
        self.due_in: float | None = None

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

    def modify(self, data: dict[str, Any]) -> None:
        """A person changed an entity; its next call is made so."""
        self._modified.apply(data)

    def silence(self) -> None:
        """From here on nothing is recorded: another worker goes on with this execution."""
        self._silent = True
        self._deltas.close()

    def checkpoint(self) -> None:
        if self._cancelled or self._writer.cancel_requested:
            raise Cancelled
        self._writer.flush_if_old()

    async def breathe(self) -> None:
        await self._writer.breathe()

    # --- what earlier attempts have left

    def recall(self, key: str) -> Recorded | None:
        found = self._recorded.get(key)
        if found is None or found.status is StepStatus.SKIPPED or found.goes_on:
            return None
        return Recorded(found.output, failure_of(found.error))

    @property
    def edits(self) -> dict[str, Any]:
        """Results that a person put in the place of others, by the key of their step."""
        return {
            key.removesuffix(EDITED): row.output
            for key, row in self._recorded.items()
            if key.endswith(EDITED)
        }

    def remember(self, key: str, value: Any) -> None:
        row = StepRow(key=key, type=REMEMBERED, name=key, status=StepStatus.COMPLETED, output=value)
        self._recorded[key] = RecordedStep(key, StepStatus.COMPLETED, 1, value)
        self._writer.step(row)

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

    # --- facts

    def step_started(self, step: StepStart) -> None:
        if self._silent:
            return
        if step.key in self._recorded:
            self._begun_before(step, self._recorded[step.key])
            return
        self.stepping.begin(step)
        now = self._writer.now()
        self._open[step.key] = OpenStep(step, now)
        self._writer.step(step_row(self._open[step.key], self._attempt, StepStatus.RUNNING))
        self._writer.event(
            happened.StepStarted(
                name=step.name,
                type=step.type,
                parent_key=step.parent_key,
                position=step.position,
                input=step.input,
            ),
            step.key,
        )

    def _begun_before(self, step: StepStart, row: RecordedStep) -> None:
        """One that failed may be done again, one that waits will still end. Its start was told."""
        if row.status is StepStatus.FAILED:
            self._starts[step.key] = step
        elif row.status is StepStatus.WAITING:
            opened = self._open[step.key] = OpenStep(step, row.started_at or self._writer.now())
            if row.goes_on:
                self._writer.step(step_row(opened, self._attempt, StepStatus.RUNNING))

    def step_ended(self, step: StepEnd) -> None:
        opened = self._open.pop(step.key, None)
        self._resting.forget(step.key)
        if self._silent or opened is None:
            return
        self._deltas.flush(step.key)
        status = StepStatus(step.status)
        error = None if step.error is None else self.error_of(step.error)
        now = self._writer.now()
        self._writer.step(step_row(opened, self._attempt, status, step.output, error, now))
        self._writer.event(ending(step, error, milliseconds(opened.at, now)), step.key)

    def step_skipped(self, step: StepSkipped) -> None:
        if self._silent or step.key in self._recorded:
            return
        self._recorded[step.key] = RecordedStep(step.key, StepStatus.SKIPPED, 1)
        self._writer.step(
            StepRow(
                key=step.key,
                type=step.type,
                name=step.name,
                status=StepStatus.SKIPPED,
                parent_key=step.parent_key,
            )
        )
        self._writer.event(
            happened.StepSkippedEvent(name=step.name, type=step.type, parent_key=step.parent_key),
            step.key,
        )

    def error_of(self, failure: Failure) -> dict[str, Any]:
        """With what to do about it."""
        self.troubled = True
        error = self.hints.error(failure)
        if self._diagnosing is None:
            return error
        return {**error, "diagnosis": self._diagnosing.diagnose(error)}

    def close_open_steps(self) -> None:
        """When a run ends from outside (its time is up), nothing in it may look as if it ran."""
        for key in list(self._open):
            self.step_ended(StepEnd(key, "cancelled"))

    # --- calls

    async def call_entity(self, call: EntityCall) -> Any:
        call.entity = self._modified.entity(call.entity)
        try:
            box = await self._tools.box(call)
            value = await self._within(call, self._asking.ask(call, self, box))
        except Decided as decided:
            return decided.value(call.input)
        except StepFailed as failed:
            self.hints.note(call.key, failed)
            raise
        opened = self._open.get(call.key)
        if opened is not None:
            opened.issues = [issue.to_json() for issue in issues_of(call, value)]
        return value

    async def call_tool(self, call: ToolCall) -> Any:
        try:
            return await self._tools.use(call)
        except StepFailed as failed:
            self.hints.note(call.key, failed)
            raise

    async def begin(self, key: str, name: str, idempotent: bool) -> None:
        """Before a call leaves: everything said is durable, and what must not be repeated is known
        not to have happened."""
        self.spent.before_call()
        if not idempotent:
            await self._outcomes.begin(key, name)
        with self._resting.busy():
            await self._writer.settle()
        if self._cancelled or self._writer.cancel_requested:
            raise Cancelled

    async def _within(self, call: EntityCall, work: Coroutine[Any, Any, Result]) -> Result:
        """Working time of one step; after a wait it is counted anew."""
        seconds = call.entity.timeout or STEP_SECONDS
        try:
            async with within(seconds):
                return await work
        except TimeoutError:
            message = f"`{call.entity.name}` took longer than {seconds:g} s."
            raise StepFailed("timeout", message, entity=call.entity.name) from None

    def over(self, key: str, idempotent: bool) -> None:
        if not idempotent:
            self._outcomes.over(key)

    async def at_work(self, work: Coroutine[Any, Any, Result]) -> Result:
        """A call that has left; breaking it off breaks it off at the other side too."""
        with self._resting.busy():
            return await self._interruptible(work)

    async def _interruptible(self, work: Coroutine[Any, Any, Result]) -> Result:
        call = asyncio.create_task(work)
        self._calls.add(call)
        try:
            return await call
        except asyncio.CancelledError:
            call.cancel()
            if self._cancelled:
                raise Cancelled from None
            raise
        finally:
            self._calls.discard(call)

    # --- what the tools need

    @property
    def identity(self) -> Identity:
        return self._writer.identity

    def now(self) -> datetime:
        return self._writer.now()

    def position_of(self, key: str) -> int:
        opened = self._open.get(key)
        return 0 if opened is None else opened.start.position

    def budget_left(self, call: EntityCall) -> int | None:
        if call.entity.budget is None:
            return None
        opened = self._open.get(call.key)
        spent = 0 if opened is None else opened.cost_nano or 0
        return from_decimal(Decimal(str(call.entity.budget))) - spent

    def tell(self, event: happened.ExecutionEvent, key: str) -> None:
        self.troubled = self.troubled or isinstance(event, happened.ToolFailedEvent)
        self.spawned = self.spawned or isinstance(event, happened.StepChild)
        self._writer.event(event, key)

    async def permit(
        self, key: str, tool: str, arguments: dict[str, Any], entity: EntityCall | None
    ) -> dict[str, Any]:
        return await self._people.permit(key, tool, arguments, entity)

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
        for key, opened in self._open.items():
            if key not in self._people.asked:
                self._writer.step(step_row(opened, self._attempt, StepStatus.WAITING))
        seconds = None if parked.due_in is None else round(parked.due_in, 3)
        self._writer.event(
            happened.ExecutionWaiting(reason=parked.reason.value, seconds=seconds),
        )
        self._writer.change(
            ExecutionChange(
                status=ExecutionStatus.WAITING,
                waiting_reason=parked.reason,
                due_in=parked.due_in,
            )
        )

    async def settle(self) -> None:
        await self._writer.settle()

    async def ask_for_remedy(self, key: str, failure: Failure) -> Remedy:
        return await self._people.remedy(key, failure, self.error_of(failure))

    def stands_still(self, key: str, reason: str, error: dict[str, Any] | None = None) -> None:
        opened = self._open.get(key)
        if opened is not None:
            row = step_row(opened, self._attempt, StepStatus.WAITING, None, error)
            self._writer.step(row)
            self._writer.event(happened.StepWaiting(reason=reason, error=error), key)

    def forget_failures(self, key: str) -> None:
        """What failed under this key, or was passed by because of it, begins anew. The rows say so
        too, in the same commit as the decision: a crash must not bring the failure back."""
        inside = (f"{key}/", f"{key}[", f"{key}#")
        for one, row in list(self._recorded.items()):
            again = row.status is not StepStatus.COMPLETED or one.endswith(OF_ONE_TRY)
            if again and (one == key or one.startswith(inside)):
                if one.endswith(INTENT):
                    self._outcomes.over(one.removesuffix(INTENT))
                    continue
                if one.endswith(LATER):
                    self._count_again(one.removesuffix(LATER))
                del self._recorded[one]
                self._writer.step(begun_anew(row))
        start = self._starts.pop(key, None)
        if key not in self._open and start is not None:
            self._open[key] = OpenStep(start, self._writer.now())
        opened = self._open.get(key)
        if opened is not None:
            self._writer.step(step_row(opened, self._attempt, StepStatus.RUNNING))

    def _count_again(self, key: str) -> None:
        """What the tool has left behind is of the last try; the next one is another."""
        earlier = self.recall(key + AGAIN)
        self.remember(key + AGAIN, 1 if earlier is None else earlier.output + 1)

    def _wait_until(self, key: str, seconds: float) -> datetime:
        recorded = self.recall(f"{key}#until")
        if recorded is not None:
            return datetime.fromisoformat(recorded.output)
        until = self._writer.now() + timedelta(seconds=seconds)
        self.remember(f"{key}#until", until.isoformat())
        return until

    # --- what the models say (Told)

    async def chat(self, key: str, request: ChatRequest) -> ModelAnswer:
        def wrote(delta: Delta) -> None:
            if not self._silent:
                self._deltas.add(key, delta)

        return await self.at_work(self._asking.once(key, request, wrote))

    def asked(self, key: str, model: str | None, try_number: int, repair: bool) -> None:
        asked = happened.ModelRequested(model=model, try_number=try_number, repair=repair or None)
        self._writer.event(asked, key)

    def answered(self, key: str, answer: ModelAnswer) -> None:
        self._deltas.flush(key)
        self._pay(key, answer)
        usage = answer.usage
        self._writer.event(
            happened.ModelAnswered(
                requested_model=answer.requested_model,
                model=answer.model,
                provider=answer.provider,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cost=answer.cost,
                estimated=answer.estimated or None,
                ttft_ms=None if answer.ttft_ms is None else round(answer.ttft_ms),
                duration_ms=round(answer.duration_ms),
                source=None if answer.source == "live" else answer.source,
                parts={**answer.parts} if answer.parts else None,
                left_out=answer.left_out or None,
            ),
            key,
        )

    def _pay(self, key: str, answer: ModelAnswer) -> None:
        """Also half an answer costs."""
        opened = self._open.get(key)
        if opened is not None:
            opened.add(answer)
        self.spent.add(answer.usage.total_tokens, answer.cost or 0)
        self._writer.usage(usage_row(self._writer.identity, key, answer, self._writer.now()))

    def answered_before(self, key: str, answer: ModelAnswer) -> None:
        """Its usage row is there already; the step still shows it."""
        opened = self._open.get(key)
        if opened is not None:
            opened.add(answer)

    def failed(
        self, key: str, model: str | None, error: ModelError, number: int, next: Verdict
    ) -> None:
        self.troubled = True
        self._deltas.flush(key)
        if error.half is not None:
            self._pay(key, error.half)
        self._writer.event(
            happened.ModelFailed(
                model=model,
                kind=error.kind.value,
                message=error.message,
                hint=error.hint or None,
                try_number=number,
                retry_in=round(next.seconds, 3) if isinstance(next, Wait) else None,
                next_model=next.model if isinstance(next, NextModel) else None,
            ),
            key,
        )


def reserved_of(trigger: dict[str, Any], name: str) -> Any:
    """`$user` and `$trigger`: both are kept with the execution, so a replay sees the same."""
    if name == "user":
        return trigger.get("user")
    return {key: value for key, value in trigger.items() if key != "user"}
