"""Telling at the start that the secret key is not the one the data was stored with."""

from __future__ import annotations

from server.core.crypto import SecretKey
from server.core.errors import KeyFileError
from server.models.fact import Fact

_NAME = "key check"


async def check_key(key: SecretKey) -> None:
    """The first start keeps a value that only this key makes; later ones compare."""
    expected = {"value": key.check}
    fact, _ = await Fact.get_or_create({"value": expected}, name=_NAME)
    if fact.value != expected:
        hint = "Set BALEYBOTS_SECRET_KEY or SECRET_KEY_FILE to the key that was used before, or "
        hint += "put the old secret.key back into the data folder."
        raise KeyFileError("The secret key is not the one this database was made with.", hint=hint)
