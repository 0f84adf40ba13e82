from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from server.core.errors import StartError, Unavailable
from server.core.settings import load_settings
from server.models.enums import ExecutionStatus
from tests.support.rooms import open_home
from tests.support.scripted_gateway import ScriptedGateway
from workers.main import need_shared_parts, run_worker
from workers.ticks import Ticks

ONE = 'a { "goal": "Go", "model": "one" }'


async def test_an_execution_whose_wake_up_was_lost_is_found(tmp_path: Path) -> None:
    async with open_home(tmp_path, gateway=ScriptedGateway(), worker=False) as home:
        runner = home.rooms.engine.runner
        runner.runs.max_running = 0
        execution = await home.start(await home.bot(ONE), "x")
        await home.rooms.bus.queue.flush()
        await home.rooms.bus.redis.flushall()
    # A new process: nothing but the row knows of it.
    async with open_home(tmp_path, gateway=ScriptedGateway()) as home:
        row = await home.ended(execution)
    assert row.status is ExecutionStatus.COMPLETED


class ComingBack:
    """An engine whose database is away for the first ticks."""

    def __init__(self) -> None:
        self.ticks = 0
        self.back = asyncio.Event()

    async def wake_due(self) -> int:
        self.ticks += 1
        if self.ticks < 3:
            raise Unavailable
        if self.ticks == 3:
            raise RuntimeError("a bug")
        self.back.set()
        return 0


async def test_the_tick_goes_on_after_the_database_was_away_and_after_a_bug() -> None:
    engine: Any = ComingBack()
    ticks = Ticks(engine.wake_due, seconds=0.001)
    ticks.start()
    async with asyncio.timeout(15):
        await engine.back.wait()
    await ticks.stop()
    assert engine.ticks > 3


def test_a_worker_without_redis_is_refused_with_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(StartError) as refused:
        need_shared_parts(load_settings({}, data_dir=tmp_path))
    assert "needs Redis" in refused.value.message
    assert "BALEYBOTS_REDIS_URL" in (refused.value.hint or "")


async def test_the_refusal_comes_before_anything_is_touched(tmp_path: Path) -> None:
    with pytest.raises(StartError):
        await run_worker(load_settings({}, data_dir=tmp_path / "never"))
    assert not (tmp_path / "never").exists()


async def test_a_second_process_without_redis_is_refused_with_why_and_what_to_set(
    tmp_path: Path,
) -> None:
    async with open_home(tmp_path, gateway=ScriptedGateway(), worker=False):
        with pytest.raises(StartError, match="works on the data folder") as refused:
            async with open_home(tmp_path, gateway=ScriptedGateway(), worker=False):
                pass
    assert "BALEYBOTS_REDIS_URL" in (refused.value.hint or "")
