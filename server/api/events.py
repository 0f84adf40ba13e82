"""What happened in an execution, typed. The types are made from the engine's own list, so an
event that is added there is in the schema the same day."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import Any, get_args, get_type_hints

import strawberry
from strawberry.scalars import JSON

from server.api.scalars import BigInt, dollars
from server.engine.events import EVENT_TYPES, ExecutionEvent
from server.engine.store import StoredEvent


@strawberry.interface(description="Something that happened in an execution, in its order.")
class Event:
    seq: int = strawberry.field(description="Its number in the execution, from 1 without a hole.")
    type: str = strawberry.field(description="What happened, such as `step.completed`.")
    at: datetime = strawberry.field(description="When.")
    step_key: str | None = strawberry.field(description="In which step.")
    attempt: int = strawberry.field(description="In which taking of the execution by a worker.")
    data: JSON | None = strawberry.field(description="The rest, as on the live feed.")


@strawberry.type(description="An event of a kind that this release does not know.")
class OtherEvent(Event):
    pass


_WORDS: dict[str, str] = {
    "action": "What was tried: retry, fallback, skip or continue.",
    "approval_id": "The approval.",
    "approval_kind": "What is asked: tool, remedy or outcome.",
    "arguments": "What the tool is to be called with.",
    "description": "The entity's new description.",
    "edited": "A person put this result in the place of the earlier one.",
    "execution_id": "The execution that was started; its events can be followed on their own.",
    "expires_at": "When the question lapses.",
    "failure_class": "What kind of failure it is for.",
    "forked_from": "The execution that this one repeats.",
    "from_step": "The first step that is done anew.",
    "goal": "The entity's new goal.",
    "note": "What the person said to it.",
    "notes": "What is added to the entity's goal.",
    "one_step": "It takes one action and holds again.",
    "tools": "The entity's new tools.",
    "verdict": "What was decided.",
    "bot_id": "The bot that was started.",
    "bot_name": "What a person calls that bot.",
    "by": "Who asked for it.",
    "cost": "US dollars; null when no price is known.",
    "depth": "How many executions stand above the new one.",
    "duration_ms": "How long it took, in milliseconds.",
    "error": "What went wrong: kind, message and entity.",
    "estimated": "The provider reported no tokens, so they were counted here.",
    "handled": "What `on_error` made of it: skip or continue.",
    "hint": "What to do about it.",
    "input": "What it was given.",
    "input_tokens": "Tokens sent to the model.",
    "kind": "The word for what it is.",
    "left_out": "Messages that were dropped or shortened to fit.",
    "message": "What happened, in words.",
    "mode": "How models and tools are reached.",
    "model": "The model.",
    "name": "What a person calls the step.",
    "next_from": "Whose chain that model is of: bot or workspace.",
    "next_model": "The model that is asked instead.",
    "output": "What it answered.",
    "output_tokens": "Tokens that the model wrote.",
    "parent_key": "The block around the step.",
    "parts": "Tokens read, by what they were there for.",
    "position": "The step's place in the order of starting.",
    "priority": "Its priority from then on: 9 goes first, 1 last.",
    "provider": "Who runs the model, or whom a tool had to pay.",
    "reason": "Why.",
    "repair": "Asked again because the answer did not fit the output block.",
    "requested_model": "The model that the program names.",
    "resumed": "True when an earlier attempt was lost, handed back or waited.",
    "retry_in": "Seconds until the next try; null when there is none.",
    "reused": "The result was taken over, not made again.",
    "seconds": "For how long.",
    "source": "Where the answer came from, when the model was not asked.",
    "step_type": "The kind of the step: entity, tool, parallel, loop, …",
    "text": "The text that was written.",
    "tool": "The tool.",
    "trigger_kind": "What started the execution.",
    "try_number": "Which try this is, from 1.",
    "ttft_ms": "Milliseconds to the first text.",
    "what": "What was paid for.",
}
_RENAMED = {"type": "step_type"}


_WIRE: dict[Any, Any] = {str: str, int: BigInt, float: float, bool: bool}


def _wire_type(name: str, hint: Any) -> Any:
    """Every field may be missing: an older release stored the event."""
    if name == "cost":
        return Decimal | None
    if name == "expires_at":
        return datetime | None
    plain = [part for part in get_args(hint) or (hint,) if part is not NoneType]
    return (_WIRE.get(plain[0]) or JSON) | None


def _declared(kind: type[ExecutionEvent]) -> type[Event]:
    """`step.started` becomes `StepStartedEvent`, with a field for each field of its class."""
    hints = get_type_hints(kind)
    made: dict[str, Any] = {"__annotations__": {}}
    for item in dataclasses.fields(kind):
        name = _RENAMED.get(item.name, item.name)
        made["__annotations__"][name] = _wire_type(item.name, hints[item.name])
        made[name] = strawberry.field(default=None, description=_WORDS[name])
    words = kind.TYPE.replace(".", "_").split("_")
    title = "".join(word.capitalize() for word in words) + "Event"
    return strawberry.type(type(title, (Event,), made), description=f"`{kind.TYPE}`.{_told(kind)}")


def _told(kind: type[ExecutionEvent]) -> str:
    """Only a sentence that speaks of no field; a dataclass without words names its fields."""
    paragraph = (kind.__doc__ or "").strip().partition("\n\n")[0]
    first = " ".join(paragraph.split())
    return "" if "`" in first or "(" in first or not first else f" {first}"


EVENT_KINDS: dict[str, type[Event]] = {word: _declared(kind) for word, kind in EVENT_TYPES.items()}


def event_of(stored: StoredEvent) -> Event:
    common: dict[str, Any] = {
        "seq": stored.seq,
        "type": stored.type,
        "at": stored.at,
        "step_key": stored.step_key,
        "attempt": stored.attempt,
        "data": stored.data,
    }
    made: Callable[..., Event] | None = EVENT_KINDS.get(stored.type)
    if made is None:
        return OtherEvent(**common)
    given = EVENT_TYPES[stored.type].from_data(stored.data)
    own = {
        _RENAMED.get(item.name, item.name): _wire_value(item.name, getattr(given, item.name))
        for item in dataclasses.fields(given)
    }
    return made(**common, **own)


def _wire_value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "expires_at":
        return datetime.fromisoformat(value)
    return dollars(value) if name == "cost" else value
