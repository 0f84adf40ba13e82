"""A worker that is told to stop: what it had just taken from the queue goes to another one at once,
and does not wait until somebody misses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.bus.turns import Ready
from server.models.enums import ExecutionStatus, StepStatus
from server.models.tables import Execution, Step
from server.tools.base import Tool, ToolContext
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

BOT = 'a { "goal": "Go", "model": "one" }'


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with open_home(tmp_path, gateway=ScriptedGateway(), worker=False) as home:
        home.rooms.engine.runner.runs.max_running = 0  # what is started waits in the queue
        yield home


async def test_what_was_taken_and_not_yet_claimed_is_queued_again(home: Home) -> None:
    await home.start(await home.bot(BOT), "x")
    taken = await from_the_queue(home)
    home.rooms.engine.runner.take(taken)
    await home.rooms.engine.runner.drain(0)
    assert await from_the_queue(home) == taken


@pytest.mark.parametrize("losses", [0, 2])
async def test_what_was_being_claimed_is_handed_back(home: Home, losses: int) -> None:
    """Also one that has to run alone: given up half-way, it would count as lost once more."""
    execution = await home.start(await home.bot(BOT), "x")
    await Execution.filter(id=execution.id).update(losses=losses)
    taken = await from_the_queue(home)
    store: Any = home.rooms.engine.store
    claim, asked, may_go = store.claim, asyncio.Event(), asyncio.Event()

    async def slow_claim(*given: Any, suspects: bool = False) -> Any:
        if suspects is (losses > 0):
            asked.set()
            await may_go.wait()
        return await claim(*given, suspects=suspects)

    store.claim = slow_claim
    home.rooms.engine.runner.take(taken)
    await asked.wait()
    stopping = asyncio.create_task(home.rooms.engine.stop())
    await asyncio.sleep(0)
    may_go.set()
    await stopping
    row = await Execution.get(id=execution.id)
    assert (row.status, row.owner) == (ExecutionStatus.PENDING, None)
    assert await from_the_queue(home) == taken


async def test_one_that_is_still_tidying_up_after_its_cancel_ends_with_the_next_worker(
    tmp_path: Path,
) -> None:
    began, tidies = asyncio.Event(), asyncio.Event()

    async def slow(arguments: dict[str, object], context: ToolContext) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            tidies.set()
            await asyncio.Event().wait()

    tool = Tool("slow", "Takes long.", slow, idempotent=True)
    async with open_home(tmp_path, tools=[tool]) as home:
        execution = await home.start(await home.bot("use slow"), "x")
        await began.wait()
        await home.control(execution, "cancel")
        await tidies.wait()
    async with open_home(tmp_path, tools=[tool]) as home:
        ended = await home.ended(execution)
        steps = await Step.filter(execution_id=execution.id)
    assert ended.status is ExecutionStatus.CANCELLED
    assert [step.status for step in steps] == [StepStatus.CANCELLED]


async def from_the_queue(home: Home) -> list[Ready]:
    """What another worker would get within the second."""
    queue = home.rooms.bus.queue
    await queue.flush()
    turn = await queue.turns.next(1)
    assert turn is not None, "nothing is in the queue"
    return await queue.turns.take(turn, 10)
