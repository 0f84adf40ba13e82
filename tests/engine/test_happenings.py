"""Waiting for an event from outside: it holds no worker, survives restarts, and has a limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.core.errors import IdempotencyMismatch, Invalid
from server.executions import happenings
from server.executions.happenings import Emitting
from server.models.enums import ExecutionStatus, WaitingReason
from server.models.tables import EmittedEvent, EventWait, Execution, Workspace
from tests.support.rooms import Home, open_home
from tests.support.waiting import until

WAITING, COMPLETED = ExecutionStatus.WAITING, ExecutionStatus.COMPLETED
PAID = 'use wait with { event: "paid" }'


@pytest.fixture
async def home(tmp_path: Path, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, database_url=database_url) as home:
        yield home


async def waiting(home: Home, source: str = PAID) -> Execution:
    row = await home.until(await home.start(await home.bot(source), "x"), WAITING)
    assert row.waiting_reason is WaitingReason.WAIT
    await until(lambda: home.rooms.engine.runner.running == 0)
    return row


async def emit(home: Home, name: str = "paid", **more: object) -> int:
    given = Emitting(name, **more)  # type: ignore[arg-type]
    return (await happenings.emit(home.owner, home.rooms.engine, given))[1]


async def test_an_event_ends_the_wait_and_brings_its_data(home: Home) -> None:
    rows = [await waiting(home), await waiting(home)]
    other = await waiting(home, 'use wait with { event: "sent" }')
    assert await emit(home, data={"amount": 12}) == 2
    for row in rows:
        ended = await home.ended(row)
        assert ended.status is COMPLETED
        assert ended.output["event"]["name"] == "paid"
        assert ended.output["event"]["data"] == {"amount": 12}
        assert ended.output["waited"] >= 0
    assert (await Execution.get(id=other.id)).status is WAITING


async def test_what_happened_before_does_not_count(home: Home) -> None:
    assert await emit(home) == 0
    row = await waiting(home)
    assert await emit(home) == 1
    assert (await home.ended(row)).status is COMPLETED


async def test_it_is_heard_after_a_restart(tmp_path: Path, database_url: str) -> None:
    async with open_home(tmp_path, database_url=database_url) as home:
        row = await waiting(home)
    async with open_home(tmp_path, database_url=database_url) as home:
        await emit(home, data=1)
        assert (await home.ended(row)).output["event"]["data"] == 1


async def test_a_process_that_dies_before_it_tells_is_made_good(home: Home) -> None:
    row = await waiting(home)
    event = await EmittedEvent.create(
        workspace_id=row.workspace_id, name="paid", created_at=row.created_at
    )
    await EventWait.filter(execution_id=row.id).update(event_id=event.id)
    await home.rooms.tidy()
    assert (await home.ended(row)).status is COMPLETED
    assert (await EventWait.get(execution_id=row.id)).told


async def test_the_same_happening_is_told_once(home: Home) -> None:
    first = await waiting(home)
    assert await emit(home, data=1, dedupe_key="k") == 1
    assert (await home.ended(first)).status is COMPLETED
    second = await waiting(home)
    assert await emit(home, data=1, dedupe_key="k") == 0
    assert (await Execution.get(id=second.id)).status is WAITING
    with pytest.raises(IdempotencyMismatch):
        await emit(home, data=2, dedupe_key="k")
    assert await EmittedEvent.all().count() == 1


async def test_it_does_not_wait_for_ever(home: Home) -> None:
    source = 'use wait with { event: "paid", seconds: 1.2 }'
    row = await home.start(await home.bot(source), "x")
    ended = await home.ended(row)
    assert (ended.status, ended.error["kind"]) == (ExecutionStatus.FAILED, "timeout")


async def test_beside_other_work_it_is_heard_at_once(home: Home) -> None:
    source = f"""parallel {{ "event": {PAID} "time": use wait with {{ seconds: 0.9 }} }}"""
    row = await home.start(await home.bot(source), "x")
    await until(lambda: EventWait.filter(execution_id=row.id).exists())
    await emit(home, data="now")
    ended = await home.ended(row)
    assert ended.output["event"]["event"]["data"] == "now"


async def test_a_token_for_some_bots_wakes_only_these(home: Home) -> None:
    seen, hidden = await waiting(home), await waiting(home)
    narrowed = replace(home.owner, bot_ids=frozenset({seen.bot_id}))
    _, woken = await happenings.emit(narrowed, home.rooms.engine, Emitting("paid"))
    assert woken == 1
    assert (await home.ended(seen)).status is COMPLETED
    assert (await Execution.get(id=hidden.id)).status is WAITING


async def test_an_event_of_another_workspace_wakes_nobody_here(home: Home) -> None:  # S14
    row, elsewhere = await waiting(home), await Workspace.create(name="Elsewhere")
    stranger = replace(home.owner, workspace_id=elsewhere.id)
    _, woken = await happenings.emit(stranger, home.rooms.engine, Emitting("paid"))
    assert woken == 0
    assert (await Execution.get(id=row.id)).status is WAITING


@pytest.mark.parametrize("name", ["", "x" * 201])
async def test_a_name_has_a_length(tmp_path: Path, name: str) -> None:
    async with open_home(tmp_path) as home:
        with pytest.raises(Invalid, match="1 to 200"):
            await emit(home, name)
        ended = await home.run(f'use wait with {{ event: "{name}" }}', "x")
    assert ended.error["kind"] == "invalid_arguments"
