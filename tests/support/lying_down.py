"""Something happens just when a run is about to rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from server.engine.control import Target
from server.engine.store import Commit, Committed
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from tests.support.rooms import Home

RESTS = (ExecutionStatus.WAITING, ExecutionStatus.PAUSED)


def on_lying_down(
    home: Home, monkeypatch: pytest.MonkeyPatch, act: Callable[[Target], Awaitable[bool]]
) -> None:
    """`act` happens once, when a run has decided to rest and the table does not say so yet."""
    store = home.rooms.engine.store
    write, acted = store.commit, list[bool]()

    async def commit(given: Commit) -> Committed:
        rests = given.fence and given.change and given.change.status in RESTS
        if rests and not acted:
            acted.append(True)
            row = await Execution.get(id=given.execution_id)
            assert await act(Target(row.workspace_id, row.id))
        return await write(given)

    monkeypatch.setattr(store, "commit", commit)
