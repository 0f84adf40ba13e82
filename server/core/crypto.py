"""Secrets at rest: AES-GCM under the one key of this installation.

A sealed value is `version, key id, nonce, text with tag`. The bound words (workspace and record)
are authenticated with it, so a sealed value cannot be moved to another record.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.core.errors import AppError, KeyFileError
from server.core.settings import Settings

KEY_FILE = "secret.key"
_VERSION = b"\x01"
_KEY_ID = 4
_NONCE = 12
_MIN_KEY = 32
_LOOSE = stat.S_IRWXG | stat.S_IRWXO


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
    """Seals with the first key, opens with any: that is how a key is changed."""

    def __init__(self, key: SecretKey, *older: SecretKey) -> None:
        boxes = [(_key_id(each), AESGCM(each.derive("secret box"))) for each in (key, *older)]
        self._current = boxes[0]
        self._boxes = dict(boxes)

    def seal(self, plain: bytes, *, bound: str) -> bytes:
        key_id, box = self._current
        nonce = secrets.token_bytes(_NONCE)
        header = _VERSION + key_id
        return header + nonce + box.encrypt(nonce, plain, header + bound.encode())

    def open(self, sealed: bytes, *, bound: str) -> bytes:
        header, rest = sealed[: 1 + _KEY_ID], sealed[1 + _KEY_ID :]
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


def _key_id(key: SecretKey) -> bytes:
    return hashlib.sha256(key.derive("key id")).digest()[:_KEY_ID]


def load_secret_key(settings: Settings, warn: Callable[[str], None] | None = None) -> SecretKey:
    """SECRET_KEY, else SECRET_KEY_FILE, else the file in the data folder, made when missing."""
    if settings.secret_key is not None:
        return SecretKey.from_text(settings.secret_key)
    if settings.secret_key_file is not None:
        return SecretKey.from_text(_read_given_file(settings.secret_key_file, warn))
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        _make_file(path)
    return SecretKey.from_text(_read_own_file(path))


def _read_given_file(path: Path, warn: Callable[[str], None] | None) -> str:
    """A mounted secret often has a mode that we cannot choose: say so, and go on."""
    text = _read_file(path)
    if _is_loose(path) and warn is not None:
        warn(f"The secret key {path} can be read by other users; chmod 600 it.")
    return text


def _read_own_file(path: Path) -> str:
    text = _read_file(path)
    if _is_loose(path):
        message = f"The secret key {path} can be read by other users of this machine."
        raise KeyFileError(message, hint=f"Type: chmod 600 {path}")
    return text


def _read_file(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise KeyFileError(f"The secret key {path} cannot be read: {reason}.") from error
    if len(text) < _MIN_KEY:
        message = f"The secret key {path} is too short; {_MIN_KEY} random characters are needed."
        raise KeyFileError(message)
    return text


def _is_loose(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & _LOOSE)


def _make_file(path: Path) -> None:
    """Written aside and linked into place: another process that starts now sees a whole key, and
    whoever comes second uses the first one's."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _link(aside, path)
    except OSError as error:
        message = f"The secret key {path} cannot be written: {error.strerror}."
        hint = "Give a folder that can be written with --data-dir, or set BALEYBOTS_SECRET_KEY."
        raise KeyFileError(message, hint=hint) from error
    finally:
        aside.unlink(missing_ok=True)


def _link(aside: Path, path: Path) -> None:
    try:
        os.link(aside, path)
    except FileExistsError:
        return
