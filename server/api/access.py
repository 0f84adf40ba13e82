"""Who may ask what. Access stands on the field, never in its body: `needs(...)` is the one way to
make a root field, so a field without a declared access cannot be written."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import strawberry
from strawberry import UNSET
from strawberry.extensions import FieldExtension
from strawberry.utils.str_converters import to_camel_case

from server.api.errors import belongs_on_top, user_errors
from server.core.errors import (
    AppError,
    Denied,
    Invalid,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from server.models.away import is_away
from server.models.unfit import is_unfit
from server.workspaces.access import require

# Ways to need no scope. What is about a person is not for a token that was made for less; what is
# a person's own doing, such as a password, is for no token at all.
ANYONE_SIGNED_IN = ""
ONESELF = "oneself"
IN_PERSON = "in person"
MANAGER = "members:write"
MANAGER_OR_IN_PERSON = f"{IN_PERSON} or {MANAGER}"
_WORDS = {
    ANYONE_SIGNED_IN: "For everybody who is signed in.",
    ONESELF: "For people, and for tokens that are not narrowed to scopes or bots.",
    IN_PERSON: "For people who are signed in, not for tokens.",
    MANAGER_OR_IN_PERSON: f"For people who are signed in; a token needs scope `{MANAGER}`.",
}
AWAY = "The database cannot be reached."
LATER = "Try again in a moment."
UNFIT = "A text in this is too long for its place, or has characters that cannot be stored."


class Needs(FieldExtension):
    """Lets a field run only for a viewer whose token or role holds the scope."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        self.check(info.context)
        return next_(source, info, **kwargs)

    async def resolve_async(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, next_: Callable[..., Any], source: Any, info: Any, /, **kwargs: Any
    ) -> Any:  # positional, because an argument of ours is called `source`
        self.check(info.context)
        try:
            result = next_(source, info, **kwargs)
            return await result if isawaitable(result) else result  # a subscription's is a stream
        except Exception as error:
            if isinstance(error, AppError):
                raise
            if is_unfit(error):
                raise Invalid(UNFIT) from error
            if not is_away(error):
                raise
            raise Unavailable(
                "The database cannot be reached.", hint=LATER, retry_after=1
            ) from error

    def check(self, context: Any) -> None:
        viewer = context.viewer
        if viewer is None:
            raise Unauthenticated
        if self.scope == ONESELF:
            if viewer.narrowed:
                raise Denied("This token was made for certain things, and this is none of them.")
        elif self.scope == IN_PERSON:
            if viewer.via_token:
                raise Denied("A token cannot do this; sign in to do it.")
        elif self.scope == MANAGER_OR_IN_PERSON:
            if viewer.via_token:
                require(viewer, MANAGER)
        elif self.scope:
            require(viewer, self.scope)


class Answers(FieldExtension):
    """Turns an expected error of a mutation into its payload."""

    def __init__(self, payload: type[Any]) -> None:
        self.payload = payload

    async def resolve_async(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, next_: Callable[..., Any], source: Any, info: Any, /, **kwargs: Any
    ) -> Any:  # positional, because an argument of ours is called `source`
        try:
            return await next_(source, info, **kwargs)
        except AppError as error:
            if belongs_on_top(error):
                raise
            if isinstance(error, NotFound) and not error.path:
                error.path = _named(kwargs.get("input"), error.what)
            return self.payload(errors=user_errors(error))


def _named(given: Any, what: str) -> tuple[str, ...]:
    """Which field of the input named what is not there, where one alone can have."""
    filled = [name for name, value in vars(given).items() if value not in (None, UNSET)]
    ids = [name for name in filled if name == "ids" or name.endswith(("_id", "_ids"))]
    fits = [name for name in ids if name in (f"{what}_id", f"{what}_ids")] or ids
    return (to_camel_case(fits[0]),) if len(fits) == 1 else ()


def query(scope: str, description: str, **options: Any) -> Any:
    return strawberry.field(
        description=_told(description, scope), extensions=[Needs(scope)], **options
    )


def part(scope: str, description: str) -> Any:
    """Of a thing that may come as the answer to a right that is less than seeing all of it."""
    return query(scope, description)


def mutation(scope: str, payload: type[Any], description: str) -> Any:
    return strawberry.mutation(
        description=_told(description, scope), extensions=[Answers(payload), Needs(scope)]
    )


def subscription(scope: str, description: str) -> Any:
    return strawberry.subscription(description=_told(description, scope), extensions=[Needs(scope)])


def _told(description: str, scope: str) -> str:
    return f"{description} {_WORDS.get(scope) or f'Needs scope `{scope}`.'}"
