"""Taking several executions at once while the database breaks off in the middle of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.engine.making import Making
from server.engine.store import Claimed
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from tests.support.rooms import open_home

PURE = 'processor ("same") { "result" }'


async def test_one_that_cannot_be_read_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_home(tmp_path) as home:
        bot = await home.bot(PURE)
        rows = [await home.ended(await home.start(bot, number)) for number in range(3)]
        ids = [row.id for row in rows]
        await Execution.filter(id__in=ids).update(
            status=ExecutionStatus.PENDING, owner=None, due_at=home.rooms.clock.now()
        )
        plain = Making.resumed
        tried: list[Any] = []

        async def breaks_once(self: Making, claimed: Claimed) -> Any:
            tried.append(claimed.id)
            if len(tried) == 1:
                raise ConnectionError("connection was closed in the middle of operation")
            return await plain(self, claimed)

        monkeypatch.setattr(Making, "resumed", breaks_once)
        runner = home.rooms.engine.runner
        runs = await runner._claimed(ids)
        assert sorted(tried) == sorted(ids)
        assert {run.claimed.id for run in runs} == set(ids) - {tried[0]}
