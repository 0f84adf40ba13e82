from __future__ import annotations

import threading
from pathlib import Path

import pytest

from server.core.crypto import SecretBox, SecretKey, SecretUnreadable
from server.core.errors import KeyFileError
from server.core.keyring import KEY_FILE, load_secret_key
from server.core.settings import load_settings

KEY = SecretKey.from_text("k" * 32)
OLD = SecretKey.from_text("o" * 32)


def test_a_secret_opens_only_where_it_was_sealed() -> None:  # S69
    box = SecretBox(KEY)
    sealed = box.seal(b"hunter2", bound="workspace/connection")
    assert b"hunter2" not in sealed
    assert box.open(sealed, bound="workspace/connection") == b"hunter2"
    assert sealed != box.seal(b"hunter2", bound="workspace/connection")
    with pytest.raises(SecretUnreadable):
        box.open(sealed, bound="workspace/other")


@pytest.mark.parametrize("at", [0, 1, 6, 20, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    sealed = bytearray(SecretBox(KEY).seal(b"hunter2", bound="x"))
    sealed[at] ^= 1
    with pytest.raises(SecretUnreadable):
        SecretBox(KEY).open(bytes(sealed), bound="x")


@pytest.mark.parametrize("junk", [b"", b"\x01", b"x" * 12, b"\x00" * 100])
def test_junk_is_unreadable(junk: bytes) -> None:
    with pytest.raises(SecretUnreadable):
        SecretBox(KEY).open(junk, bound="x")


def test_a_key_can_be_changed() -> None:
    sealed = SecretBox(OLD).seal(b"x", bound="b")
    both = SecretBox(KEY, OLD)
    assert both.open(sealed, bound="b") == b"x"
    assert not both.is_current(sealed)
    assert both.is_current(both.seal(b"x", bound="b"))
    with pytest.raises(SecretUnreadable):
        SecretBox(KEY).open(sealed, bound="b")


def test_the_key_is_made_once_for_us_alone(tmp_path: Path) -> None:  # S09
    settings = load_settings({}, data_dir=tmp_path / "data")
    first = load_secret_key(settings)
    assert (tmp_path / "data" / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert load_secret_key(settings).check == first.check
    assert [path.name for path in (tmp_path / "data").iterdir()] == [KEY_FILE]
    assert "master" not in repr(first)


@pytest.mark.parametrize("name", ["BALEYBOTS_SECRET_KEY", "BALEYBOTS_SECRET_KEY_FILE"])
def test_an_empty_setting_is_no_key(tmp_path: Path, name: str) -> None:  # S09
    empty = load_settings({name: ""}, data_dir=tmp_path)
    made = load_secret_key(empty)
    text = (tmp_path / KEY_FILE).read_text().strip()
    assert len(text) >= 43
    assert made.check == SecretKey.from_text(text).check


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path)
    start, made = threading.Barrier(8), []

    def begin() -> None:
        start.wait()
        made.append(load_secret_key(settings).check)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_a_key_that_others_can_read_stops_the_start(tmp_path: Path) -> None:  # S70
    settings = load_settings({}, data_dir=tmp_path)
    load_secret_key(settings)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(KeyFileError, match="can be read by other users") as caught:
        load_secret_key(settings)
    assert "chmod 600" in (caught.value.hint or "")


def test_a_mounted_key_with_a_loose_mode_is_a_warning(tmp_path: Path) -> None:  # S70
    path, warnings = tmp_path / "key", list[str]()
    path.write_text("m" * 40 + "\n")
    path.chmod(0o644)
    given = load_settings({"BALEYBOTS_SECRET_KEY_FILE": str(path)})
    same = load_settings({"BALEYBOTS_SECRET_KEY": "m" * 40})
    assert load_secret_key(given, warnings.append).check == load_secret_key(same).check
    assert len(warnings) == 1


@pytest.mark.parametrize("content", [None, b"", b"short", b"\xff" * 40])
def test_a_key_file_that_cannot_be_used_is_named(  # S09, S70
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    settings = load_settings({"BALEYBOTS_SECRET_KEY_FILE": str(path)})
    with pytest.raises(KeyFileError, match=str(path)):
        load_secret_key(settings)
