"""`output_to`: where a result is delivered."""

from __future__ import annotations

import re

from server.bal.findings import Findings
from server.bal.nodes import ListValue, Name, ObjectValue, Text, Value
from server.bal.schedules import ScheduleMistake, parse_schedule
from server.bal.slots import SlotError, parse_slots

TARGETS = ("storage", "dashboard", "notification", "webhook", "email")

_ADDRESS = re.compile(r"[^@\s,;]+@[^@\s,;]+")
_URL = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)


def read_targets(value: Value | None, findings: Findings) -> tuple[str, ...]:
    if value is None or (isinstance(value, ObjectValue) and not value.entries):
        return ()
    items = value.items if isinstance(value, ListValue) else (value,)
    found: list[str] = []
    for item in items:
        if not isinstance(item, Text | Name):
            hint = f"It is one of {', '.join(TARGETS)}."
            findings.error("invalid_value", "Expected where the result goes.", item, hint)
        elif _is_sound(item, findings):
            found.append(item.value.strip())
    return tuple(found)


def _is_sound(item: Text | Name, findings: Findings) -> bool:
    text = item.value
    slots = parse_slots(text)
    if isinstance(slots, SlotError):
        place = findings.inside(item, slots.offset, slots.end)
        findings.error("invalid_value", slots.message, place, slots.hint)
        return False
    if "{{" in text:
        # Only the run knows what stands there.
        return True
    kind, colon, rest = text.strip().partition(":")
    if kind not in TARGETS:
        hint = findings.meant(kind, TARGETS) or f"It is one of {', '.join(TARGETS)}."
        findings.error("invalid_value", f"`{kind}` is no place for a result.", item, hint)
        return False
    trouble = _trouble(kind, rest) if colon else None
    if trouble:
        findings.error("invalid_value", trouble, item)
    return trouble is None


def _trouble(kind: str, rest: str) -> str | None:
    if kind == "webhook":
        return None if _URL.fullmatch(rest) else "`webhook:` is followed by an http address."
    if kind == "email":
        if _ADDRESS.fullmatch(rest) and isinstance(parse_schedule(rest), ScheduleMistake):
            return None
        fits = not isinstance(parse_schedule(rest), ScheduleMistake)
        return None if fits else "`email:` is followed by an address or a schedule."
    return f"`{kind}` stands alone."
