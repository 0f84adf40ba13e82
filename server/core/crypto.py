"""Secrets at rest: AES-GCM under the key of this installation.

A sealed value is `version, key id, nonce, text with tag`. The bound words (workspace and record)
are authenticated with it, so a sealed value cannot be moved to another record.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.core.errors import AppError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_KEY_ID = 4
_NONCE = 12


class SecretUnreadable(AppError):
    """A stored secret cannot be read with the present key; enter it again."""


@dataclass(frozen=True, slots=True, repr=False)
class SecretKey:
    """Each use has its own key drawn from the master, so no use weakens another."""

    master: bytes

    @staticmethod
    def from_text(text: str) -> SecretKey:
        return SecretKey(hashlib.sha256(b"baleybots master\0" + text.encode()).digest())

    def derive(self, purpose: str) -> bytes:
        return hmac.digest(self.master, purpose.encode(), "sha256")

    @property
    def check(self) -> str:
        """Stored beside the data, to tell a wrong key at the start; says nothing of the key."""
        return hmac.digest(self.derive("key check"), b"baleybots", "sha256").hex()


class SecretBox:
    """Seals with the first key, opens with any: that is how a key is changed. `fresh` gives the
    keys anew when they were changed meanwhile, so that a process which runs on knows both too."""

    def __init__(
        self,
        key: SecretKey,
        *older: SecretKey,
        fresh: Callable[[], Sequence[SecretKey] | None] | None = None,
    ) -> None:
        self._fresh = fresh
        self._keys: dict[bytes, SecretKey] = {}
        self._ciphers: dict[bytes, AESGCM] = {}
        self._take((key, *older))

    def seal(self, plain: bytes, *, bound: str) -> bytes:
        self._look_again()
        nonce = secrets.token_bytes(_NONCE)
        key_id = self._current
        header = _VERSION + key_id
        sealed = self._cipher(key_id).encrypt(nonce, plain, header + bound.encode())
        return header + nonce + sealed

    def open(self, sealed: bytes, *, bound: str) -> bytes:
        header, rest = sealed[: 1 + _KEY_ID], sealed[1 + _KEY_ID :]
        key_id = header[1:]
        if key_id not in self._keys:
            self._look_again()
        if key_id not in self._keys or header[:1] != _VERSION or len(rest) < _NONCE:
            raise SecretUnreadable
        cipher = self._cipher(key_id)
        from cryptography.exceptions import InvalidTag

        try:
            return cipher.decrypt(rest[:_NONCE], rest[_NONCE:], header + bound.encode())
        except InvalidTag:
            raise SecretUnreadable from None

    def is_current(self, sealed: bytes) -> bool:
        """False when the value should be sealed again under the newest key."""
        return sealed[1 : 1 + _KEY_ID] == self._current

    def _cipher(self, key_id: bytes) -> AESGCM:
        """Its library is loaded with the first secret: where there is none, that is 6 MB less."""
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            cipher = AESGCM(self._keys[key_id].derive("secret box"))
            self._ciphers[key_id] = cipher
        return cipher

    def _take(self, keys: Sequence[SecretKey]) -> None:
        self._keys |= {_key_id(each): each for each in keys}
        self._current = _key_id(keys[0])

    def _look_again(self) -> None:
        keys = self._fresh() if self._fresh is not None else None
        if keys:
            self._take(keys)


def _key_id(key: SecretKey) -> bytes:
    return hashlib.sha256(key.derive("key id")).digest()[:_KEY_ID]
