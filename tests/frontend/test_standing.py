from __future__ import annotations

import pytest

from frontend.components import standing
from tests.frontend.screen import Screen
from tests.frontend.world import World

LATER = "2099-01-01T00:00:00Z"


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


async def test_without_a_worker_every_page_says_why_nothing_begins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "EVERY_SECONDS", 0.01)
    world.workers = 0
    async with Screen(world, "/executions") as screen:
        await screen.shows("No worker is running.")
        world.workers = None  # nobody knows: the queue does not answer
        await screen.until(lambda page: "No worker" not in page.text())


async def test_when_every_worker_is_short_of_memory_every_page_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "EVERY_SECONDS", 0.01)
    world.workers, world.short = 2, 2
    async with Screen(world, "/executions") as screen:
        await screen.shows("Memory is short.")
        world.short = 1
        await screen.until(lambda page: "Memory is" not in page.text())


async def test_who_has_few_requests_left_is_told_before_one_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "EVERY_SECONDS", 0.01)
    world.points = {"whose": "user", "limit": 6000, "remaining": 1100, "resetAt": LATER}
    async with Screen(world, "/executions") as screen:
        await screen.shows("1,100 of 6,000 points for requests in a minute are left to you.")
        world.points = world.points | {"remaining": -1}
        await screen.shows("Try again in 9 s. Executions go on all the same.")
        world.points = world.points | {"remaining": 1300}
        await screen.until(lambda page: " requests" not in page.text())
