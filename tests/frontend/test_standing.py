from __future__ import annotations

import pytest

from frontend.components import standing
from tests.frontend.screen import Screen
from tests.frontend.world import World


async def test_while_nothing_can_be_changed_every_page_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "EVERY_SECONDS", 0.01)
    world.writable = False
    async with Screen(world, "/executions") as screen:
        await screen.shows("Read only.")
        await screen.shows("Make space there")
        world.writable = True
        await screen.until(lambda page: "Read only." not in page.text())
