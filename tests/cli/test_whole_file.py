"""What a command writes is there as a whole or not at all (F44)."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from server.cli.whole_file import whole_file, write_whole
from server.core.errors import Invalid

KILLED = """
import os, signal, sys
from server.cli.whole_file import whole_file
with whole_file(sys.argv[1]) as file:
    file.write(b"half of it")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("before", [None, b"of yesterday"])
def test_killed_in_the_middle_of_an_export(tmp_path: Path, before: bytes | None) -> None:  # F44
    path = tmp_path / "bots.zip"
    if before is not None:
        path.write_bytes(before)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_file_is_replaced_with_its_mode_and_behind_its_link(tmp_path: Path) -> None:
    path, link = tmp_path / "a.bal", tmp_path / "link.bal"
    write_whole(path, b"first")
    path.chmod(0o600)
    link.symlink_to(path)
    write_whole(link, b"second")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"second", 0o600)
    assert link.is_symlink()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_failure_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.csv"
    path.write_bytes(b"of yesterday")

    def fail() -> None:
        with whole_file(path) as file:
            file.write(b"half")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert path.read_bytes() == b"of yesterday"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_no_plain_file_is_written_to(tmp_path: Path) -> None:
    write_whole("/dev/null", b"x")
    assert Path("/dev/null").is_char_device(), "a plain file stands in its place now"


def test_what_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    for name, why in (
        (tmp_path / "no" / "folder", "No such file or directory"),
        (tmp_path, "Is a directory"),
        ("/dev/full", "No space left on device"),
    ):
        with pytest.raises(Invalid, match=f"^{name} cannot be written: {why}.$"):
            write_whole(name, b"x")
