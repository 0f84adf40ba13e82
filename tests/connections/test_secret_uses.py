from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from tortoise.exceptions import DBConnectionError

from server.connections import secret_uses
from server.connections.secret_uses import ACTION, SecretUses
from server.core.ids import new_uuid
from server.models.tables import AuditEntry
from tests.support.model_server import ModelServer
from tests.support.own_models import connect, home_beside
from tests.support.rooms import Home
from tests.workspaces.people import HeldClock

WRITER = 'writer { "goal": "Say it", "model": "openai:gpt-4o-mini", "maxTokens": 100 }'


@pytest_asyncio.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer() as models:
        yield models


@pytest_asyncio.fixture
async def home(tmp_path: Path, models: ModelServer) -> AsyncIterator[Home]:
    async with home_beside(tmp_path, models) as home:
        yield home


async def test_a_key_that_executions_use_is_in_the_log_once_a_day(  # S76
    home: Home, models: ModelServer
) -> None:
    row = await connect(home, models)
    for _ in range(3):
        assert (await home.run(WRITER)).error is None
    (entry,) = await AuditEntry.filter(action=ACTION)
    assert (entry.subject_id, entry.subject, entry.via) == (row.id, row.name, "system")
    assert (entry.workspace_id, entry.actor) == (home.owner.workspace_id, "executions")


async def note(home: Home, uses: SecretUses, connection: UUID, clock: HeldClock) -> None:
    await uses.note(home.owner.workspace_id, connection, "Mine", clock)


async def test_a_day_is_one_entry_also_after_a_restart(home: Home) -> None:
    clock, connection, uses = HeldClock(), new_uuid(), SecretUses()
    await asyncio.gather(*(note(home, uses, connection, clock) for _ in range(5)))
    await note(home, SecretUses(), connection, clock)
    assert await AuditEntry.filter(action=ACTION).count() == 1
    clock.move(days=1)
    await note(home, uses, connection, clock)
    assert await AuditEntry.filter(action=ACTION).count() == 2


async def test_a_log_that_cannot_be_written_holds_no_call_up(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, connection, uses = HeldClock(), new_uuid(), SecretUses()

    async def away(*_: object) -> None:
        raise DBConnectionError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(secret_uses, "_write", away)
        await note(home, uses, connection, clock)
    await note(home, uses, connection, clock)
    assert await AuditEntry.filter(action=ACTION).count() == 1
