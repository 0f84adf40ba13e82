from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.api.execution_columns import columns_for
from server.bots import drafts, publishing
from server.bots.service import versions_and_bots
from server.core.errors import Denied, IdempotencyMismatch, Invalid, InvalidState, NotFound
from server.core.ids import new_uuid
from server.engine.conversation import CONVERSATION
from server.executions import figures, service
from server.executions.first_pages import first_pages
from server.executions.inputs import InputRefused
from server.executions.service import ExecutionFilter
from server.llm.errors import ModelError, ModelErrorKind
from server.models.enums import ExecutionMode, ExecutionStatus, Role
from server.models.tables import Execution, Workspace
from server.workspaces.access import ROLE_SCOPES
from server.workspaces.listing import PageAsk
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

PURE = 'processor ("same") { "result" }'
TYPED = """
a {
  "goal": "Greet"
  "model": "one"
  "input": { "name": "string", "age": "integer", "mood": "enum('good', 'bad')" }
}
"""


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


async def test_every_violation_of_the_input_is_told_and_nothing_is_stored(home: Home) -> None:
    bot = await home.bot(TYPED)
    with pytest.raises(InputRefused) as refused:
        await home.start(bot, {"age": "old", "mood": "so so"})
    assert {issue.path for issue in refused.value.issues} == {("name",), ("age",), ("mood",)}
    for field in ("name", "age", "mood"):
        assert field in refused.value.message
    assert refused.value.path[0] == "input"
    assert await Execution.all().count() == 0


async def test_without_an_input_the_programs_own_one_counts(home: Home) -> None:
    own = await home.bot(PURE + '\nrun ("from the text")', "Own")
    assert (await home.start(own)).output == "from the text"
    assert (await home.start(own, "from the caller")).output == "from the caller"
    assert (await home.start(own, None)).output is None


async def test_text_and_null_come_back_from_the_table_as_they_went_in(home: Home) -> None:
    bot = await home.bot(PURE)
    for value in ("true", "[1", "", 0, False, None, {"a": [1, 2.5, None]}, "é"):
        execution = await home.start(bot, value)
        stored = await service.get(home.owner, execution.id)
        assert (execution.output, stored.input, stored.output) == (value, value, value)


async def test_one_key_and_one_request_are_one_execution(home: Home) -> None:
    bot = await home.bot(PURE)
    first = await home.start(bot, {"n": 1}, idempotency_key="order-7")
    again = await home.start(bot, {"n": 1}, idempotency_key="order-7")
    assert again.id == first.id
    with pytest.raises(IdempotencyMismatch):
        await home.start(bot, {"n": 2}, idempotency_key="order-7")
    for wrong in ("a\x00b", "\ud800"):
        with pytest.raises(Invalid, match="readable text"):
            await home.start(bot, {"n": 1}, idempotency_key=wrong)
    assert await Execution.all().count() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"queue_seconds": 60.0},
        {"trigger": {CONVERSATION: [{"role": "user", "content": "Hi"}]}},
        {"mode": ExecutionMode.DEMO},
    ],
    ids=lambda given: next(iter(given)),
)
async def test_one_key_with_other_options_is_another_request(
    home: Home, other: dict[str, Any]
) -> None:
    bot = await home.bot(PURE)
    first = await home.start(bot, 1, idempotency_key="a")
    second = await home.start(bot, 1, idempotency_key="b", **other)
    for options, key in ((other, "a"), ({}, "b")):
        with pytest.raises(IdempotencyMismatch):
            await home.start(bot, 1, idempotency_key=key, **options)
    again = await home.start(bot, 1, idempotency_key="b", **other)
    assert (again.id, await Execution.all().count()) == (second.id, 2)
    assert first.id != second.id


async def test_twenty_requests_with_one_key_at_once_are_one_execution(
    home: Home, gateway: ScriptedGateway
) -> None:
    bot = await home.bot('a { "goal": "Go", "model": "one" }')
    starts = [home.start(bot, "x", idempotency_key="k") for _ in range(20)]
    rows = await asyncio.gather(*starts)
    assert len({row.id for row in rows}) == 1
    await home.ended(rows[0])
    assert gateway.calls == {"one": 1}


async def test_an_execution_keeps_the_version_it_began_with(home: Home) -> None:
    bot = await home.bot('processor ("v") { "1" }', "Counter")
    first = await home.start(bot)
    await drafts.save(home.owner, bot.id, 'processor ("v") { "2" }', 1)
    second = await home.start(bot)
    third = await home.start(bot, version_id=first.version_id)
    assert (first.output, second.output, third.output) == (1, 2, 1)
    assert first.version_id == third.version_id != second.version_id


async def test_a_broken_draft_is_not_started(home: Home) -> None:
    bot = await home.bot(PURE)
    await drafts.save(home.owner, bot.id, "chain {", 1)
    with pytest.raises(Invalid):
        await home.start(bot)


async def test_demo_mode_asks_no_provider(home: Home, gateway: ScriptedGateway) -> None:
    gateway.unreachable["one"] = ModelError(ModelErrorKind.PROVIDER_AUTH, "No key.")
    bot = await home.bot('a { "goal": "Go", "model": "one" }')
    row = await home.ended(await home.start(bot, "x", mode=ExecutionMode.DEMO))
    assert row.status is ExecutionStatus.COMPLETED
    assert list(gateway.calls) == ["demo:standard"]


async def test_an_archived_bot_is_not_started(home: Home) -> None:
    bot = await home.bot(PURE)
    await publishing.archive(home.owner, bot.id)
    with pytest.raises(InvalidState):
        await home.start(bot)


async def test_a_finished_one_cannot_be_cancelled_and_says_its_status(home: Home) -> None:
    execution = await home.start(await home.bot(PURE))
    with pytest.raises(InvalidState, match="completed already"):
        await service.control(home.owner, home.rooms.engine, execution.id, "cancel")
    assert (await service.get(home.owner, execution.id)).status is ExecutionStatus.COMPLETED


async def test_a_page_with_some_columns_has_what_the_whole_rows_have(home: Home) -> None:
    bot = await home.bot(PURE)
    for number in range(3):
        await home.start(bot, number)
    columns = columns_for(frozenset({"usage", "durationMs", "queuedMs", "error", "triggerKind"}))
    assert columns is not None
    whole = (await service.list_executions(home.owner)).rows
    some = (await service.list_executions(home.owner, columns=columns)).rows
    for name in (*columns, "total_tokens", "queued_ms"):
        assert [getattr(row, name) for row in some] == [getattr(row, name) for row in whole], name
    versions, bots = await versions_and_bots(home.owner, [row.version_id for row in some])
    assert {row.bot_id for row in versions.values()} == {bot.id} == set(bots)
    assert bots[bot.id].name == bot.name


async def test_the_list_is_newest_first_filtered_and_paged(home: Home) -> None:
    one, two = await home.bot(PURE, "One"), await home.bot(PURE, "Two")
    rows = [await home.start(bot, n) for n, bot in enumerate([one, two, one, two, one])]
    page = await service.list_executions(home.owner, PageAsk(first=2))
    assert [row.id for row in page.rows] == [rows[4].id, rows[3].id]
    rest = await service.list_executions(
        home.owner, PageAsk(first=10, after=page.cursor(page.rows[-1]))
    )
    assert [row.id for row in rest.rows] == [row.id for row in reversed(rows[:3])]
    of_two = await service.list_executions(home.owner, where=ExecutionFilter(bot_id=two.id))
    assert [row.input for row in of_two.rows] == [3, 1]
    failed = ExecutionFilter(statuses=[ExecutionStatus.FAILED])
    assert (await service.list_executions(home.owner, where=failed)).rows == []


async def test_figures_of_many_bots(home: Home, gateway: ScriptedGateway) -> None:
    gateway.answers["bad"] = [ModelError(ModelErrorKind.BAD_REQUEST, "No.")]
    good = await home.bot('a { "goal": "Go", "model": "one" }', "Good")
    bad = await home.bot('a { "goal": "Go", "model": "bad" }', "Bad")
    idle = await home.bot(PURE, "Idle")
    for bot in (good, good, bad):
        last = await home.ended(await home.start(bot, "x"))
    found = await figures.figures(home.owner, [good.id, bad.id, idle.id])
    assert (found[good.id].total, found[good.id].success_rate) == (2, 100.0)
    assert found[good.id].cost_nano == 4_000
    assert found[good.id].median_duration_ms is not None
    assert (found[bad.id].failed, found[bad.id].success_rate) == (1, 0.0)
    assert found[idle.id].success_rate is None
    assert await figures.counts(home.owner, [good.id, bad.id, idle.id]) == {
        good.id: 2,
        bad.id: 1,
        idle.id: 0,
    }
    latest = await first_pages(home.owner, [bad.id, idle.id], 1, ("id", "bot_id", "status"))
    assert [row.id for row in latest[bad.id].rows] == [last.id]
    assert latest[idle.id].rows == []


async def test_another_workspace_finds_and_changes_nothing(home: Home) -> None:
    bot = await home.bot(PURE)
    execution = await home.start(bot)
    elsewhere = await Workspace.create(name="Elsewhere")
    stranger = replace(home.owner, workspace_id=elsewhere.id)
    engine = home.rooms.engine
    for attempt in (
        service.get(stranger, execution.id),
        service.steps(stranger, execution.id),
        service.events(stranger, engine, execution.id),
        service.control(stranger, engine, execution.id, "cancel"),
        service.get(home.owner, new_uuid()),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert (await service.list_executions(stranger)).rows == []


async def test_who_may_only_read_starts_nothing(home: Home) -> None:
    bot = await home.bot(PURE)
    viewer = replace(home.owner, role=Role.VIEWER, scopes=ROLE_SCOPES[Role.VIEWER])
    with pytest.raises(Denied):
        await service.start(viewer, home.rooms.engine, service.StartRequest(bot.id))
