"""Why a model call failed, in words and in one kind the engine can decide by.

ModelError is the only error this room lets out. `message` says what happened, `hint` what to do.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum

from server.core.errors import Upstream
from server.llm.messages import ModelAnswer


class ModelErrorKind(StrEnum):
    """`provider_unavailable`: no way to it, or the way broke; `provider_failed`: it was reached and
    said that it failed."""

    PROVIDER_AUTH = "provider_auth"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    PROVIDER_FAILED = "provider_failed"
    MODEL_UNKNOWN = "model_unknown"
    CONTEXT_TOO_LONG = "context_too_long"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    BAD_REQUEST = "bad_request"
    BAD_ANSWER = "bad_answer"
    CONTENT_REFUSED = "content_refused"
    NOT_RECORDED = "not_recorded"


RETRYABLE = frozenset(
    {
        ModelErrorKind.PROVIDER_UNAVAILABLE,
        ModelErrorKind.PROVIDER_FAILED,
        ModelErrorKind.RATE_LIMITED,
        ModelErrorKind.TIMEOUT,
        ModelErrorKind.BAD_ANSWER,
    }
)


class ModelError(Upstream):
    """One attempt at a model call failed.

    `retryable`: the same call may succeed later. `retry_after`: seconds the provider asked for.
    `partial`: the text that had already come when the stream broke; never to be taken as whole.
    `half`: what had come of the answer with what it cost all the same, None when nothing had.
    `circuit_open`: the provider was not asked at all; another model should be, if there is one.
    `provider`, `model` and `connection`: who was to be asked and how, once that is known.
    """

    def __init__(
        self,
        kind: ModelErrorKind,
        message: str,
        hint: str = "",
        *,
        retryable: bool | None = None,
        retry_after: float | None = None,
        status: int | None = None,
        partial: str = "",
        circuit_open: bool = False,
    ) -> None:
        may_retry = kind in RETRYABLE if retryable is None else retryable
        super().__init__(message, hint=hint, retryable=may_retry, retry_after=retry_after)
        self.kind = kind
        self.status = status
        self.partial = partial
        self.circuit_open = circuit_open
        self.half: ModelAnswer | None = None
        self.provider: str | None = None
        self.model: str | None = None
        self.connection: str | None = None


_HALF = "half"


def leave_half(broken: asyncio.CancelledError, half: ModelAnswer | None) -> None:
    """For whoever has to pay for a call that is broken off: a cancellation has to go on as it is,
    since those around it know it by its very class."""
    setattr(broken, _HALF, half)


def left_half(broken: asyncio.CancelledError) -> ModelAnswer | None:
    return getattr(broken, _HALF, None)
