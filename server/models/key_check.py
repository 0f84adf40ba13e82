"""Telling at the start that the secret key is not the one the data was stored with.

While the key is changed, the value of the new key and those of the older ones stand side by side;
a process must know them all, since any secret may be under any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.core.crypto import SecretKey
from server.core.errors import KeyFileError
from server.models.fact import Fact

_NAME = "key check"


@dataclass(frozen=True, slots=True)
class KeyMark:
    """`older` is empty unless a change of the key has begun and not ended."""

    value: str
    older: tuple[str, ...] = ()


async def check_key(*keys: SecretKey) -> None:
    """The first start keeps a value that only its key makes; later ones compare."""
    _compare(await read_mark(keys[0]), keys)


async def look_at_key(*keys: SecretKey) -> None:
    """The same without a mark of our own: who only looks must not decide on the key."""
    if fact := await Fact.get_or_none(name=_NAME):
        _compare(_mark_of(fact), keys)


def _compare(mark: KeyMark, keys: Sequence[SecretKey]) -> None:
    known = {key.check for key in keys}
    if mark.value not in known:
        hint = (
            "Every process needs the same key: set BALEYBOTS_SECRET_KEY or "
            "BALEYBOTS_SECRET_KEY_FILE, or put the first secret.key into each data folder."
        )
        raise KeyFileError("The secret key is not the one this database was made with.", hint=hint)
    if not known.issuperset(mark.older):
        hint = (
            "Give it in BALEYBOTS_OLD_SECRET_KEYS until `baleybots secrets rotate` has ended on a "
            "machine that has both."
        )
        raise KeyFileError(
            "A change of the secret key has not ended, and the older key is missing here.",
            hint=hint,
        )


async def read_mark(first: SecretKey) -> KeyMark:
    fact, _ = await Fact.get_or_create({"value": {"value": first.check}}, name=_NAME)
    return _mark_of(fact)


def _mark_of(fact: Fact) -> KeyMark:
    return KeyMark(fact.value["value"], tuple(fact.value.get("older", ())))


async def write_mark(current: SecretKey, older: Sequence[SecretKey] = ()) -> None:
    value: dict[str, object] = {"value": current.check}
    if older:
        value["older"] = [key.check for key in older]
    await Fact.filter(name=_NAME).update(value=value)
