from __future__ import annotations

from pathlib import Path

import pytest

from server.models import writes
from server.models.writes import Writes
from tests.support.rooms import open_home


class Disk:
    def __init__(self) -> None:
        self.full = False
        self.tries = 0

    async def write(self) -> None:
        self.tries += 1
        if self.full:
            raise ConnectionError("no space")


async def test_nothing_is_written_while_all_is_well() -> None:
    disk = Disk()
    assert await Writes(disk.write).taken()
    assert disk.tries == 0


async def test_after_a_refusal_it_tries_until_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "AGAIN_SECONDS", 0.0)
    disk = Disk()
    found = Writes(disk.write)
    disk.full = True
    found.refused()
    assert not await found.taken()
    assert not await found.taken()
    disk.full = False
    assert await found.taken()
    assert await found.taken()
    assert disk.tries == 3


async def test_however_many_ask_it_tries_once_a_second() -> None:
    disk = Disk()
    disk.full = True
    found = Writes(disk.write)
    found.refused()
    assert [await found.taken() for _ in range(50)] == [False] * 50
    assert disk.tries == 1


async def test_the_small_write_is_taken_by_a_real_database(tmp_path: Path) -> None:
    async with open_home(tmp_path) as home:
        home.rooms.database.writes.refused()
        assert await home.rooms.ready() == {"database": True, "queue": True}
        await writes.write_something()
