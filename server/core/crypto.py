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

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.core.errors import AppError

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
        self._boxes: dict[bytes, AESGCM] = {}
        self._take((key, *older))

    def seal(self, plain: bytes, *, bound: str) -> bytes:
        self._look_again()
        key_id, box = self._current
        nonce = secrets.token_bytes(_NONCE)
        header = _VERSION + key_id
        return header + nonce + box.encrypt(nonce, plain, header + bound.encode())

    def open(self, sealed: bytes, *, bound: str) -> bytes:
        header, rest = sealed[: 1 + _KEY_ID], sealed[1 + _KEY_ID :]
        if header[1:] not in self._boxes:
            self._look_again()
        box = self._boxes.get(header[1:])
        if box is None or header[:1] != _VERSION or len(rest) < _NONCE:
            raise SecretUnreadable
        try:
            return box.decrypt(rest[:_NONCE], rest[_NONCE:], header + bound.encode())
        except InvalidTag:
            raise SecretUnreadable from None

    def is_current(self, sealed: bytes) -> bool:
        """False when the value should be sealed again under the newest key."""
        return sealed[1 : 1 + _KEY_ID] == self._current[0]

    def _take(self, keys: Sequence[SecretKey]) -> None:
        made = [(_key_id(each), AESGCM(each.derive("secret box"))) for each in keys]
        self._current = made[0]
        self._boxes |= dict(made)

    def _look_again(self) -> None:
        keys = self._fresh() if self._fresh is not None else None
        if keys:
            self._take(keys)


def _key_id(key: SecretKey) -> bytes:
    return hashlib.sha256(key.derive("key id")).digest()[:_KEY_ID]
