"""Executions that others have started, as a person sees them, and what becomes of those whose
parent has ended without them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.executions import kinship
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from server.workspaces.listing import PageAsk
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.waiting import until

RUNNING, CANCELLED = ExecutionStatus.RUNNING, ExecutionStatus.CANCELLED


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway(answers={"greet": ["Hello!"]})


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        await home.bot('greeter { "goal": "Greet", "model": "greet" }', "Greeter")
        yield home


CALL = 'use spawn_baleybot with { baleybot: "Greeter", input: "{{item}}" }'


@pytest.mark.parametrize("waits", [False, True])
async def test_the_child_of_a_parent_that_is_gone_is_ended(
    home: Home, gateway: ScriptedGateway, waits: bool
) -> None:
    """As after a process that died between the end of the parent and that of its children."""
    gateway.hold("greet")
    parent = await home.start(await home.bot(f"map (input) {{ {CALL} }}"), ["Ann"])
    await gateway.asked["greet"].wait()
    child = await Execution.get(parent_id=parent.id)
    await home.until(parent, ExecutionStatus.WAITING)
    if waits:
        await home.control(child, "pause")
    await Execution.filter(id=parent.id).update(status=CANCELLED, due_at=None)
    await home.rooms.engine.kin.end_orphans()
    assert (await home.ended(child)).status is CANCELLED
    await home.rooms.engine.kin.end_orphans()


async def test_children_of_those_that_go_on_are_left_alone(
    home: Home, gateway: ScriptedGateway
) -> None:
    gateway.hold("greet")
    parent = await home.start(await home.bot(f"map (input) {{ {CALL} }}"), ["Ann"])
    await gateway.asked["greet"].wait()
    await home.rooms.engine.kin.end_orphans()
    gateway.held["greet"].set()
    assert (await home.ended(parent)).status is ExecutionStatus.COMPLETED


async def test_children_are_listed_and_found_by_their_step(home: Home) -> None:
    parent = await home.start(await home.bot(f"map (input) {{ {CALL} }}"), ["Ann", "Bob", "Cyd"])
    await home.ended(parent)
    first = await kinship.children(home.owner, parent.id, PageAsk(first=2))
    assert len(first.rows) == 2
    assert first.has_next
    rest = await kinship.children(
        home.owner, parent.id, PageAsk(first=2, after=first.cursor(first.rows[-1]))
    )
    inputs = {row.input for row in (*first.rows, *rest.rows)}
    assert inputs == {"Ann", "Bob", "Cyd"}
    by_step = await kinship.children_by_step(home.owner, parent.id)
    assert {key: row.input for key, row in by_step.items()} == {
        f"map[{place}]/use:spawn_baleybot": name for place, name in enumerate(["Ann", "Bob", "Cyd"])
    }
    await until(lambda: _all_ended(parent))


async def _all_ended(parent: Execution) -> bool:
    rows = await Execution.filter(parent_id=parent.id)
    return all(row.status.final for row in rows)
