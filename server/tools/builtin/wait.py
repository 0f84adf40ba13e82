"""`wait`: lets time pass. A long wait is a row with a due time and holds no worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from server.bal.types import NumberType, ObjectType, OptionalType, StringType, TypeField
from server.tools.base import Later, Tool, ToolContext, ToolFailed

LONGEST_SECONDS = 366 * 24 * 3600


async def wait(arguments: dict[str, Any], context: ToolContext) -> Any:
    now = context.clock.now()
    state = context.state or _first_look(arguments, now)
    until = datetime.fromisoformat(state["until"])
    if now < until:
        return Later("wait", until, state)
    since = datetime.fromisoformat(state["since"])
    return {"waited": round((max(now, until) - since).total_seconds(), 3)}


def _first_look(arguments: dict[str, Any], now: datetime) -> dict[str, str]:
    seconds, moment = arguments.get("seconds"), arguments.get("until")
    if (seconds is None) == (moment is None):
        raise ToolFailed("Give either `seconds` or `until`.", "invalid_arguments")
    until = _moment(moment) if seconds is None else now + timedelta(seconds=seconds)
    if (until - now).total_seconds() > LONGEST_SECONDS:
        raise ToolFailed("A wait lasts at most a year.", "invalid_arguments")
    return {"since": now.isoformat(), "until": max(until, now).isoformat()}


def _moment(text: Any) -> datetime:
    """A time without a zone is UTC."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        message = f"`until` is a time such as 2027-01-31T09:00:00Z, not {text!r}."
        raise ToolFailed(message, "invalid_arguments") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


WAIT = Tool(
    name="wait",
    description="Waits for some seconds, or until a time (ISO 8601). Nothing runs meanwhile.",
    run=wait,
    input=ObjectType(
        (
            TypeField("seconds", OptionalType(NumberType(minimum=0, maximum=LONGEST_SECONDS))),
            TypeField("until", OptionalType(StringType())),
        )
    ),
    output=ObjectType((TypeField("waited", NumberType()),)),
)
