"""What a tool is: a function with a schema, and what it is told when it is called."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol
from uuid import UUID

from server.bal.types import AnyType, Issue, ObjectType, Type, to_json_schema, validate
from server.core.clock import Clock
from server.models.enums import Priority

TIMEOUT_SECONDS = 30.0
_ROUND = re.compile(r"\[(\d+)\]")


class Danger(StrEnum):
    SAFE = "safe"
    MODERATE = "moderate"
    DANGEROUS = "dangerous"


class Layer(StrEnum):
    """Where a tool comes from."""

    BUILT_IN = "built_in"
    CONNECTION = "connection"
    WORKSPACE = "workspace"
    EPHEMERAL = "ephemeral"


Limit = Literal["run", "budget", "entity", "queue"]


class ToolFailed(Exception):
    """The tool could not do it. `retryable`: the same call may succeed later. `limit`: which one
    was reached (run, budget, entity), where it was one."""

    def __init__(
        self,
        message: str,
        kind: str = "tool_failed",
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        limit: Limit | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.limit: Limit | None = limit
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Later:
    """The answer comes later and nobody holds a worker meanwhile. The tool is called again at
    `until`, or when what it waits for has happened, with `state` in its context. `listens`: it may
    be called earlier, too, when something has happened."""

    reason: Literal["wait", "child"]
    until: datetime | None = None
    state: Any = None
    listens: bool = False


@dataclass(frozen=True, slots=True)
class AskPerson:
    """The answer is a person's: nobody holds a worker until it is there, and it becomes the result.
    `fields` is what they fill in; `otherwise` counts when nobody answers in time, without it the
    call fails then."""

    message: str
    fields: ObjectType
    seconds: float | None = None
    to: str | None = None
    otherwise: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Happening:
    """An event that was waited for."""

    name: str
    data: Any
    at: datetime


class World(Protocol):
    """What happens outside the run, for one step of it."""

    async def heard(self, name: str) -> Happening | None:
        """The first event of this name since the step began to wait for it; None: not yet."""
        ...

    async def notify(self, title: str, message: str, priority: Priority) -> list[UUID]:
        """Tells the people of the workspace, once for this step; the ids of the notifications."""
        ...


class Nobody:
    """Where there is no world around."""

    async def heard(self, name: str) -> Happening | None:
        raise ToolFailed("Nothing can be heard of events here.", "not_available")

    async def notify(self, title: str, message: str, priority: Priority) -> list[UUID]:
        raise ToolFailed("Nobody can be told anything here.", "not_available")


@dataclass(frozen=True, slots=True)
class Child:
    """An execution that a tool has started. `status` is one of the words of the tables."""

    id: UUID
    shown_id: str
    status: str
    ended: bool
    output: Any = None
    error: dict[str, Any] | None = None
    duration_ms: int | None = None


class Family(Protocol):
    """How a tool starts an execution of another bot, without knowing who runs executions."""

    async def spawn(self, target: str, value: Any) -> Child:
        """The same call of the same step starts one child, however often it is made."""
        ...

    async def child(self, child_id: UUID) -> Child: ...


@dataclass(frozen=True, slots=True)
class Charge:
    """Something that had to be paid to `provider` for `what`. `nano`: nano-dollars, None where
    nobody knows the price."""

    nano: int | None
    provider: str
    what: str
    estimated: bool = False


@dataclass(slots=True)
class Bill:
    """What one call of a tool has cost so far. It counts however the call ends: what was paid is
    paid."""

    charges: list[Charge] = field(default_factory=list[Charge])

    def charge(
        self, nano: int | None, provider: str, what: str, *, estimated: bool = False
    ) -> None:
        self.charges.append(Charge(nano, provider, what, estimated))

    @property
    def nano(self) -> int:
        return sum(one.nano or 0 for one in self.charges)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Who calls. `state` is what the tool itself left with `Later`, None at the first call. A tool
    that costs something of its own says so on the `bill`."""

    workspace_id: UUID
    bot_id: UUID
    execution_id: UUID
    step_key: str
    idempotency_key: str
    clock: Clock
    family: Family
    state: Any = None
    world: World = field(default_factory=Nobody)
    bill: Bill = field(default_factory=Bill)


ToolFunction = Callable[[dict[str, Any], ToolContext], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Tool:
    """`idempotent`: calling it a second time with the same idempotency key does no harm.
    `at_once`: how many calls of it one process makes at the same time; 0: no limit. `most_nano`:
    nano-dollars that one call may put on its bill, set aside in the budgets before it leaves; what
    a tool does not announce is only counted afterwards."""

    name: str
    description: str
    run: ToolFunction
    input: ObjectType = field(default_factory=ObjectType)
    output: Type = field(default_factory=AnyType)
    danger: Danger = Danger.SAFE
    layer: Layer = Layer.BUILT_IN
    idempotent: bool = True
    needs_approval: bool = False
    timeout: float = TIMEOUT_SECONDS
    at_once: int = 0
    most_nano: int = 0

    @property
    def schema(self) -> dict[str, Any]:
        return dict(to_json_schema(self.input, strict=True))

    def issues(self, arguments: Any) -> list[Issue]:
        """Where the arguments do not fit. Fields that are not named are refused too."""
        return validate(self.input, arguments, strict=True)


def idempotency_key(execution_id: str, step_key: str) -> str:
    """`execution:step:iteration`: the same for every attempt at the same call."""
    rounds = ".".join(_ROUND.findall(step_key))
    return f"{execution_id}:{_ROUND.sub('[]', step_key)}:{rounds or '1'}"
