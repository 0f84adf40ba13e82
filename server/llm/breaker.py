"""A provider that fails again and again is left alone for a while: one circuit per provider, model
and connection, known to all workers.

Five failures in a row open it; after 30 s one call may try, and its outcome closes or opens again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Literal

from server.llm.board import Board, Circuit
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.failures import who
from server.llm.routing import Route

THRESHOLD = 5
REST_SECONDS = 30.0
PROBE_SECONDS = 30.0
_FRESH_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 5.0
_SEPARATOR = "\n"
# What says something about the provider; a wrong key or a long input does not.
_FAILURES = frozenset(
    {
        ModelErrorKind.PROVIDER_UNAVAILABLE,
        ModelErrorKind.PROVIDER_FAILED,
        ModelErrorKind.TIMEOUT,
    }
)


@dataclass(frozen=True, slots=True)
class CircuitInfo:
    """For the health page. `connection` None: the keys of the environment."""

    provider: str
    model: str
    connection: str | None
    state: Literal["closed", "open", "half_open"]
    failures: int
    retry_in: float
    why: str


class Circuits:
    """Looks at the board at most once a second, not before every call."""

    def __init__(self, board: Board, clock: Callable[[], float] = time) -> None:
        self._board = board
        self._clock = clock
        self._view: dict[str, Circuit] = {}
        self._looked_at: float | None = None

    async def admit(self, route: Route) -> None:
        """Raises ModelError while the circuit is open, and for all but one caller afterwards."""
        await self._look()
        key = key_of(route)
        circuit = self._view.get(key)
        if circuit is None or circuit.opened_at is None:
            return
        now = self._clock()
        left = circuit.opened_at + REST_SECONDS - now
        if left > 0:
            raise _open(route, circuit, left)
        if not await self._board.probe(key, PROBE_SECONDS, now):
            raise _open(route, circuit, _LOOK_AGAIN_SECONDS)

    async def failed(self, route: Route, error: ModelError) -> None:
        if error.kind not in _FAILURES:
            return await self.passed(route)
        # What our own policy or a wrong address stops says nothing about the provider.
        if error.retryable:
            key = key_of(route)
            now = self._clock()
            self._view[key] = await self._board.failed(key, THRESHOLD, error.message, now)
        return None

    async def passed(self, route: Route) -> None:
        """The provider answers: also a refusal is an answer."""
        key = key_of(route)
        if self._view.pop(key, None) is not None:
            await self._board.forget(key)

    async def all(self) -> list[CircuitInfo]:
        now = self._clock()
        circuits = await self._board.circuits()
        return [_info(key, circuit, now) for key, circuit in sorted(circuits.items())]

    async def reset(self, provider: str, model: str, connection: str | None) -> None:
        key = _key(provider, model, connection)
        self._view.pop(key, None)
        await self._board.forget(key)

    async def _look(self) -> None:
        now = self._clock()
        if self._looked_at is None or not 0 <= now - self._looked_at < _FRESH_SECONDS:
            self._looked_at = now
            self._view = await self._board.circuits()


def key_of(route: Route) -> str:
    assert route.provider is not None
    return _key(route.provider.name, route.model, route.connection)


def _key(provider: str, model: str, connection: str | None) -> str:
    return _SEPARATOR.join((provider, connection or "", model))


def _open(route: Route, circuit: Circuit, left: float) -> ModelError:
    return ModelError(
        ModelErrorKind.PROVIDER_UNAVAILABLE,
        f"{who(route)} failed {circuit.failures} times in a row with the model “{route.model}”; it "
        f"is left alone for {left:.0f} s more. The last time: {circuit.why}",
        "Wait, choose another model, or give the entity fallback models.",
        retry_after=left,
        circuit_open=True,
    )


def _info(key: str, circuit: Circuit, now: float) -> CircuitInfo:
    provider, connection, model = key.split(_SEPARATOR, 2)
    left = 0.0 if circuit.opened_at is None else circuit.opened_at + REST_SECONDS - now
    state = "closed" if circuit.opened_at is None else "open" if left > 0 else "half_open"
    return CircuitInfo(
        provider, model, connection or None, state, circuit.failures, max(0.0, left), circuit.why
    )
