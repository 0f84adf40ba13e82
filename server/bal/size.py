"""How large a value may be. One that holds another twice is quickly made, and again, and again:
what is small in memory would be larger than all memory as soon as it is written down."""

from __future__ import annotations

from typing import Any

import orjson

from server.bal.values import json_text

LARGEST = 100 * 1024 * 1024
SMALL = frozenset({int, float, bool, type(None)})


def size_of(value: Any) -> int:
    """In bytes of JSON, about. Only for what is known to be no larger than that: it is written."""
    if isinstance(value, str):
        return len(value)
    if type(value) in SMALL:
        return 0
    try:
        return len(orjson.dumps(value))
    except TypeError:
        return len(json_text(value))
