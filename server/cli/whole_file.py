"""Files that commands write for people: all of it or nothing, whenever the command is killed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from server.core.errors import Invalid

# Names in here lead to what is open already, be it a plain file: it stays the one that is open.
_STREAMS = (Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd"))


def write_whole(name: str | Path, data: bytes) -> None:
    """Raises Invalid when it cannot be written."""
    with writing(name), whole_file(name) as file:
        file.write(data)


@contextmanager
def writing(name: str | Path) -> Iterator[None]:
    """What the system refuses in here is told in a sentence: no such folder, no space left."""
    try:
        yield
    except OSError as error:
        raise Invalid(f"{name} cannot be written: {error.strerror or error}.") from None


@contextmanager
def whole_file(name: str | Path) -> Iterator[BinaryIO]:
    """Written aside and put in place at the end. What is no plain file, such as /dev/stdout, is
    written as it is, and so is a file beside which no other can stand."""
    given, target = Path(name), Path(name).resolve()
    plain = given.is_file() or not given.exists()
    if not plain or given.parent in _STREAMS or not os.access(target.parent, os.W_OK):
        with given.open("wb") as file:
            yield file
        return
    aside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with aside.open("xb") as file:
            yield file
        if target.exists():
            shutil.copymode(target, aside)
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
