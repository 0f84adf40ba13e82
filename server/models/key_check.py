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
        hint = (
            "Every process needs the same key: set BALEYBOTS_SECRET_KEY or "
            "BALEYBOTS_SECRET_KEY_FILE, or put the first secret.key into each data folder."
        )
        raise KeyFileError("The secret key is not the one this database was made with.", hint=hint)
