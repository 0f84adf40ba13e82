"""What went wrong, as the outside sees it.

What a caller can mend comes in the payload's `errors`. At the top level stand only: who is asking
and what they may, syntax, limits, and bugs of ours, which are masked and carry a request id."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
import structlog
from graphql import GraphQLError

from server.api.kinds import ErrorCode
from server.api.scalars import dollars
from server.core.errors import (
    AppError,
    BudgetExceeded,
    Conflict,
    Denied,
    StartError,
    Unauthenticated,
    Unavailable,
)
from server.core.logs import REDACTION
from server.models.away import is_away
from server.models.unfit import is_unfit

log = structlog.get_logger("api")

MAX_ERRORS = 25
MAX_MESSAGE = 400


@strawberry.interface(description="Something that the caller can mend.")
class UserError:
    code: ErrorCode = strawberry.field(description="For machines.")
    message: str = strawberry.field(description="For people: what is wrong and what to do.")
    path: list[str] = strawberry.field(
        description="Where in the input, from the outside in; empty when it is about the whole."
    )


@strawberry.type(description="Any mistake that needs no further fields.")
class InputError(UserError):
    pass


@strawberry.type(description="A mistake in a program. Lines and columns count from 1.")
class BalError(UserError):
    kind: str = strawberry.field(description="The word of the language reference for the mistake.")
    line: int = strawberry.field(description="Line of its first character.")
    column: int = strawberry.field(description="Column of its first character.")
    end_line: int = strawberry.field(description="Line of the first character after it.")
    end_column: int = strawberry.field(description="Column of the first character after it.")
    hint: str | None = strawberry.field(default=None, description="How to mend it, when known.")


@strawberry.type(description="Somebody else was faster: load the entity again and repeat.")
class ConflictError(UserError):
    current_version: int | None = strawberry.field(
        default=None, description="The version that is stored now."
    )
    changed_by: str | None = strawberry.field(
        default=None, description="Who changed it, by name, when known."
    )
    changed_at: datetime | None = strawberry.field(
        default=None, description="When they did, when known."
    )


@strawberry.type(description="A budget does not allow it.")
class BudgetError(UserError):
    limit: Decimal = strawberry.field(description="US dollars of the budget's limit.")
    spent: Decimal = strawberry.field(description="US dollars spent in its present period.")


def payload_errors() -> Any:
    """The last field of every payload."""
    return strawberry.field(
        default_factory=list, description="What to mend, all of it; empty when it worked."
    )


def user_errors(error: AppError) -> list[UserError]:
    """The errors of a payload; every mistake of a program, not only the first."""
    diagnostics = getattr(error, "diagnostics", ())
    mistakes = [d for d in diagnostics if d.severity == "error"]
    if mistakes:
        return [_bal_error(error, mistake) for mistake in mistakes]
    common: dict[str, Any] = {
        "code": error.code,
        "message": sentence(error),
        "path": [str(part) for part in error.path],
    }
    if isinstance(error, BudgetExceeded):
        limit, spent = getattr(error, "limit_nano", 0), getattr(error, "spent_nano", 0)
        return [BudgetError(**common, limit=dollars(limit), spent=dollars(spent))]
    if isinstance(error, Conflict):
        current = getattr(error, "current_version", None)
        by, at = getattr(error, "changed_by", None), getattr(error, "changed_at", None)
        return [ConflictError(**common, current_version=current, changed_by=by, changed_at=at)]
    return [InputError(**common)]


def _bal_error(error: AppError, mistake: Any) -> BalError:
    span = mistake.span
    return BalError(
        code=ErrorCode.BAL_INVALID,
        message=mistake.message,
        path=[str(part) for part in error.path] or ["source"],
        kind=mistake.kind,
        line=span.line,
        column=span.column,
        end_line=span.end_line,
        end_column=span.end_column,
        hint=mistake.hint,
    )


def sentence(error: AppError) -> str:
    """What is said of an error, without a secret that somebody else put into it."""
    return REDACTION.text(f"{error.message} {error.hint}" if error.hint else error.message)


def belongs_on_top(error: AppError) -> bool:
    """Who is asking, a database that is away, and our own failures; the rest is the caller's to
    mend."""
    return isinstance(error, Unauthenticated | Denied | StartError | Unavailable) or (
        error.code is ErrorCode.INTERNAL
    )


# --- the top level --------------------------------------------------------------------------


def tidy(errors: list[GraphQLError], request_id: str) -> None:
    """In place: give every error a code and the request id, mask what is a bug of ours."""
    errors[:] = [_tidied(error, request_id) for error in errors[:MAX_ERRORS]]


def is_unavailable(error: GraphQLError) -> bool:
    """Of a tidied error: the database could not be used."""
    return (error.extensions or {}).get("code") == ErrorCode.UNAVAILABLE.value


def _tidied(error: GraphQLError, request_id: str) -> GraphQLError:
    code, message = _code_and_message(error, request_id)
    extensions = {"code": code.value, "requestId": request_id}
    source = _root(error)
    given = (error.extensions or {}).get("retryAfter")
    wait = source.retry_after if isinstance(source, AppError) else given
    if code is ErrorCode.UNAVAILABLE:
        wait = wait or Unavailable.usual_wait
    if wait is not None:
        extensions["retryAfter"] = wait  # pyright: ignore[reportArgumentType]
    return GraphQLError(
        message[:MAX_MESSAGE],
        source=error.source if error.positions else None,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def _code_and_message(error: GraphQLError, request_id: str) -> tuple[ErrorCode, str]:
    source = _root(error)
    if isinstance(source, AppError) and not isinstance(source, StartError):
        return source.code, sentence(source)
    if source is None or isinstance(source, GraphQLError):
        given = (error.extensions or {}).get("code")
        code = ErrorCode(given) if given else ErrorCode.INVALID_INPUT
        return code, error.message.partition(" Did you mean")[0]
    if is_unfit(source):
        return ErrorCode.INVALID_INPUT, "A text in this cannot be stored or compared."
    if is_away(source):
        log.warning("database_away", request_id=request_id, error=str(source))
        return ErrorCode.UNAVAILABLE, "The database cannot be used for the moment; try again soon."
    log.error("request failed", request_id=request_id, path=_path(error.path), exc_info=source)
    return (
        ErrorCode.INTERNAL,
        f"Something went wrong on our side. The log has more under {request_id}.",
    )


def _root(error: GraphQLError) -> Exception | None:
    """graphql-core wraps once per level on some paths."""
    source = error.original_error
    while isinstance(source, GraphQLError) and source.original_error is not None:
        source = source.original_error
    return source


def _path(path: Iterable[str | int] | None) -> str:
    return ".".join(map(str, path or ()))
