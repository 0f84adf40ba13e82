"""Without a Redis one process may work on a data folder, and no second one."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.core.errors import StartError

LOCK_FILE = "running.lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The lock ends with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(
                f"Another Baleybots works on the data folder {folder} already.",
                hint="Stop it, give another folder with --data-dir, or set BALEYBOTS_REDIS_URL "
                "to let several processes work together.",
            ) from None
        yield
