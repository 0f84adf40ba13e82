"""Whoever started an execution follows it without another question to the database, and nobody
else does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from server.core.errors import NotFound
from server.core.ids import new_uuid
from server.executions import lately, service
from server.executions.retention import delete_executions
from server.models.tables import Execution
from tests.support.front import PURE
from tests.support.rooms import Home, open_home


@pytest_asyncio.fixture(scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Home]:
    folder: Path = tmp_path_factory.mktemp("lately")
    async with open_home(folder) as opened:
        yield opened


async def test_what_was_started_a_moment_ago_is_known(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await home.ended(await home.start(await home.bot(PURE), 1))
    asked: list[str] = []

    async def ask(_: Any, statement: str) -> list[Any]:
        asked.append(statement)
        return []

    with monkeypatch.context() as patched:
        patched.setattr(type(Execution._meta.db), "execute_query_dict", ask)
        await service.look(home.owner, row.id)
    assert asked == []


async def test_it_is_known_to_nobody_else(home: Home) -> None:
    row = await home.start(await home.bot(PURE), 1)
    for other in (
        replace(home.owner, workspace_id=new_uuid()),
        replace(home.owner, bot_ids=frozenset({new_uuid()})),
    ):
        with pytest.raises(NotFound):
            await service.look(other, row.id)


async def test_what_is_deleted_is_not_known_any_more(home: Home) -> None:
    row = await home.ended(await home.start(await home.bot(PURE), 1))
    await delete_executions([row.id])
    with pytest.raises(NotFound):
        await service.look(home.owner, row.id)


async def test_it_is_known_for_some_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    execution, workspace, bot = new_uuid(), new_uuid(), new_uuid()
    lately.remember(execution, workspace, bot)
    assert lately.bot_of(execution, workspace) == bot
    monkeypatch.setattr(lately, "SECONDS", -1)
    lately.remember(execution, workspace, bot)
    assert lately.bot_of(execution, workspace) is None
