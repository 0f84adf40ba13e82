"""What a store has answered is there after kill -9, whole, and its numbers have no gap."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from uuid import UUID

import pytest

from server.models.tables import Event, Execution, Step
from tests.support.database import World, opened

WRITER = """if True:
    import asyncio, sys
    from datetime import UTC, datetime
    from uuid import UUID
    from server.core.ids import new_uuid
    from server.core.settings import load_settings
    from server.engine.store import *
    from server.engine.stores import make_store
    from server.models.address import read_address
    from server.models.enums import ExecutionStatus, StepStatus

    async def main(url, workspace, bot, version):
        store = make_store(read_address(load_settings({}, database_url=url)))
        await store.open()
        async def run():
            while True:
                now = datetime.now(UTC)
                new = NewExecution(new_uuid(), workspace, bot, version, now)
                events = [EventRow("execution.queued", now)] * 3
                steps = [StepRow("a", "entity", "a", StepStatus.COMPLETED)]
                await store.commit(Commit(new.id, new=new, events=events, steps=steps))
                print(new.id, flush=True)
        await asyncio.gather(*[run() for _ in range(20)])

    asyncio.run(main(sys.argv[1], *map(UUID, sys.argv[2:])))
"""


@pytest.fixture
async def world(database_url: str, tmp_path: Path):  # type: ignore[no-untyped-def]
    async with opened(database_url, tmp_path) as world:
        yield world


@pytest.mark.slow
async def test_no_answered_commit_is_lost_to_a_kill(world: World) -> None:
    given = [world.workspace.id, world.bot.id, world.version.id]
    writer = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", WRITER, world.settings.database_url, *map(str, given)],
        stdout=asyncio.subprocess.PIPE,
    )
    assert writer.stdout is not None
    answered = [UUID((await writer.stdout.readline()).decode().strip()) for _ in range(200)]
    writer.kill()
    rest = (await writer.stdout.read()).decode().split("\n")
    await writer.wait()
    answered += [UUID(line) for line in rest if len(line) == 36]
    kept = {row.id: row.last_seq for row in await Execution.all()}
    assert set(answered) <= kept.keys()
    assert set(kept.values()) == {3}
    assert await Event.all().count() == 3 * len(kept)
    assert await Step.all().count() == len(kept)
    await world.queued()
