"""`wait`: lets time pass, or waits for an event. A long wait is a row with a due time and holds no
worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from server.bal.types import AnyType, NumberType, ObjectType, OptionalType, StringType, TypeField
from server.tools.base import Later, Tool, ToolContext, ToolFailed

LONGEST_SECONDS = 366 * 24 * 3600
LONGEST_NAME = 200
# As long as a question to a person stays open.
EVENT_SECONDS = 7 * 24 * 3600


async def wait(arguments: dict[str, Any], context: ToolContext) -> Any:
    now = context.clock.now()
    state = context.state or _first_look(arguments, now)
    event = arguments.get("event")
    if event is not None:
        return await _for_event(event, context, state)
    until = datetime.fromisoformat(state["until"])
    if now < until:
        return Later("wait", until, state)
    return {"waited": _seconds(state, now)}


async def _for_event(name: str, context: ToolContext, state: dict[str, str]) -> Any:
    heard = await context.world.heard(name)
    if heard is not None:
        told = {"name": heard.name, "data": heard.data, "at": heard.at.isoformat()}
        return {"waited": _seconds(state, heard.at), "event": told}
    until = datetime.fromisoformat(state["until"])
    if context.clock.now() < until:
        return Later("wait", until, state, listens=True)
    raise ToolFailed(f"The event `{name}` did not come in time.", "timeout")


def _seconds(state: dict[str, str], until: datetime) -> float:
    lasted = (until - datetime.fromisoformat(state["since"])).total_seconds()
    return round(max(0.0, lasted), 3)


def _first_look(arguments: dict[str, Any], now: datetime) -> dict[str, str]:
    seconds, moment = arguments.get("seconds"), arguments.get("until")
    event = arguments.get("event")
    if event is not None and not 0 < len(event) <= LONGEST_NAME:
        message = f"The name of an event has 1 to {LONGEST_NAME} characters."
        raise ToolFailed(message, "invalid_arguments")
    if event is not None and seconds is None and moment is None:
        seconds = EVENT_SECONDS
    if (seconds is None) == (moment is None):
        raise ToolFailed("Give `seconds` or `until`, and not both.", "invalid_arguments")
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
    description=(
        "Waits for some seconds, until a time (ISO 8601), or for an event of a name; with an event "
        "the time is how long to wait for it at most. Nothing runs meanwhile."
    ),
    run=wait,
    input=ObjectType(
        (
            TypeField("seconds", OptionalType(NumberType(minimum=0, maximum=LONGEST_SECONDS))),
            TypeField("until", OptionalType(StringType())),
            TypeField("event", OptionalType(StringType())),
        )
    ),
    output=ObjectType(
        (TypeField("waited", NumberType()), TypeField("event", OptionalType(AnyType())))
    ),
)
