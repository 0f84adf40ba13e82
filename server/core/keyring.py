"""Where the secret key comes from: a setting, a file that somebody mounts, or a file of our own in
the data folder. Beside the key that seals there may be older ones, which only open: that is how a
key is changed while everything runs.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from server.core.crypto import SecretKey
from server.core.errors import KeyFileError
from server.core.settings import Settings

KEY_FILE = "secret.key"
_MIN_KEY = 32
_LOOSE = stat.S_IRWXG | stat.S_IRWXO

Warn = Callable[[str], None]


def load_secret_key(settings: Settings, warn: Warn | None = None) -> SecretKey:
    """The one that seals."""
    return load_keys(settings, warn)[0]


def load_keys(settings: Settings, warn: Warn | None = None) -> tuple[SecretKey, ...]:
    """SECRET_KEY, else SECRET_KEY_FILE, else the file in the data folder, made when missing. The
    first seals, all open. A file holds one key a line."""
    if settings.secret_key is not None:
        texts = [settings.secret_key]
    elif settings.secret_key_file is not None:
        texts = _read_given_file(settings.secret_key_file, warn)
    else:
        path = own_file(settings)
        if not path.exists():
            _make_file(path)
        texts = _read_own_file(path)
    return tuple(map(SecretKey.from_text, dict.fromkeys([*texts, *settings.old_secret_keys])))


def own_file(settings: Settings) -> Path:
    return settings.data_dir / KEY_FILE


def is_ours(settings: Settings) -> bool:
    """True where the key is in our own file, which we may write."""
    return settings.secret_key is None and settings.secret_key_file is None


def add_key(settings: Settings) -> tuple[SecretKey, ...]:
    """A new key before the present one; earlier ones are dropped. The file is replaced as a whole,
    so whoever reads it sees either all or nothing of the change."""
    path = own_file(settings)
    present = _read_own_file(path)[0]
    aside = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    try:
        _write(aside, f"{secrets.token_urlsafe(48)}\n{present}\n")
        os.replace(aside, path)
        _sync_folder(path.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    return load_keys(settings)


class KeyWatch:
    """Tells a process that runs on when the key file was changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = settings.secret_key_file or own_file(settings)
        self._seen = self._mark()

    def fresh(self) -> Sequence[SecretKey] | None:
        """All keys, when there is something new; else None."""
        mark = self._mark()
        if mark == self._seen or mark is None:
            return None
        self._seen = mark
        return load_keys(self._settings)

    def _mark(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size


def _read_given_file(path: Path, warn: Warn | None) -> list[str]:
    """A mounted secret often has a mode that we cannot choose: say so, and go on."""
    texts = _read_file(path)
    if _is_loose(path) and warn is not None:
        warn(f"The secret key {path} can be read by other users; chmod 600 it.")
    return texts


def _read_own_file(path: Path) -> list[str]:
    texts = _read_file(path)
    if _is_loose(path):
        message = f"The secret key {path} can be read by other users of this machine."
        raise KeyFileError(message, hint=f"Type: chmod 600 {path}")
    return texts


def _read_file(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise KeyFileError(f"The secret key {path} cannot be read: {reason}.") from error
    texts = [line.strip() for line in lines if line.strip()]
    if not texts or any(len(text) < _MIN_KEY for text in texts):
        message = f"The secret key {path} is too short; {_MIN_KEY} random characters are needed."
        raise KeyFileError(message)
    return texts


def _is_loose(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & _LOOSE)


def _make_file(path: Path) -> None:
    """Written aside and linked into place: another process that starts now sees a whole key, and
    whoever comes second uses the first one's."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(aside, secrets.token_urlsafe(48) + "\n")
        _link(aside, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        aside.unlink(missing_ok=True)


def _link(aside: Path, path: Path) -> None:
    try:
        os.link(aside, path)
    except FileExistsError:
        return


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """So that the new name of the file survives a power cut too."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> KeyFileError:
    message = f"The secret key {path} cannot be written: {error.strerror}."
    hint = "Give a folder that can be written with --data-dir, or set BALEYBOTS_SECRET_KEY."
    return KeyFileError(message, hint=hint)
