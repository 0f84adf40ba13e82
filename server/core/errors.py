"""Everything that can be expected to go wrong, in one tree.

AppError                      INTERNAL
├─ Unauthenticated            UNAUTHENTICATED
├─ Denied                     FORBIDDEN
├─ NotFound                   NOT_FOUND
├─ Invalid (path)             INVALID_INPUT
│  ├─ AddressRefused          INVALID_INPUT
│  ├─ BalInvalid              BAL_INVALID
│  └─ TooLarge                TOO_LARGE
├─ Conflict                   CONFLICT
│  ├─ AlreadyDecided          ALREADY_DECIDED
│  └─ IdempotencyMismatch     IDEMPOTENCY_MISMATCH
├─ InvalidState               INVALID_STATE
│  └─ Cancelled               INVALID_STATE
├─ LimitReached               LIMIT_REACHED
│  ├─ RateLimited             RATE_LIMITED
│  └─ BudgetExceeded          BUDGET_EXCEEDED
├─ Unavailable                UNAVAILABLE
├─ Upstream (retryable)       UPSTREAM_FAILED
└─ StartError                 INTERNAL, stops the start: one sentence, exit code 1
   ├─ SettingsError
   ├─ KeyFileError
   └─ DatabaseError

The code is for machines, the message for people, the hint says what to do next. These errors are
part of normal work and are not logged as crashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar


class ErrorCode(StrEnum):
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    INVALID_INPUT = "INVALID_INPUT"
    BAL_INVALID = "BAL_INVALID"
    CONFLICT = "CONFLICT"
    ALREADY_DECIDED = "ALREADY_DECIDED"
    INVALID_STATE = "INVALID_STATE"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    LIMIT_REACHED = "LIMIT_REACHED"
    RATE_LIMITED = "RATE_LIMITED"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    TOO_LARGE = "TOO_LARGE"
    UNAVAILABLE = "UNAVAILABLE"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    INTERNAL = "INTERNAL"


class AppError(Exception):
    """Something went wrong inside; try again, and look at the server's log if it stays."""

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL
    usual_wait: ClassVar[float | None] = None

    def __init__(
        self,
        message: str | None = None,
        *,
        hint: str | None = None,
        path: Sequence[str | int] = (),
        retry_after: float | None = None,
    ) -> None:
        self.message = message or _first_line(type(self))
        self.hint = hint
        self.path = tuple(path)
        self.retry_after = self.usual_wait if retry_after is None else retry_after
        super().__init__(self.message)


def _first_line(kind: type[AppError]) -> str:
    return (kind.__doc__ or AppError.__doc__ or "").strip().partition("\n")[0]


class Unauthenticated(AppError):
    """Sign in first."""

    code = ErrorCode.UNAUTHENTICATED


class Denied(AppError):
    """You are not allowed to do this."""

    code = ErrorCode.FORBIDDEN


class NotFound(AppError):
    """Not found."""

    code = ErrorCode.NOT_FOUND
    what: str = ""

    @classmethod
    def of(cls, what: str, *, hint: str | None = None) -> NotFound:
        """`what` is the kind of thing; it tells which of several ids was meant."""
        error = cls(f"There is no such {what}.", hint=hint)
        error.what = what
        return error


class Invalid(AppError):
    """This input cannot be used."""

    code = ErrorCode.INVALID_INPUT


class AddressRefused(Invalid):
    """This address may not be reached from here."""


class BalInvalid(Invalid):
    """The program has mistakes."""

    code = ErrorCode.BAL_INVALID


class TooLarge(Invalid):
    """This is too large."""

    code = ErrorCode.TOO_LARGE


class Conflict(AppError):
    """Somebody else changed this in the meantime; load it again."""

    code = ErrorCode.CONFLICT


class AlreadyDecided(Conflict):
    """This was already decided."""

    code = ErrorCode.ALREADY_DECIDED


class IdempotencyMismatch(Conflict):
    """This idempotency key was used before with another request; use a new key."""

    code = ErrorCode.IDEMPOTENCY_MISMATCH


class InvalidState(AppError):
    """This is not possible in the present state."""

    code = ErrorCode.INVALID_STATE


class Cancelled(InvalidState):
    """This was cancelled."""


class LimitReached(AppError):
    """A limit of this workspace is reached."""

    code = ErrorCode.LIMIT_REACHED


class RateLimited(LimitReached):
    """Too many requests; wait a moment and try again."""

    code = ErrorCode.RATE_LIMITED


class BudgetExceeded(LimitReached):
    """The budget is spent."""

    code = ErrorCode.BUDGET_EXCEEDED


class Unavailable(AppError):
    """The service is not available for the moment; nothing was stored, try again soon."""

    code = ErrorCode.UNAVAILABLE
    usual_wait = 2.0


class Upstream(AppError):
    """Another service failed."""

    code = ErrorCode.UPSTREAM_FAILED

    def __init__(
        self,
        message: str | None = None,
        *,
        hint: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, retry_after=retry_after)
        self.retryable = retryable


class StartError(AppError):
    """The program cannot start."""


class SettingsError(StartError):
    """A setting has a wrong value."""

    def __init__(self, name: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(f"{name}: {problem}", hint=hint)
        self.name = name


class KeyFileError(StartError):
    """The secret key cannot be used."""


class DatabaseError(StartError):
    """The database cannot be used."""
