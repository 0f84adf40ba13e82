"""What a step has started ends with the step, long before the execution does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from server.models.enums import FINAL_STATUSES, ExecutionStatus, StepStatus
from server.models.tables import Execution, Step
from server.tools.base import ToolFailed
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks
from tests.support.tools import Counted
from tests.support.waiting import until

SPAWN = 'use spawn_baleybot with { baleybot: "Middle", input: "x" }'
CAUGHT = """try {{ parallel {{ "p": {step} "f": use broken with {{ text: "f" }} }} }}
catch {{ use guarded with {{ text: "rest" }} }}
"""
ASKING = 'a { "goal": "Do", "model": "boss", "tools": ["spawn_baleybot"] }\n'
REASON = "The step that started it has ended."


@pytest.fixture
def broken() -> Counted:
    return Counted("broken", failures=[ToolFailed("No.", "refused")])


@pytest.fixture
def gateway() -> ScriptedGateway:
    gateway = ScriptedGateway(answers={"greet": ["Hello!"]})
    gateway.answers["boss"] = [asks(("spawn_baleybot", {"baleybot": "Middle", "input": "x"}))]
    gateway.hold("greet")
    return gateway


@dataclass
class Installation:
    """Over SQLite, PostgreSQL and MariaDB."""

    folder: Path
    url: str
    gateway: ScriptedGateway
    broken: Counted

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Home]:
        guarded = Counted("guarded", needs_approval=True)
        tools = [self.broken.tool, guarded.tool]
        async with open_home(
            self.folder, gateway=self.gateway, database_url=self.url, tools=tools
        ) as home:
            yield home

    async def broken_off(self, home: Home, source: str) -> Execution:
        """The step beside it has failed while what was started two levels deep was at work."""
        await home.bot('greeter { "goal": "Greet", "model": "greet" }', "Greeter")
        await home.bot('use spawn_baleybot with { baleybot: "Greeter", input: "x" }', "Middle")
        gate = self.broken.gate = asyncio.Event()
        started = await home.start(await home.bot(source), "x")
        await self.gateway.asked["greet"].wait()
        gate.set()
        return started


@pytest.fixture
def installation(
    tmp_path: Path, gateway: ScriptedGateway, broken: Counted, database_url: str
) -> Installation:
    return Installation(tmp_path, database_url, gateway, broken)


@pytest.mark.parametrize(
    ("step", "entities"), [(SPAWN, ""), ("a", ASKING)], ids=["step", "tool of an entity"]
)
async def test_a_step_that_is_broken_off_takes_what_it_started_with_it(
    installation: Installation, step: str, entities: str
) -> None:
    """Also what that has started in its turn. The execution itself goes on."""
    async with installation.opened() as home:
        started = await installation.broken_off(home, entities + CAUGHT.format(step=step))
        await until(lambda: _below(started, ExecutionStatus.CANCELLED))
        await home.until(started, ExecutionStatus.WAITING)
        child = await Execution.get(parent_id=started.id)
        assert child.cancel_reason == REASON
        left = Step.filter(execution_id=started.id, name="spawn_baleybot")
        assert [row.status for row in await left] == [StepStatus.CANCELLED]


async def test_it_is_taken_along_also_by_the_next_process(installation: Installation) -> None:
    """The last one was lost when the end of the step was stored and nothing more was done."""
    async with installation.opened() as home:
        reached = asyncio.Event()

        async def die(workspace_id: UUID, keys: Sequence[str]) -> None:
            reached.set()
            await asyncio.Event().wait()

        home.rooms.engine.kin.end_born = die
        started = await installation.broken_off(home, CAUGHT.format(step=SPAWN))
        await reached.wait()
        child = await Execution.get(parent_id=started.id)
        assert child.status not in FINAL_STATUSES
    async with installation.opened() as home:
        await until(lambda: _below(started, ExecutionStatus.CANCELLED))
        await home.until(started, ExecutionStatus.WAITING)


async def _below(parent: Execution, status: ExecutionStatus) -> bool:
    child = await Execution.get_or_none(parent_id=parent.id)
    if child is None or child.status is not status:
        return False
    return await Execution.filter(parent_id=child.id, status=status).exists()
