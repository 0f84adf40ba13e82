"""One walk through a plan: what is the same for every step. The constructs themselves stand in
`constructs_*.py`; `walker.py` puts them together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from time import perf_counter
from typing import Any, TypeAlias

from server.bal.expression_nodes import Expr
from server.bal.expressions import Names, Scope, TooCostly, TooLarge, evaluate
from server.bal.plan import Plan
from server.bal.plan_steps import AnyStep, Steps, steps_inside
from server.bal.size import LARGEST, size_of
from server.core.jsontext import NotStorable, check_storable
from server.engine.frame import Frame
from server.engine.host import (
    Cancelled,
    Host,
    Remedy,
    StepEnd,
    StepFailed,
    StepSkipped,
    StepStart,
    Suspended,
)
from server.engine.memory import Memory
from server.engine.modified import PASSED

STEPS_BETWEEN_BREATHS = 256
# Everybody else in the process waits for a calculation that is longer.
BREATH_SECONDS = 0.02
BLOCKS_ON_ONE_STACK = 32

NO_EDITS: Mapping[str, Any] = {}

Construct: TypeAlias = "Callable[[Walk, Any, Any, Frame, str], Coroutine[Any, Any, Any]]"
Calculation: TypeAlias = "Callable[[Walk, Any, Any, Frame, str], Any]"


class Walk:
    """`constructs` may wait, `calculations` never do: they run without a coroutine of their own."""

    __slots__ = (
        "_breathe_at",
        "_calculations",
        "_constructs",
        "_count",
        "_edits",
        "_most",
        "_waiting",
        "host",
        "input",
        "plan",
    )

    def __init__(
        self,
        plan: Plan,
        value: Any,
        host: Host,
        constructs: Mapping[type, Construct],
        calculations: Mapping[type, Calculation],
        edits: Mapping[str, Any],
    ) -> None:
        self.plan = plan
        self.input = value
        self.host = host
        self._constructs = constructs
        self._calculations = calculations
        self._count = 0
        self._edits = edits
        self._most = host.limits.steps - host.limits.steps_taken
        self._waiting: dict[str, str | None] = {}
        self._breathe_at = perf_counter() + BREATH_SECONDS

    async def block(self, steps: Steps, value: Any, frame: Frame) -> Any:
        """A chain: the value of each step is the input of the next."""
        done = 0
        try:
            for step in steps:
                value = await self.step(step, value, frame)
                done += 1
        except StepFailed:
            self.skip(steps[done + 1 :], frame)
            raise
        return value

    async def step(self, step: AnyStep, value: Any, frame: Frame) -> Any:
        self.host.checkpoint()
        self._count += 1
        if self._count > self._most:
            raise self._too_many()
        calculation = self._calculations.get(type(step))
        if self._count % STEPS_BETWEEN_BREATHS == 0 or (calculation and self._is_long):
            await self._breathe()
        key = frame.key_of(step)
        self.host.step_started(
            StepStart(key, step.key, frame.parent, step.type, step.name, value, self._count)
        )
        edited = key in self._edits
        while True:
            try:
                if edited and (calculation or self.host.recall(key + PASSED)):
                    result = self._edits[key]
                elif calculation is not None:
                    result = calculation(self, step, value, frame, key)
                else:
                    work = self._constructs[type(step)](self, step, value, frame, key)
                    result = await (work if _fits(frame) else asyncio.create_task(work))
                if edited:
                    result = self._edits[key]
                _refuse_unstorable(result)
            except (StepFailed, Suspended) as stopped:
                failed = self._failure(stopped, key)
                if failed is None:
                    self._waiting[key] = frame.parent
                    raise
                repeat, result = await self._after_failure(step, failed, value, key)
                if repeat:
                    continue
            except (Cancelled, asyncio.CancelledError):
                self._end(StepEnd(key, "cancelled"))
                raise
            else:
                self.host.step_ended(StepEnd(key, "completed", result))
            if step.capture is not None:
                frame.memory.put("$" + step.capture, result)
            return result

    async def between(self) -> None:
        """For what calculates without steps of its own: it can be stopped, and lets others work."""
        if self._is_long:
            self.host.checkpoint()
            await self._breathe()

    @property
    def _is_long(self) -> bool:
        return perf_counter() > self._breathe_at

    async def _breathe(self) -> None:
        await self.host.breathe()
        self._breathe_at = perf_counter() + BREATH_SECONDS

    def _failure(self, stopped: StepFailed | Suspended, key: str) -> StepFailed | None:
        """What failed in an earlier taking has failed, also where what it broke off stays out."""
        if isinstance(stopped, StepFailed):
            return stopped
        recorded = self.host.recall(key)
        if recorded is None or recorded.error is None:
            return None
        return StepFailed.again(recorded.error)

    async def _after_failure(
        self, step: AnyStep, failed: StepFailed, value: Any, key: str
    ) -> tuple[bool, Any]:
        """Whether to do the step again; else the value that stands in for its result."""
        plan = step.on_error
        action = plan.action if plan is not None and failed.catchable else "stop"
        stand_in = None if plan is None else plan.value
        if action == "pause":
            remedy = await self._remedy(key, failed)
            if remedy.action == "retry":
                return True, None
            action, stand_in = remedy.action, remedy.value
        if action not in ("skip", "continue"):
            self._end(StepEnd(key, "failed", None, failed.failure))
            raise failed
        result = value if action == "skip" else stand_in
        self._end(StepEnd(key, "failed", result, failed.failure, action))
        return False, result

    async def _remedy(self, key: str, failed: StepFailed) -> Remedy:
        try:
            return await self.host.ask_for_remedy(key, failed.failure)
        except StepFailed as refused:
            self._end(StepEnd(key, "failed", None, refused.failure))
            raise
        except (Cancelled, asyncio.CancelledError):
            self._end(StepEnd(key, "cancelled"))
            raise

    def _end(self, end: StepEnd) -> None:
        """A branch that waits for later ends with the block that failed around it."""
        for key in [key for key in self._waiting if self._stands_in(key, end.key)]:
            del self._waiting[key]
            self.host.step_ended(StepEnd(key, "cancelled"))
        self.host.step_ended(end)

    def _stands_in(self, key: str, container: str) -> bool:
        parent: str | None = key
        while parent is not None and parent != container:
            parent = self._waiting.get(parent)
        return parent is not None and key != container

    def _too_many(self) -> StepFailed:
        message = (
            f"The run takes more than {self.host.limits.steps} steps, the limit of its workspace."
        )
        return StepFailed("budget_exceeded", message, catchable=False, limit="run")

    # --- values

    def evaluate(self, expr: Expr, value: Any, frame: Frame, step: AnyStep, key: str) -> Any:
        names: Names = frame.memory
        if step.reads_run:
            names = frame.memory.layer({"$run": self._facts(key)})
        try:
            return evaluate(expr, Scope(value, self.input, frame.words, names))
        except TooLarge:
            raise _too_large() from None
        except TooCostly:
            message = "The expression asks for more work than one expression may do."
            raise StepFailed("budget_exceeded", message) from None

    def _facts(self, key: str) -> Any:
        """Cost and duration are other ones at a replay, so the first look at them is recorded."""
        recorded = self.host.recall(f"{key}#run")
        if recorded is not None:
            return recorded.output
        facts = self.host.reserved("run")
        self.host.remember(f"{key}#run", facts)
        return facts

    # --- steps that are not run

    def skip(self, steps: Steps, frame: Frame) -> None:
        """These steps and, outside rounds and items, everything inside them."""
        waiting = [(step, frame) for step in reversed(steps)]
        while waiting:
            step, around = waiting.pop()
            key = around.key_of(step)
            self.host.step_skipped(StepSkipped(key, step.key, around.parent, step.type, step.name))
            if around.prefix is None:
                within = around.inside(key)
                for inside in reversed(list(steps_inside(step))):
                    waiting.extend((inner, within) for inner in reversed(inside))

    def pass_by(self, steps: Steps, frame: Frame) -> None:
        """A branch that was not taken. In rounds and items that is everyday and not reported."""
        if frame.prefix is None:
            self.skip(steps, frame)


def refuse_too_much(results: Iterable[Any]) -> None:
    """Before results that each are small enough are written down as one."""
    room = LARGEST
    for result in results:
        room -= size_of(result)
        if room < 0:
            raise _too_large()


def _refuse_unstorable(result: Any) -> None:
    """Every result is stored, here or in production: what cannot be is the step's own failure."""
    try:
        size = len(result) if type(result) is str else check_storable(result)
    except NotStorable as error:
        raise StepFailed("not_storable", f"The result cannot be stored. {error}") from None
    if size > LARGEST:
        raise _too_large()


def _too_large() -> StepFailed:
    message = f"The result is larger than {LARGEST // 2**20} MiB, the most that a value may have."
    return StepFailed("too_large", message)


def _fits(frame: Frame) -> bool:
    """A task of its own begins a stack of its own: deep programs never fill one."""
    return frame.depth == 0 or frame.depth % BLOCKS_ON_ONE_STACK != 0


def memory_of(host: Host) -> Memory:
    return Memory({f"${name}": host.reserved(name) for name in ("user", "trigger", "run")})
