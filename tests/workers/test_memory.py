"""A worker that holds too much memory takes nothing new until it holds less."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from server.core.resident import allowed, resident
from server.core.settings import load_settings
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from server.tools.base import Tool, ToolContext
from tests.engine.test_draining import from_the_queue
from tests.support.dying import INPUT
from tests.support.hoarding import HOARD
from tests.support.rooms import Home, open_home
from tests.support.waiting import until
from tests.workers.processes import child
from workers.memory import AGAIN_SECONDS, MIB, MemoryGuard, System, bound_of

BOUND = 100
USE = "use long with { text: 'i' }"


@dataclass
class Machine:
    """What the guard measures, and what it has done."""

    used: int = 0
    garbage: int = 0
    gave_back: int = 0
    now: float = 0.0
    replaced: list[bool] = field(default_factory=list)

    def system(self) -> System:
        return System(lambda: self.used, self._give_back, lambda: self.now)

    def _give_back(self) -> None:
        self.gave_back += 1
        self.used, self.garbage = self.used - self.garbage, 0

    def replace(self) -> None:
        self.replaced.append(True)


class Long:
    """A tool whose calls end when they are let go one by one."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.gate = asyncio.Semaphore(0)

    async def __call__(self, arguments: dict[str, object], context: ToolContext) -> str:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.gate.acquire()
        finally:
            self.now -= 1
        return "done"


@pytest.fixture
def long() -> Long:
    return Long()


@pytest.fixture
async def home(tmp_path: Path, long: Long) -> AsyncIterator[Home]:
    tool = Tool("long", "Takes long.", long, input=INPUT, idempotent=True)
    async with open_home(tmp_path, tools=[tool]) as home:
        yield home


async def started(home: Home, count: int) -> list[Execution]:
    bot = await home.bot(USE)
    return [await home.start(bot, {"text": str(number)}) for number in range(count)]


async def test_above_the_bound_nothing_new_is_taken_and_what_runs_goes_on(
    home: Home, long: Long
) -> None:
    machine, runs = Machine(used=50), home.rooms.engine.runner.runs
    guard = MemoryGuard(runs, BOUND, system=machine.system())
    await guard.look()
    rows = await started(home, 2)
    await until(lambda: long.now == 2)
    machine.used = 120
    await guard.look()
    rows += await started(home, 2)
    long.gate.release()
    assert (await home.ended(rows[0])).status is ExecutionStatus.COMPLETED
    assert await Execution.filter(status=ExecutionStatus.PENDING).count() == 2
    machine.used = 95  # a little below is not enough: it would go to and fro
    await guard.look()
    assert runs.free() == 0
    machine.used = 80
    await guard.look()
    await until(lambda: long.now == 3)
    for _ in rows:
        long.gate.release()
    ends = [(await home.ended(row)).status for row in rows]
    assert ends == [ExecutionStatus.COMPLETED] * 4


async def test_inside_the_server_one_at_a_time_goes_on_while_memory_stays_short(
    tmp_path: Path, long: Long
) -> None:
    """With a real bound that the process is above from the start: its own guard says so."""
    tool = Tool("long", "Takes long.", long, input=INPUT, idempotent=True)
    environ = {"BALEYBOTS_WORKER_MEMORY_MIB": "1"}
    async with open_home(tmp_path, tools=[tool], environ=environ) as home:
        await until(lambda: home.rooms.engine.runner.runs.at_most == 1)
        rows = await started(home, 3)
        for _ in rows:
            long.gate.release()
        ends = [(await home.ended(row)).status for row in rows]
        assert await home.rooms.bus.attendance.count_short() == 1
    assert ends == [ExecutionStatus.COMPLETED] * 3
    assert long.most == 1


@pytest.mark.parametrize("losses", [0, 2])
async def test_what_was_just_taken_from_the_queue_goes_back(tmp_path: Path, losses: int) -> None:
    """Also one that has to run alone: it is found again when there is memory."""
    async with open_home(tmp_path, worker=False) as home:
        runner = home.rooms.engine.runner
        runner.runs.narrow(0)
        row = await home.start(await home.bot('a { "goal": "Go" }'), "x")
        await Execution.filter(id=row.id).update(losses=losses)
        taken = await from_the_queue(home)
        if losses:
            await runner.isolate_left()
            await until(lambda: not runner.runs.closed)
        else:
            runner.take(taken)
            assert await from_the_queue(home) == taken
        assert (await Execution.get(id=row.id)).status is ExecutionStatus.PENDING


class Runs:
    """As much of `Running` as the guard asks for."""

    def __init__(self) -> None:
        self.idle = False
        self.at_most: int | None = None

    def __len__(self) -> int:
        return 0 if self.idle else 1

    def narrow(self, at_most: int | None) -> None:
        self.at_most = at_most


def guarded(machine: Machine) -> tuple[MemoryGuard, Runs]:
    runs: Any = Runs()
    return MemoryGuard(runs, BOUND, machine.replace, machine.system()), runs


async def test_a_worker_that_stays_too_large_is_replaced_once_nothing_runs_in_it() -> None:
    machine = Machine(used=50)
    guard, runs = guarded(machine)
    machine.used = 120
    await guard.look()
    await guard.look()
    assert (runs.at_most, machine.replaced) == (0, [])
    runs.idle = True
    await guard.look()
    await guard.look()
    assert machine.replaced == [True]
    assert runs.at_most == 0, "what it takes now would be handed back"


async def test_what_can_be_given_back_is_no_shortage_and_is_not_looked_for_all_the_time() -> None:
    machine = Machine(used=50)
    guard, runs = guarded(machine)
    machine.used, machine.garbage = 120, 40
    await guard.look()
    assert (guard.short, runs.at_most, machine.gave_back) == (False, None, 1)
    machine.used, machine.garbage = 130, 60
    await guard.look()
    assert guard.short
    assert machine.gave_back == 1
    machine.now, runs.idle = AGAIN_SECONDS, True
    await guard.look()
    assert (guard.short, runs.at_most, machine.replaced) == (False, None, [])


async def test_one_that_was_too_large_from_the_start_is_not_replaced_for_ever() -> None:
    machine = Machine(used=150)
    guard, runs = guarded(machine)
    runs.idle = True
    for _ in range(3):
        await guard.look()
    assert (runs.at_most, machine.replaced) == (1, [])


def test_a_bound_that_is_not_set_is_a_share_of_what_there_is() -> None:
    most = allowed()
    assert most is not None
    assert bound_of(load_settings({})) == round(most * 0.8)
    assert bound_of(load_settings({"BALEYBOTS_WORKER_MEMORY_MIB": "300"})) == 300 * MIB


def test_what_a_process_holds_is_seen() -> None:
    before = resident()
    held = bytearray(b"x") * (64 * MIB)
    after = resident()
    assert before is not None
    assert after is not None
    assert after - before > 50 * MIB
    del held


@pytest.mark.parametrize(
    ("said", "files", "bound"),
    [
        ("0::/app/one", {"app/memory.max": "300", "app/one/memory.max": "max"}, 300),
        ("0::/outside", {"memory.max": "500"}, 500),
        ("4:memory:/a\n0::/", {"memory/a/memory.limit_in_bytes": "700", "memory.max": "max"}, 700),
        ("4:cpu,memory:/", {"memory/memory.limit_in_bytes": "900"}, 900),
        ("4:cpu:/a", {"a/memory.max": "1"}, None),
    ],
)
def test_the_bound_of_a_container_is_found(
    tmp_path: Path, said: str, files: dict[str, str], bound: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (groups := tmp_path / "groups").write_text(said + "\n")
    assert allowed(groups, tmp_path) == (bound or allowed(tmp_path / "none", tmp_path))


@pytest.mark.slow
@pytest.mark.services
@pytest.mark.timeout(120)
async def test_a_worker_that_leaks_starts_anew_and_goes_on(
    tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    """With real memory, which is really gone afterwards; the process stays the same."""
    shared = {
        "BALEYBOTS_DATA_DIR": str(tmp_path),
        "BALEYBOTS_DATABASE_URL": postgres_url,
        "BALEYBOTS_REDIS_URL": redis_url,
        "BALEYBOTS_WORKER_MEMORY_MIB": "500",
    }
    home_of = {"database_url": postgres_url, "redis_url": redis_url, "tools": [HOARD]}
    async with (
        open_home(tmp_path, worker=False, **home_of) as home,
        child(tmp_path, "hoarder", **shared) as worker,
    ):
        bot = await home.bot("use hoard with { mib: input.mib }")
        await worker.says("worker_ready")
        for mib in (500, 1):
            row = await home.ended(await home.start(bot, {"mib": mib}))
            assert row.output == worker.process.pid
            await until(lambda: worker.log.read_text().count("worker_ready") == 2, 60)
        held = psutil.Process(worker.process.pid).memory_info().rss
        assert held < 500 * MIB, held
        assert await worker.kill(signal.SIGTERM) == 0
    assert worker.log.read_text().count("worker_replaced") == 1
