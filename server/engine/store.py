"""The door through which a run reaches the database.

A run gathers what it has to say and commits it in one piece just before anything leaves the
process. A store takes all commits that are waiting and writes them in one transaction; an
execution that lost its lease is refused (`Fenced`) without harm to its neighbours. Event numbers
are given inside the transaction, so that a cancel from another process and the run itself never
leave a gap or use a number twice.

Times that decide who may run (`due_at`) are counted by the database's own clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

from server.bus.turns import NORMAL, Ready
from server.core.errors import AppError
from server.engine.texts import Texts
from server.models.enums import (
    ControlAsked,
    ExecutionMode,
    ExecutionStatus,
    StepStatus,
    TriggerKind,
    WaitingReason,
)

BATCH_LIMIT = 512
# More than a run says at once.
LONG_COMMIT = 4_000
REDISPATCH_SECONDS = 10.0
DUE_LIMIT = 1000
# After so many lost workers at one step an execution runs alone; the next loss is its own.
SUSPECT_LOSSES = 2

Worked: TypeAlias = Mapping[UUID, int]
NOT_WORKED: Final[Worked] = MappingProxyType({})


class Unset(Enum):
    """For JSON values, where None is a value of its own."""

    UNSET = 0


UNSET = Unset.UNSET


class Fenced(AppError):
    """This execution is in other hands, or finished; what was to be written is out of date."""


class Refused(AppError):
    """The database refused this commit; nothing of it was stored."""


class AlreadyAccepted(AppError):
    """The idempotency key was used before, or the execution is there already because an earlier
    answer was lost on the way; `execution_id` is what was started then."""

    def __init__(self, execution_id: UUID, request_hash: str | None) -> None:
        super().__init__()
        self.execution_id = execution_id
        self.request_hash = request_hash


@dataclass(frozen=True, slots=True)
class NewExecution:
    """A row to insert. To run it at once in this process, give `owner`, `attempt=1`, the lease as
    `due_in` and status RUNNING; to queue it, leave the defaults. `limited`: of its bot only so many
    may run at once, so it goes through the queue."""

    id: UUID
    workspace_id: UUID
    bot_id: UUID
    version_id: UUID
    created_at: datetime
    input: Any = None
    mode: ExecutionMode = ExecutionMode.LIVE
    trigger_kind: TriggerKind = TriggerKind.API
    trigger: Any = None
    status: ExecutionStatus = ExecutionStatus.PENDING
    waiting_reason: WaitingReason | None = None
    owner: str | None = None
    attempt: int = 0
    due_in: float | None = 0.0
    idempotency_key: str | None = None
    request_hash: str | None = None
    created_by_id: UUID | None = None
    parent_id: UUID | None = None
    forked_from_id: UUID | None = None
    forked_from_step: str | None = None
    start_before: datetime | None = None
    session_id: UUID | None = None
    priority: int = NORMAL
    concurrency_key: str | None = None
    limited: bool = False


@dataclass(frozen=True, slots=True)
class ExecutionChange:
    """What to set. None leaves a field alone, but with a `status` the reason and the due time are
    set too: they belong to it. A status other than RUNNING gives up the lease. `control` UNSET
    leaves alone what was asked, None takes it back. `nudge`: something came for which a running
    execution may be about to wait; when it then waits, it is due at once."""

    status: ExecutionStatus | None = None
    waiting_reason: WaitingReason | None = None
    due_in: float | None = None
    output: Any = UNSET
    error: Any = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_ms: int | None = None
    cancel_requested_at: datetime | None = None
    cancel_reason: str | None = None
    control: ControlAsked | Unset | None = UNSET
    nudge: bool = False
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Fence:
    """Who may write: the owner of this attempt, while it runs."""

    attempt: int
    owner: str


# Rows are made several times per step: a frozen dataclass costs three times as much to make, so
# these are only treated as frozen.


@dataclass(slots=True)
class EventRow:
    type: str
    at: datetime
    data: Any = None
    step_key: str | None = None
    attempt: int = 0


@dataclass(slots=True)
class StepRow:
    """The whole of a step as it is now: a later row with the same key takes the place of this."""

    key: str
    type: str
    name: str
    status: StepStatus
    parent_key: str | None = None
    position: int = 0
    attempt: int = 1
    reused: bool = False
    input: Any = None
    output: Any = UNSET
    error: Any = None
    issues: Any = None
    requested_model: str | None = None
    model: str | None = None
    provider: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    cost_nano: int | None = None
    estimated: bool = False
    unpriced: bool = False
    ttft_ms: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_ms: int | None = None
    source: str | None = None


@dataclass(slots=True)
class CallRow:
    """One question to a model as it was asked, with its answer or why there is none. `carried`: so
    many messages are those of the step's question before this one."""

    workspace_id: UUID
    step_key: str
    created_at: datetime
    source: str
    attempt: int = 1
    try_number: int = 1
    question: str | None = None
    requested_model: str | None = None
    model: str | None = None
    provider: str | None = None
    address: str | None = None
    connection_id: UUID | None = None
    repair: bool = False
    mode: str | None = None
    carried: int = 0
    messages: Any = None
    params: Any = None
    parts: Any = None
    left_out: Any = None
    context_window: int | None = None
    answer: Any = None
    error: Any = None
    error_kind: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano: int | None = None
    ttft_ms: int | None = None
    duration_ms: int | None = None


@dataclass(slots=True)
class UsageRow:
    """One model call as it is paid for; the execution's totals grow by it."""

    workspace_id: UUID
    provider: str
    requested_model: str
    model: str
    created_at: datetime
    bot_id: UUID | None = None
    step_key: str | None = None
    attempt: int = 1
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    cost_nano: int | None = None
    price: Any = None
    estimated: bool = False
    unpriced: bool = False
    duration_ms: int = 0
    connection_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """One piece of an execution's life. With `new` the row is inserted, already changed by
    `change`. Else it is updated if `fence` still holds and its status is one of `while_in`
    (default: any that is not final). `worked_ms` is the working time since the last commit.
    `wakes` is an execution that waits for this one: with this commit it is due, or, if it still
    runs, nudged."""

    execution_id: UUID
    new: NewExecution | None = None
    change: ExecutionChange | None = None
    fence: Fence | None = None
    while_in: frozenset[ExecutionStatus] | None = None
    events: Sequence[EventRow] = ()
    steps: Sequence[StepRow] = ()
    usage: Sequence[UsageRow] = ()
    calls: Sequence[CallRow] = ()
    worked_ms: int = 0
    wakes: UUID | None = None
    texts: Texts = field(default_factory=Texts, compare=False, repr=False)

    @property
    def long(self) -> bool:
        """A new execution takes over so much that to write it as rows takes longer than the event
        loop should stand still."""
        return self.new is not None and len(self.events) + len(self.steps) > LONG_COMMIT


@dataclass(frozen=True, slots=True)
class Committed:
    """`last_seq` is the number of the last event of this commit; the first one is
    `last_seq - len(events) + 1`. The same answer says whether somebody asked to cancel."""

    last_seq: int
    cancel_requested: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """An execution that is ours until the lease ends, and what is needed to go on with it.
    `losses` counts the workers that vanished since a step of it was last finished; time, tokens
    and money are what all its takings have used. `placed`: it holds one of so many places of its
    bot."""

    id: UUID
    workspace_id: UUID
    bot_id: UUID
    version_id: UUID
    attempt: int
    mode: ExecutionMode
    trigger_kind: TriggerKind
    last_seq: int
    created_at: datetime
    losses: int = 0
    started_at: datetime | None = None
    cancel_requested: bool = False
    input: Any = None
    trigger: Any = None
    control: ControlAsked | None = None
    worked_ms: int = 0
    tokens: int = 0
    cost_nano: int = 0
    start_before: datetime | None = None
    priority: int = NORMAL
    concurrency_key: str | None = None
    placed: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """Of executions whose bots may run only so many at once: those that got a place, and those that
    wait for one now."""

    claims: list[Claimed] = field(default_factory=list[Claimed])
    parked: list[Ready] = field(default_factory=list[Ready])


@dataclass(frozen=True, slots=True)
class Held:
    """The answer to a heartbeat for one lease that is still ours."""

    id: UUID
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Due:
    """An execution to be sent to a worker, and for how many seconds it has been due."""

    ready: Ready
    seconds: float


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """A step that an earlier attempt has ended, in whatever way, or one that waits: with an error
    it failed and a person is asked what to do, without one it has begun and goes on."""

    key: str
    status: StepStatus
    attempt: int
    output: Any = None
    error: Any = None
    type: str = ""
    name: str = ""
    parent_key: str | None = None
    position: int = 0
    started_at: datetime | None = None

    @property
    def goes_on(self) -> bool:
        return self.status is StepStatus.WAITING and self.error is None


@dataclass(slots=True)
class StoredEvent:
    seq: int
    type: str
    at: datetime
    step_key: str | None
    attempt: int
    data: Any = field(default=None)

    def to_json(self) -> dict[str, Any]:
        """The form on the wire."""
        return {
            "seq": self.seq,
            "type": self.type,
            "at": self.at.isoformat().replace("+00:00", "Z"),
            "stepKey": self.step_key,
            "attempt": self.attempt,
            "data": self.data,
        }


class Store(Protocol):
    async def open(self) -> None: ...

    async def close(self) -> None:
        """Writes what was handed in, then ends. A commit after that is refused."""
        ...

    async def commit(self, commit: Commit) -> Committed:
        """Returns once it is durable. Raises Fenced, AlreadyAccepted, or Unavailable when the
        database cannot be written for the moment."""
        ...

    async def claim(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> list[Claimed]:
        """Takes those that are due and open, each for one caller only. Those that have lost
        `SUSPECT_LOSSES` workers are only taken by who asks for suspects. Those of bots of which
        only so many may run at once are left to `claim_places`."""
        ...

    async def claim_places(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> Placed:
        """The same for bots of which only so many may run at once, in the order of `ids`. What
        finds no place is parked: it waits for its turn and is not due until `let_go`."""
        ...

    async def let_go(self, bot_id: UUID, *, by_age: bool = False) -> list[Ready]:
        """Makes as many parked executions of the bot due as have room, marked as sent: those with
        the highest priority, or `by_age` the oldest."""
        ...

    async def parked_bots(self) -> list[UUID]:
        """The bots that have parked executions."""
        ...

    async def renew(
        self, held: dict[UUID, int], owner: str, lease: float, worked: Worked = NOT_WORKED
    ) -> list[Held]:
        """Prolongs leases, given as id and attempt. What is missing in the answer is lost.
        `worked`: milliseconds of work to be added, by id."""
        ...

    async def release(self, held: dict[UUID, int], owner: str) -> list[UUID]:
        """Gives running executions back at once, for another worker to go on with."""
        ...

    async def release_others(self, owner: str) -> list[UUID]:
        """Gives back what other owners hold. Only where there can be no other process: after a
        restart of the single one."""
        ...

    async def due(self, limit: int = DUE_LIMIT, *, within: timedelta | None = None) -> list[Due]:
        """Open executions that are due and were not sent to a worker lately, marked as sent; those
        that are due for longest come first. `within`: none that is due for longer than this."""
        ...

    async def steps(self, execution_id: UUID) -> dict[str, RecordedStep]:
        """What an earlier attempt has finished, by instance key."""
        ...

    async def events(
        self, execution_id: UUID, after: int = 0, limit: int = 500
    ) -> list[StoredEvent]:
        """In order, from the one that follows `after`."""
        ...
