"""Ids: UUIDv7 inside, `bot_` and 26 characters outside.

Both forms sort by time of creation. The outside form is Crockford's base32 in lower case, so the
same id has exactly one spelling.
"""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from typing import Literal
from uuid import UUID

from server.core.errors import NotFound

IdKind = Literal[
    "bot",
    "version",
    "execution",
    "step",
    "event",
    "usage",
    "connection",
    "trigger",
    "approval",
    "incident",
    "user",
    "workspace",
    "member",
    "invitation",
    "session",
    "token",
    "blob",
    "budget",
    "notice",
    "price",
    "audit",
    "recording",
    "bundle",
    "notification",
    "emitted",
    "bookmark",
    "chat",
]

PREFIXES: dict[IdKind, str] = {
    "bot": "bot_",
    "version": "ver_",
    "execution": "exe_",
    "step": "stp_",
    "event": "evt_",
    "usage": "use_",
    "connection": "con_",
    "trigger": "trg_",
    "approval": "apr_",
    "incident": "inc_",
    "user": "usr_",
    "workspace": "wsp_",
    "member": "mem_",
    "invitation": "inv_",
    "session": "ses_",
    "token": "tok_",
    "blob": "blb_",
    "budget": "bud_",
    "notice": "ntc_",
    "notification": "ntf_",
    "emitted": "evn_",
    "bookmark": "bkm_",
    "chat": "cht_",
    "price": "prc_",
    "audit": "aud_",
    "recording": "rec_",
    "bundle": "bdl_",
}

_KINDS: dict[str, IdKind] = {prefix: kind for kind, prefix in PREFIXES.items()}
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_DIGITS = 26
_PREFIX_LENGTH = 4
_last_tick = 0


def new_uuid() -> UUID:
    """A UUIDv7. Its 12 bits after the millisecond are a finer clock that never stands still, so
    the ids of one process are strictly increasing."""
    global _last_tick
    tick = max((time.time_ns() << 12) // 1_000_000, _last_tick + 1)
    _last_tick = tick
    high = (tick >> 12) << 16 | 0x7000 | (tick & 0xFFF)
    return UUID(int=high << 64 | 0x8000_0000_0000_0000 | secrets.randbits(62))


def uuid_at(moment: datetime) -> UUID:
    """Less than every UUIDv7 made at that moment or later, and more than the earlier ones. Before
    1970 none was made."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def public_id(kind: IdKind, uuid: UUID) -> str:
    """The id as the outside sees it."""
    number = uuid.int
    pairs = [_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)]
    return PREFIXES[kind] + "".join(pairs)


def read_id(kind: IdKind, text: str) -> UUID:
    """The id inside. Junk, an id of another kind and an unknown id look the same outside."""
    found = split_id(text)
    if found is None or found[0] != kind:
        raise NotFound.of(kind)
    return found[1]


def split_id(text: str) -> tuple[IdKind, UUID] | None:
    """Kind and id of any public id; None when it is not one."""
    if len(text) != _PREFIX_LENGTH + _DIGITS:
        return None
    kind = _KINDS.get(text[:_PREFIX_LENGTH])
    number = 0
    for letter in text[_PREFIX_LENGTH:]:
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number << 5 | value
    return None if kind is None or number >> 128 else (kind, UUID(int=number))
