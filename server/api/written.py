"""What is large in an answer is written as JSON before the answer is, in pieces and beside the
event loop, and sent in pieces: all of it at once would hold up everybody else."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any

import orjson

from server.api.scalars import dollars
from server.core.jsontext import written
from server.engine.state import ExecutionState

STEPS_AT_ONCE = 1_000


class Written:
    """Stands in the data of an answer and goes out as it is."""

    __slots__ = ("pieces",)

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces


def encoded(data: object) -> list[bytes]:
    """An answer as JSON, in pieces where something of it was written before."""
    mark, found = secrets.token_hex(16), list[Written]()

    def place(value: Any) -> str:
        if not isinstance(value, Written):
            raise TypeError(f"{type(value).__name__} is no JSON")
        found.append(value)
        return mark

    try:
        text = orjson.dumps(data, default=place)
    except TypeError:  # a whole number beyond 64 bits
        found.clear()
        text = json.dumps(data, separators=(",", ":"), default=place).encode()
    first, *rest = text.split(f'"{mark}"'.encode()) if found else [text]
    pieces = [first]
    for one, after in zip(found, rest, strict=True):
        pieces += [*one.pieces, after]
    return pieces


def written_state(state: ExecutionState) -> Written:
    own = written({**state.own(), "cost": str(dollars(state.cost))})
    pieces = [own[:-1] + b',"steps":{']
    for some in state.steps_by(STEPS_AT_ONCE):
        before = b"," if len(pieces) > 1 else b""
        pieces.append(before + written(dict(some))[1:-1])
    return Written([*pieces, b"}}"])
