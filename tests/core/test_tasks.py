"""A task that runs for ever is ended, even when a cancel gets lost on the way."""

from __future__ import annotations

import asyncio

from server.core.tasks import end


async def test_a_task_that_swallows_a_cancel_is_ended() -> None:
    lost = asyncio.Event()
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await started.wait()
    await end(task)
    assert lost.is_set()
    assert task.cancelled()


async def test_what_has_ended_is_left_alone() -> None:
    task = asyncio.create_task(asyncio.sleep(0, "done"))
    assert await task == "done"
    await end(task)
    assert task.result() == "done"
