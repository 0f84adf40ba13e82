"""What follows a failed attempt at a model call: the same again after a wait, the next model of the
chain, or the end. Decided here, done by the engine alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from server.llm.errors import ModelError

TRIES = 3
BASE_SECONDS = 1.0
FACTOR = 2.0
CAP_SECONDS = 60.0
LONGEST_ASKED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask the same model again after `seconds`."""

    seconds: float


Chain = Literal["bot", "workspace"]


@dataclass(frozen=True, slots=True)
class NextModel:
    """`chain`: who named it."""

    model: str | None
    chain: Chain = "bot"


@dataclass(frozen=True, slots=True)
class Fail:
    """Neither time nor another model can help."""


Verdict = Wait | NextModel | Fail


def next_attempt(
    attempts: int,
    chain: Sequence[str | None],
    error: ModelError,
    *,
    tries: int = TRIES,
    whose: Chain = "bot",
    jitter: Callable[[], float] = random.random,
) -> Verdict:
    """`attempts` were made with the present model, `chain` holds the models after it. What the
    provider asks for wins over our own waits, but nobody sits out a long one, or a provider that
    is known to be down, beside a model that is free."""
    otherwise = NextModel(chain[0], whose) if chain else Fail()
    if not error.retryable or attempts >= tries or (error.circuit_open and chain):
        return otherwise
    if chain and error.retry_after is not None and error.retry_after > CAP_SECONDS:
        return otherwise
    return Wait(seconds_before(attempts, error.retry_after, jitter))


def seconds_before(
    attempts: int, asked: float | None, jitter: Callable[[], float] = random.random
) -> float:
    """How long to wait after so many attempts; what the other side `asked` for wins."""
    if asked is not None:
        return min(asked, LONGEST_ASKED_SECONDS)
    return min(CAP_SECONDS, BASE_SECONDS * FACTOR ** (attempts - 1)) * jitter()
