"""Keyset cursors: the sort key and the id of a row, packed so that nobody builds on their form."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

import orjson

from server.core.errors import Invalid

MAX_PAGE = 100
DEFAULT_PAGE = 25
_MAX_CURSOR = 1024

SortKey = str | int | datetime | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: just behind (or before) the row with this key and id."""

    key: SortKey
    id: UUID


def encode_cursor(key: SortKey, row_id: UUID) -> str:
    tagged = ["t", key.isoformat()] if isinstance(key, datetime) else ["v", key]
    packed = orjson.dumps([*tagged, row_id.hex])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_cursor(text: str, path: str = "after") -> Cursor:
    try:
        return _decode(text)
    except (ValueError, TypeError, binascii.Error) as error:
        message = "This cursor is not one that a list gave out; start again without it."
        raise Invalid(message, path=[path]) from error


def _decode(text: str) -> Cursor:
    if len(text) > _MAX_CURSOR:
        raise ValueError("cursor too long")
    packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    parts = orjson.loads(packed)
    if not isinstance(parts, list):
        raise TypeError("cursor is not a list")
    tag, key, row_id = cast("list[object]", parts)
    if not isinstance(row_id, str) or not isinstance(key, str | int | None):
        raise TypeError("cursor has other parts")
    if tag == "t":
        return Cursor(_aware(str(key)), UUID(row_id))
    return Cursor(key, UUID(row_id))


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("cursor time without a zone")
    return moment


def page_size(first: int | None, *, path: str = "first") -> int:
    """How many rows to give: the default when nothing is said, never more than the cap."""
    if first is None:
        return DEFAULT_PAGE
    if not 0 <= first <= MAX_PAGE:
        raise Invalid(f"Ask for 0 to {MAX_PAGE} rows at once.", path=[path])
    return first
