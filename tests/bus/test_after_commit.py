from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from server.bus.after_commit import after_commit


@asynccontextmanager
async def transaction(story: list[str]) -> AsyncIterator[None]:
    yield
    story.append("committed")


async def test_actions_run_after_the_commit_in_order() -> None:
    story: list[str] = []
    async with after_commit(transaction(story)) as after:
        after.add(lambda: story.append("wake"))
        after.add(lambda: story.append("publish"))
        story.append("written")
    assert story == ["written", "committed", "wake", "publish"]


async def test_nothing_runs_when_the_transaction_fails() -> None:
    story: list[str] = []

    async def change_and_fail() -> None:
        async with after_commit(transaction(story)) as after:
            after.add(lambda: story.append("wake"))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await change_and_fail()
    assert story == []
