"""The door through which one run reaches its models. The engine asks; whose key is used, what it
costs and whether it may be spent, stands behind the door."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from server.core.money import to_decimal_text
from server.engine.host import StepFailed
from server.engine.store import Claimed
from server.llm.gateway import Gateway
from server.llm.messages import ChatRequest, Delta, ModelAnswer
from server.llm.window import OnSent

OnDelta = Callable[[Delta], None]


class OutOfBudget(Exception):
    """A budget does not allow this call. `ask`: the run waits until somebody raises it, or
    `until` it begins anew.
    `catchable`: the limit is the program's own."""

    def __init__(
        self,
        name: str,
        limit_nano: int,
        spent_nano: int,
        *,
        ask: bool,
        catchable: bool = False,
        until: datetime | None = None,
    ) -> None:
        limit, spent = to_decimal_text(limit_nano, 4), to_decimal_text(spent_nano, 4)
        self.message = (
            f"{name} is spent: {spent} of {limit} US dollars, and this call may cost more than "
            "what is left."
        )
        super().__init__(self.message)
        self.limit_nano = limit_nano
        self.spent_nano = spent_nano
        self.ask = ask
        self.until = until
        self.catchable = catchable

    def failure(self, entity: str) -> StepFailed:
        return StepFailed(
            "budget_exceeded",
            self.message,
            entity=entity,
            catchable=self.catchable,
            limit="entity" if self.catchable else "budget",
        )


@dataclass(slots=True)
class Purse:
    """Whoever holds it writes down what was spent."""

    spent_nano: int = 0


class Replay(Protocol):
    """What was recorded stands for all that would be called."""

    async def chat(self, step_key: str, request: ChatRequest, on_delta: OnDelta) -> ModelAnswer: ...

    async def tool(self, step_key: str, tool: str, arguments: dict[str, Any]) -> Any:
        """The result; StepFailed as it failed then, or when it is not there."""
        ...


class ModelDoor(Protocol):
    """`replay` in recorded mode: nothing is called then."""

    @property
    def replay(self) -> Replay | None: ...

    async def chat(
        self, step_key: str, request: ChatRequest, on_delta: OnDelta, on_sent: OnSent | None = None
    ) -> ModelAnswer:
        """One attempt; `on_sent` hears what leaves. Raises ModelError, or OutOfBudget before
        anything has left."""
        ...

    async def check(self, model: str | None) -> None:
        """Raises ModelError when no call for it could go anywhere."""
        ...

    async def fallbacks(self) -> tuple[str, ...]:
        """The workspace's own chain, for programs that name none."""
        ...

    def purse(self, most_nano: int) -> AbstractAsyncContextManager[Purse]:
        """For what is paid without a model. Sets so much aside, or raises OutOfBudget; at its end
        what was spent counts."""
        ...


Doors = Callable[[Claimed], ModelDoor]


class PlainDoor:
    """Keys of the environment, no limits."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.replay: Replay | None = None

    async def chat(
        self, step_key: str, request: ChatRequest, on_delta: OnDelta, on_sent: OnSent | None = None
    ) -> ModelAnswer:
        return await self._gateway.chat(request, on_delta, on_sent)

    async def check(self, model: str | None) -> None:
        self._gateway.route(model)

    async def fallbacks(self) -> tuple[str, ...]:
        return ()

    @asynccontextmanager
    async def purse(self, most_nano: int) -> AsyncGenerator[Purse]:
        yield Purse()
