"""What an answer decides: the key for `route`, pass or fail for `when`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.bal.values import is_number, is_object, look_into, text_of

ROUTE_FIELDS = ("route", "key", "type", "category", "label", "intent")
VERDICT_FIELDS = ("pass", "passed", "valid", "success", "ok")
GOOD = frozenset({"pass", "passed", "yes", "true"})
BAD = frozenset({"fail", "failed", "no", "false"})
DEFAULT = "default"


def route_key(output: Any) -> str | int | float | bool | None:
    """The key as the classifier gave it, text trimmed; null when there is none."""
    found = look_into(output)
    if not is_object(found):
        return _plain(found)
    for name in ROUTE_FIELDS:
        key = _plain(found.get(name))
        if key is not None:
            return key
    texts = (value for value in found.values() if isinstance(value, str))
    return _plain(next(texts, None))


def _plain(value: Any) -> str | int | float | bool | None:
    if isinstance(value, str):
        return value.strip()
    return value if isinstance(value, bool) or is_number(value) else None


def choose_arm(key: Any, arms: Iterable[str]) -> str | None:
    """Exactly, then whatever the case, then `default`."""
    names = list(arms)
    if key is not None:
        wanted = text_of(key)
        if wanted in names:
            return wanted
        folded = wanted.casefold()
        for name in names:
            if name.casefold() == folded:
                return name
    return DEFAULT if DEFAULT in names else None


def verdict(output: Any) -> bool | None:
    """Null when the answer says neither."""
    found = look_into(output)
    if not is_object(found):
        return _word(found)
    said = (_word(found[name]) for name in VERDICT_FIELDS if name in found)
    return next((word for word in said if word is not None), None)


def _word(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return None
    word = value.strip().casefold()
    if word in GOOD:
        return True
    return False if word in BAD else None
