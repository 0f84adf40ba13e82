"""Why a model call failed, in words and in one kind the engine can decide by.

ModelError is the only error this room lets out. `message` says what happened, `hint` what to do.
"""

from __future__ import annotations

from enum import StrEnum


class ModelErrorKind(StrEnum):
    PROVIDER_AUTH = "provider_auth"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    MODEL_UNKNOWN = "model_unknown"
    CONTEXT_TOO_LONG = "context_too_long"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    BAD_REQUEST = "bad_request"
    BAD_ANSWER = "bad_answer"
    CONTENT_REFUSED = "content_refused"


RETRYABLE = frozenset(
    {
        ModelErrorKind.PROVIDER_UNAVAILABLE,
        ModelErrorKind.RATE_LIMITED,
        ModelErrorKind.TIMEOUT,
        ModelErrorKind.BAD_ANSWER,
    }
)


class ModelError(Exception):
    """One attempt at a model call failed.

    `retryable`: the same call may succeed later. `retry_after`: seconds the provider asked for.
    `partial`: the text that had already come when the stream broke; never to be taken as whole.
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
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.retryable = kind in RETRYABLE if retryable is None else retryable
        self.retry_after = retry_after
        self.status = status
        self.partial = partial

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()
