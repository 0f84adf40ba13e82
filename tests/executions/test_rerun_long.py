"""A long execution is read, taken over and written in portions, and nobody can tell from what comes
of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.core.errors import NotFound
from server.engine import decode, large_values, store, store_mysql
from server.engine.blobs import Blobs
from server.executions import earlier
from server.executions.foreseeing import foresee
from server.executions.rerun import RerunRequest, rerun
from server.executions.retention import delete_executions
from server.models.enums import ExecutionStatus
from server.models.large import Large
from server.models.tables import Step
from server.tools.base import ToolFailed
from tests.support.rooms import Home, open_home
from tests.support.tools import Counted

# Of each item a block, a calculation and a call: with the map itself, the chain and the last call
# there are 15 steps.
ITEMS = [f"item {number}" for number in range(3)] + ["large " * 500]
LONG = """chain {
  map result { chain { processor ("same") { "result" } use echo with { text: "{{result}}" } } }
  use last with { text: "end" }
}"""


@pytest.fixture(params=[3, 5], ids=lambda rows: f"{rows} at once")
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier, "STEPS_AT_ONCE", request.param)
    monkeypatch.setattr(decode, "READ_AT_ONCE", request.param)
    monkeypatch.setattr(store, "LONG_COMMIT", request.param)
    monkeypatch.setattr(store_mysql, "ROWS_AT_ONCE", request.param)
    monkeypatch.setattr(store_mysql, "LETTERS_AT_ONCE", 200 * request.param)
    monkeypatch.setattr(large_values, "INLINE_BYTES", 2_000)
    monkeypatch.setattr(large_values, "TIGHT_BYTES", 2_000)


@pytest.fixture
def echo() -> Counted:
    return Counted()


@pytest.fixture
async def home(tmp_path: Path, echo: Counted, database_url: str) -> AsyncIterator[Home]:
    last = Counted("last", failures=[ToolFailed("Not yet.")])
    tools = [echo.tool, last.tool]
    async with open_home(tmp_path, tools=tools, database_url=database_url) as home:
        yield home


@pytest.mark.usefixtures("at_once")
async def test_portions_of_any_size_bring_the_same(home: Home, echo: Counted) -> None:
    first = await home.run(LONG, ITEMS)
    assert first.status is ExecutionStatus.FAILED
    request = RerunRequest(first.id)
    foreseen = await foresee(home.owner, home.rooms.engine, request)
    calls = [f"chain/map[{number}]/chain/use:echo" for number in range(len(ITEMS))]
    assert (sorted(foreseen.reused), foreseen.redone) == (calls, ["chain/use:last"])
    echo.calls.clear()
    second = await home.ended(await rerun(home.owner, home.rooms.engine, request))
    assert (second.status, second.output, echo.calls) == (ExecutionStatus.COMPLETED, "end", [])
    events = await home.events(second)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    await delete_executions([first.id])
    rows = await Step.filter(execution_id=second.id, reused=True).order_by("position")
    assert [row.key for row in rows] == calls
    assert [await Blobs().whole(row.output) for row in rows] == ITEMS
    assert isinstance(rows[-1].output, Large)


@pytest.mark.services
async def test_a_repeat_may_take_over_more_than_fits_into_a_statement(
    tmp_path: Path, mysql_url: str
) -> None:
    """MariaDB takes 16 MiB at once, as it comes."""
    echo, last = Counted(), Counted("last", failures=[ToolFailed("Not yet.")])
    tools = [echo.tool, last.tool]
    async with open_home(tmp_path, tools=tools, database_url=mysql_url) as home:
        first = await home.run(LONG, [f"{number}" * 500_000 for number in range(9)] * 4)
        done = await rerun(home.owner, home.rooms.engine, RerunRequest(first.id))
        second = await home.ended(done)
    assert (second.status, second.output) == (ExecutionStatus.COMPLETED, "end")
    assert len(echo.calls) == 36


async def test_what_is_deleted_meanwhile_is_not_paid_once_more(home: Home) -> None:
    first = await home.run(LONG, ["one"])
    plan = await home.rooms.engine.runner.plans.get(first.version_id)
    assert plan is not None
    found = await earlier.read_earlier(first, plan)
    await delete_executions([first.id])
    with pytest.raises(NotFound):
        await earlier.read_whole(found.steps)
