from __future__ import annotations

import asyncio

import pytest

from server.core.patience import within


async def test_what_is_quick_gives_its_answer_or_its_error() -> None:
    async def fail() -> None:
        raise ValueError("no")

    assert await within(1, asyncio.sleep(0, "yes")) == "yes"
    with pytest.raises(ValueError, match="no"):
        await within(1, fail())


async def test_nobody_waits_for_the_cleaning_up_of_what_is_late() -> None:
    may_end = asyncio.Event()
    stopped = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
            await may_end.wait()

    with pytest.raises(TimeoutError):
        await within(0.01, stubborn())
    await stopped.wait()
    may_end.set()


async def test_who_stops_waiting_stops_the_work() -> None:
    stopped = asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    waiting = asyncio.create_task(within(60, long()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait_for(stopped.wait(), 1)
