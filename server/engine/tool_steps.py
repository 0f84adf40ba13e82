"""A tool that a model called: a step of its own below the entity's. When it fails the model is
told, or, where the entity wants that, a person says first what to do about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from server.engine.decisions import ASKED, PERMIT
from server.engine.events import ExecutionEvent, ToolRefused
from server.engine.host import (
    EntityCall,
    Failure,
    Recorded,
    Remedy,
    StepEnd,
    StepFailed,
    StepStart,
    Suspended,
)
from server.tools.base import Tool

TYPE: Final = "tool"
REFUSED: Final = "#refused"
# Of these a person has decided already, or had the time to.
DECIDED: Final = frozenset({"approval_denied", "approval_timeout", "outcome_unknown"})

CarryOut = Callable[[str, Tool, dict[str, Any], EntityCall, bool], Awaitable[Any]]


class LetFail(StepFailed):
    """The entity fails with its tool, as a person wants it: no model is told."""


class Host(Protocol):
    def recall(self, key: str) -> Recorded | None: ...

    def remember(self, key: str, value: Any) -> None: ...

    def step_started(self, step: StepStart) -> None: ...

    def step_ended(self, step: StepEnd) -> None: ...

    def position_of(self, key: str) -> int: ...

    def tell(self, event: ExecutionEvent, key: str) -> None: ...

    def charged_before(self, key: str, owner: str | None) -> None: ...

    async def ask_for_remedy(self, key: str, failure: Failure) -> Remedy: ...


class ToolSteps:
    def __init__(self, host: Host, carry_out: CarryOut) -> None:
        self._host = host
        self._carry_out = carry_out

    async def tool_step(
        self, key: str, call: EntityCall, tool: Tool, arguments: dict[str, Any], permit: bool
    ) -> Any:
        """Once it has ended it is only recalled, and so is what a person said of its failure."""
        position = self._host.position_of(call.key)
        self._host.step_started(
            StepStart(key, call.key, call.key, TYPE, tool.name, arguments, position)
        )
        try:
            while True:
                try:
                    value = await self._value(key, call, tool, arguments, permit)
                except StepFailed as failed:
                    remedy = await self._remedy(key, call, failed)
                    if remedy is not None and remedy.action == "retry":
                        continue
                    return self._after(key, failed, remedy)
                self._host.step_ended(StepEnd(key, "completed", value))
                return value
        except (StepFailed, Suspended):
            raise
        except BaseException:
            self._host.step_ended(StepEnd(key, "cancelled"))
            raise

    def refused(self, key: str, tool: str, reason: str) -> None:
        """Told once, however often the turn is gone through again."""
        if self._host.recall(key + REFUSED) is None:
            self._host.remember(key + REFUSED, reason)
            self._host.tell(ToolRefused(tool=tool, reason=reason), key)

    def refusal(self, key: str) -> str | None:
        told = self._host.recall(key + REFUSED)
        return told.output if told is not None and isinstance(told.output, str) else None

    def is_done(self, key: str) -> bool:
        asked = f"{key}{PERMIT}{ASKED}"
        return self._host.recall(key) is not None or self._host.recall(asked) is not None

    # --- inside

    async def _value(
        self, key: str, call: EntityCall, tool: Tool, arguments: dict[str, Any], permit: bool
    ) -> Any:
        recorded = self._host.recall(key)
        if recorded is None:
            return await self._carry_out(key, tool, arguments, call, permit)
        self._host.charged_before(key, call.key)
        if recorded.error is not None:
            raise StepFailed.again(recorded.error)
        return recorded.output

    async def _remedy(self, key: str, call: EntityCall, failed: StepFailed) -> Remedy | None:
        """None: nobody is asked."""
        pauses = call.entity.on_tool_error == "pause" and failed.failure.kind not in DECIDED
        if not (pauses and failed.catchable):
            return None
        try:
            return await self._host.ask_for_remedy(key, failed.failure)
        except StepFailed as refused:
            self._host.step_ended(StepEnd(key, "failed", None, refused.failure))
            raise

    def _after(self, key: str, failed: StepFailed, remedy: Remedy | None) -> Any:
        """What stands in for the result; raises when nothing does."""
        failure = failed.failure
        match remedy:
            case Remedy(action="continue", value=value):
                self._host.step_ended(StepEnd(key, "failed", value, failure, "continue"))
                return value
            case Remedy(action="skip"):
                self._host.step_ended(StepEnd(key, "failed", None, failure, "skip"))
                raise failed
            case Remedy():
                self._host.step_ended(StepEnd(key, "failed", None, failure))
                raise LetFail.again(failure) from failed
            case None:
                self._host.step_ended(StepEnd(key, "failed", None, failure))
                raise failed
