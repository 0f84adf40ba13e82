"""What starts a bot, as written: the text and the object form to one specification. Pure: when
a schedule comes next is another room's matter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from server.bal.schedules import Schedule, ScheduleMistake, parse_schedule
from server.bal.suggest import closest

Kind = Literal["manual", "webhook", "schedule", "bb_completion", "db_event", "event"]

KINDS: tuple[Kind, ...] = ("manual", "webhook", "schedule", "bb_completion", "db_event", "event")
ENDINGS = ("success", "failure", "completion")
OPERATIONS = ("insert", "update", "delete", "any")
_CHANGES = {
    "insert": "a row is added to",
    "update": "a row changes in",
    "delete": "a row is deleted from",
    "any": "anything changes in",
}


@dataclass(frozen=True, slots=True)
class TriggerMistake:
    """Offsets count in the text of the trigger."""

    message: str
    start: int
    end: int
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class TriggerSpec:
    """`text` is the normalised form: two triggers with the same text are the same trigger.
    `words` is what people read. Only the fields of the kind are filled."""

    kind: Kind
    text: str
    words: str
    path: str | None = None
    schedule: Schedule | None = None
    source: str | None = None
    ending: str | None = None
    connection: str | None = None
    table: str | None = None
    operation: str | None = None
    event: str | None = None
    condition: str | None = None
    enabled: bool = True


class Wrong(Exception):
    """Why a text is no trigger; offsets count in the text after the kind."""

    def __init__(self, message: str, hint: str | None = None, start: int = 0, end: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.start = start
        self.end = end


_PATH = re.compile(r"[A-Za-z0-9_-]+")
_TABLE = re.compile(r"(?:([\w.-]+)/)?([\w.-]+)")
_EVENT = re.compile(r"[\w.*/-]+")
_SCHEDULE_WORDS = ("hourly", "daily", "weekdays", "weekends", "weekly", "monthly", "every")


@lru_cache(maxsize=1024)
def parse_trigger(text: str) -> TriggerSpec | TriggerMistake:
    """One trigger in its text form, such as `schedule:daily@9am`."""
    trimmed = text.strip()
    lead = len(text) - len(text.lstrip())
    word, colon, rest = trimmed.partition(":")
    kind = "bb_completion" if word.strip() == "other_bb" else word.strip()
    begin = lead + len(word) + len(colon)
    try:
        return _BUILDERS[kind](rest if colon else None)
    except KeyError:
        message = f"`{word}` is no trigger." if trimmed else "The trigger is empty."
        return TriggerMistake(message, lead, lead + max(1, len(word)), _kind_hint(trimmed))
    except Wrong as wrong:
        first, last = (begin + wrong.start, begin + wrong.end) if wrong.end else (lead, len(text))
        first = min(first, len(text) - 1)
        return TriggerMistake(wrong.message, first, max(first + 1, last), wrong.hint)


def manual(rest: str | None = None) -> TriggerSpec:
    if rest is not None:
        raise Wrong("`manual` stands alone.")
    return TriggerSpec("manual", "manual", "Started by hand")


def webhook(path: str | None = None) -> TriggerSpec:
    if path is None:
        return TriggerSpec("webhook", "webhook", "When the webhook is called")
    path = path.strip()
    if not _PATH.fullmatch(path):
        hint = "As in `webhook:new-order`: letters, digits, `-` and `_`."
        raise Wrong("This is no webhook path.", hint)
    return TriggerSpec("webhook", f"webhook:{path}", f"When the webhook /{path} is called", path)


def schedule(spec: str | None) -> TriggerSpec:
    if spec is None:
        raise Wrong("The trigger does not say when.", "As in `schedule:daily@9am`.")
    found = parse_schedule(spec)
    if isinstance(found, ScheduleMistake):
        raise Wrong(found.message, found.hint, found.start, found.end)
    zone = f" tz={found.zone}" if found.zone else ""
    return TriggerSpec("schedule", f"schedule:{found.text}{zone}", found.words, schedule=found)


def completion(rest: str | None) -> TriggerSpec:
    name, colon, ending = (rest or "").strip().rpartition(":")
    if not colon:
        name, ending = ending, "success"
    return completion_of(name.strip(), ending.strip())


def completion_of(name: str, ending: str) -> TriggerSpec:
    if not name or ":" in name:
        raise Wrong("The trigger does not name a bot.", "As in `bb_completion:writer`.")
    if ending not in ENDINGS:
        hint = closest(ending, ENDINGS) or "It is success, failure or completion."
        raise Wrong(f"`{ending}` is no way to end.", hint)
    verb = {"success": "succeeds", "failure": "fails", "completion": "ends"}[ending]
    text = f"bb_completion:{name}:{ending}"
    return TriggerSpec("bb_completion", text, f"When {name} {verb}", source=name, ending=ending)


def db_event(rest: str | None) -> TriggerSpec:
    place, colon, operation = (rest or "").strip().partition(":")
    match = _TABLE.fullmatch(place)
    if match is None:
        raise Wrong("The trigger does not name a table.", "As in `db_event:orders:insert`.")
    return db_event_of(match[1], match[2], operation.strip() if colon else "any")


def db_event_of(connection: str | None, table: str, operation: str) -> TriggerSpec:
    if operation not in OPERATIONS:
        hint = closest(operation, OPERATIONS) or "It is insert, update, delete or any."
        raise Wrong(f"`{operation}` is no change of a table.", hint)
    place = f"{connection}/{table}" if connection else table
    change = _CHANGES[operation]
    return TriggerSpec(
        "db_event",
        f"db_event:{place}:{operation}",
        f"When {change} {place}",
        connection=connection,
        table=table,
        operation=operation,
    )


def event(name: str | None) -> TriggerSpec:
    name = (name or "").strip()
    if not _EVENT.fullmatch(name):
        raise Wrong("The trigger does not name an event.", "As in `event:order.paid`.")
    return TriggerSpec("event", f"event:{name}", f"When the event {name} happens", event=name)


_BUILDERS = {
    "manual": manual,
    "webhook": webhook,
    "schedule": schedule,
    "bb_completion": completion,
    "db_event": db_event,
    "event": event,
}


def _kind_hint(text: str) -> str:
    first = re.split(r"[@:\s]", text, maxsplit=1)[0].lower()
    if first in _SCHEDULE_WORDS or len(text.split()) == 5 or first == "cron":
        spec = text.removeprefix("cron:")
        if isinstance(parse_schedule(spec), ScheduleMistake):
            return "A schedule is written as in `schedule:daily@9am` or `schedule:every 15m`."
        return f"Write `schedule:{spec}`."
    guess = closest(first, (*KINDS, "other_bb"))
    return guess or f"A trigger is one of {', '.join(KINDS)}."
