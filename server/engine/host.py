"""What the walker asks of its surroundings. Production answers from the database and the model
gateway, `bal run` from memory; the meaning of a program is the same in both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from server.bal.plan import EntityPlan
from server.tools.base import Limit

StepStatus = Literal["completed", "failed", "skipped", "cancelled"]


@dataclass(frozen=True, slots=True)
class Failure:
    """`entity` is the entity or tool that failed, when there is one; `limit` which one was reached:
    that of one execution, a budget of the workspace, the entity's own, the time in the queue."""

    kind: str
    message: str
    entity: str | None = None
    limit: Limit | None = None

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "message": self.message, "entity": self.entity}


class StepFailed(Exception):
    """A step failed. What is not `catchable` (limits of the workspace, a stop for a person where
    nobody can be asked) passes try and on_error. `hint`: what to do about it."""

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        entity: str | None = None,
        catchable: bool = True,
        limit: Limit | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = Failure(kind, message, entity, limit)
        self.catchable = catchable
        self.hint = hint

    @classmethod
    def again(cls, failure: Failure) -> StepFailed:
        """A failure that was recorded by an earlier attempt."""
        return cls(failure.kind, failure.message, entity=failure.entity, limit=failure.limit)


class Cancelled(Exception):
    """Somebody cancelled the execution; nothing in a program can catch this."""


class Suspended(Exception):
    """The walk ends here and goes on later from what is recorded: a wait, a pause, a decision of a
    person, a lost lease. Steps under way stay as they are."""


# Facts and calls are made once per step in the hottest loop: a frozen dataclass costs three times
# as much to make, so these are only treated as frozen.


@dataclass(slots=True)
class StepStart:
    """`key` tells rounds and items apart, `plan_key` is the key of the step in the program.
    `position` counts the steps in the order in which they began."""

    key: str
    plan_key: str
    parent_key: str | None
    type: str
    name: str
    input: Any
    position: int


@dataclass(slots=True)
class StepEnd:
    """`handled` says what `on_error` made of a failure: skip or continue."""

    key: str
    status: StepStatus
    output: Any = None
    error: Failure | None = None
    handled: str | None = None


@dataclass(slots=True)
class StepSkipped:
    """The program went past this step: it stands after a failure or in a branch not taken."""

    key: str
    plan_key: str
    parent_key: str | None
    type: str
    name: str


@dataclass(slots=True)
class EntityCall:
    """`context` is what `with` built, or null. `again`: which edit of its input this is; what was
    asked and done before belongs to another one."""

    key: str
    entity: EntityPlan
    input: Any
    context: Any
    strict: bool
    again: int = 0


@dataclass(slots=True)
class ToolCall:
    key: str
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of a call that an earlier attempt finished, good or bad."""

    output: Any = None
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """A person's answer to a step that failed and waits. `value` with continue; `edited`: with
    retry it is what the step is given in the place of its input or of its arguments."""

    action: Literal["retry", "skip", "continue", "fail"]
    value: Any = None
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may not exceed, whatever it asks for. 0 branches at once: no limit. Of its
    steps so many were taken that are not gone through again."""

    items_at_once: int = 100
    items_by_default: int = 20
    branches_at_once: int = 0
    items: int = 100_000
    steps: int = 1_000_000
    steps_taken: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    status: Literal["completed", "failed", "cancelled", "timed_out"]
    output: Any = None
    error: Failure | None = None


class Host(Protocol):
    @property
    def limits(self) -> Limits: ...

    def recall(self, key: str) -> Recorded | None:
        """What an earlier attempt recorded for the entity call, tool call or remembered value."""
        ...

    def remember(self, key: str, value: Any) -> None:
        """Record a value that would not be the same a second time, so that a replay reads it."""
        ...

    def reserved(self, name: str) -> Any:
        """`$user`, `$trigger`, `$run`; the name is without the dollar."""
        ...

    def step_started(self, step: StepStart) -> None:
        """A replay says this again for every step that it walks through: what is already recorded
        is dropped here. The same holds for the two below."""
        ...

    def step_ended(self, step: StepEnd) -> None: ...

    def step_skipped(self, step: StepSkipped) -> None: ...

    async def call_entity(self, call: EntityCall) -> Any:
        """The value of the answer; StepFailed when there is none."""
        ...

    async def call_tool(self, call: ToolCall) -> Any: ...

    async def wait(self, key: str, seconds: float) -> None:
        """The delay before another attempt of a `try`."""
        ...

    async def ask_for_remedy(self, key: str, failure: Failure) -> Remedy:
        """`on_error pause`: a person decides. Before `retry` is answered, the failures that are
        recorded under this key are forgotten, else they would only be recalled."""
        ...

    def checkpoint(self) -> None:
        """Before each step: raises Cancelled or Suspended when the walk has to stop."""
        ...

    async def breathe(self) -> None:
        """Now and then in a long calculation: others go on, and what it said is stored."""
        ...
