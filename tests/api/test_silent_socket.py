"""A socket that says nothing. A file of its own: it opens a home beside those of others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from server.api import door
from tests.support.front import on_a_port, open_front, socket_to


@pytest.mark.slow
async def test_who_says_nothing_is_not_waited_for(  # S26
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(seconds=10) >= door.INIT_TIMEOUT
    monkeypatch.setattr(door, "INIT_TIMEOUT", timedelta(seconds=0.2))
    async with open_front(tmp_path) as front, on_a_port(front.app) as url:
        async with socket_to(url) as wire:
            assert await wire.closed() == 4408
