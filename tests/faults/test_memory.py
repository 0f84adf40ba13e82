"""A run that needs more memory than there is: its process dies of it each time, as of any crash."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.rig import Member, Rig
from tests.faults.waiting import until

KINDS = ["embedded", "postgres"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

LOSSES = 3


@pytest.mark.fault("F42", "a run takes all memory each time", short=("embedded",))
async def test_out_of_memory(world: Rig, record: Record) -> None:
    """Nobody kills it: what it writes out grows until the system gives no more, and the process is
    gone. The others, which are lost with it twice, are done in the end."""
    load, others = await Load.make(world, source="use hoard"), await Load.make(world, steps=8)
    await others.start(*range(5))
    for number in range(5):
        await world.oracle.asked(others.run(number), 1)
    starting = asyncio.create_task(load.start(1))  # the first death may come before the answer
    ends = [await _dies_and_is_replaced(world) for _ in range(LOSSES)]
    await starting
    found = await check(world, load, ends="failed")
    (row,) = [r for r in await world.tables.executions() if str(r["id"]) in load.uuids().values()]
    assert "worker_lost" in row["error"], row["error"]
    (step,) = (await world.tables.by_execution("steps", "id"))[str(row["id"])]
    assert (step["name"], step["status"]) == ("hoard", "failed")
    await check(world, others)
    assert all(member.alive for member in world.working)
    told = ", ".join(sorted({signal.Signals(-code).name for code in ends}))
    record(found, f"{LOSSES} losses ({told}), then failed: worker_lost; its neighbours completed")


async def _dies_and_is_replaced(world: Rig) -> int:
    """Its exit code; a signal that is no SIGTERM."""
    dead: list[Member] = []

    def one_is_dead() -> bool:
        dead[:] = [member for member in world.working if not member.alive]
        return bool(dead)

    await until("a process dies of its memory", one_is_dead, 60)
    world.killed_at.append(time.time())
    (victim,) = dead
    code = await asyncio.to_thread(victim.running.popen.wait, 10)
    assert -code in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGKILL), (
        code,
        victim.running.output()[-3000:],
    )
    await world.replace(victim)
    return code
