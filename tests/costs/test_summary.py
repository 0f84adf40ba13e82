"""Sums by day, version and trigger: the same on every database, by the workspace's own clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest_asyncio

from server.core.clock import SystemClock
from server.core.ids import new_uuid
from server.costs.breakdown import breakdown
from server.costs.summary import summary
from server.models.enums import ConnectionStatus, ExecutionMode, ExecutionStatus, Role, TriggerKind
from server.models.tables import BotVersion, Connection, Execution, Usage, Workspace
from server.workspaces.access import Viewer, scopes_of
from tests.support.database import World, opened

NOW = datetime(2026, 3, 30, 10, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with opened(database_url, tmp_path) as world:
        yield world


class Frozen(SystemClock):
    def now(self) -> datetime:
        return NOW


def owner(world: World) -> Viewer:
    scopes = scopes_of(Role.OWNER)
    return Viewer(new_uuid(), world.workspace.id, Role.OWNER, "A", "a@example.org", scopes=scopes)


async def used(world: World, at: datetime, cost: int | None, **more: Any) -> None:
    facts: dict[str, Any] = {
        "workspace_id": world.workspace.id,
        "bot_id": world.bot.id,
        "provider": "openai",
        "requested_model": "m",
        "model": "m",
        "input_tokens": 10,
        "output_tokens": 1,
        "cost_nano": cost,
        "unpriced": cost is None,
        "created_at": at,
    }
    await Usage.create(**{**facts, **more})


async def test_each_day_begins_at_the_workspaces_own_midnight(world: World) -> None:
    """On 29 March 2026 the clocks of Berlin go forward: the day has 23 hours."""
    await Workspace.filter(id=world.workspace.id).update(timezone="Europe/Berlin")
    begins = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    ends = datetime(2026, 3, 29, 22, 0, tzinfo=UTC)
    second = timedelta(seconds=1)
    for at, cost in (
        (begins - second, 1),
        (begins, 20),
        (ends - second, 300),
        (ends, 4_000),
        (NOW, 50_000),
        (begins - timedelta(days=40), 600_000),
    ):
        await used(world, at, cost)
    await used(world, NOW, None)
    found = await summary(owner(world), Frozen(), 30)
    days = {line.key: line for line in found.by_day}
    assert len(found.by_day) == 30
    assert [line.key for line in found.by_day] == sorted(days)
    assert days["2026-03-28"].cost_nano == 1
    assert days["2026-03-29"].cost_nano == 320
    assert days["2026-03-30"].cost_nano == 54_000
    assert (days["2026-03-30"].calls, days["2026-03-30"].unpriced) == (3, 1)
    assert sum(line.calls for line in found.by_day) == found.total.calls == 6
    assert found.total.cost_nano == 54_321


async def test_a_year_of_days_is_one_statement_and_right(world: World) -> None:
    for number in range(0, 366, 5):
        await used(world, NOW - timedelta(days=number), number + 1)
    found = await summary(owner(world), Frozen(), 366)
    costs = [line.cost_nano for line in reversed(found.by_day)]
    assert costs[::5] == [number + 1 for number in range(0, 366, 5)]
    assert sum(costs) == sum(costs[::5]) == found.total.cost_nano


WORKS = ConnectionStatus.CONNECTED
PAID = {"provider": "lookups", "input_tokens": 0, "output_tokens": 0}


async def test_costs_by_provider_by_operation_and_by_agent(world: World) -> None:
    search = {**PAID, "requested_model": "search"}
    await used(world, NOW, 100, step_key="chain/writer")
    await used(world, NOW, 20, step_key="chain/loop[2]/writer~2")
    await used(world, NOW, 3_000, step_key="chain/writer/turn[1]/search~2", **search)
    await used(world, NOW, 40_000, step_key="use:search", **search)
    await used(world, NOW, 7, step_key="judge", provider="anthropic")
    await used(world, NOW, None, step_key="judge", provider="anthropic")
    await used(world, NOW, 5, step_key=None)
    found = await summary(owner(world), Frozen())
    bot = world.bot
    assert [(line.key, line.calls, line.cost_nano) for line in found.by_provider] == [
        ("lookups", 2, 43_000),
        ("openai", 3, 125),
        ("anthropic", 2, 7),
    ]
    assert [(line.key, line.name, line.cost_nano) for line in found.by_operation] == [
        ("tool:search", "search", 43_000),
        ("model", "Model calls", 132),
    ]
    assert [(line.key, line.name, line.cost_nano) for line in found.by_entity] == [
        (f"{bot.id}:use:search", f"use search · {bot.name}", 40_000),
        (f"{bot.id}:writer", f"writer · {bot.name}", 3_120),
        (f"{bot.id}:judge", f"judge · {bot.name}", 7),
        (f"{bot.id}:", f"No step · {bot.name}", 5),
    ]
    assert found.by_entity[2].unpriced == 1
    for lines in (found.by_provider, found.by_operation, found.by_entity):
        assert sum(line.cost_nano for line in lines) == found.total.cost_nano


async def test_costs_by_connection_and_the_dearest_executions(world: World) -> None:
    main = await Connection.create(
        workspace_id=world.workspace.id, kind="openai", name="Main", status=WORKS
    )
    gone = await Connection.create(
        workspace_id=world.workspace.id, kind="openai", name="Old", status=WORKS, deleted_at=NOW
    )
    for number in range(30):
        run = UUID(int=number // 2 + 1)
        await used(world, NOW, number, execution_id=run, connection_id=main.id)
    await used(world, NOW, 500, connection_id=gone.id)
    await used(world, NOW, 60)
    await used(world, NOW, 0, provider="demo")
    await used(world, NOW, 9, step_key="use:search", **{**PAID, "requested_model": "search"})
    found = await summary(owner(world), Frozen())
    assert [(line.key, line.name, line.calls, line.cost_nano) for line in found.by_connection] == [
        (str(gone.id), "Old (deleted)", 1, 500),
        (str(main.id), "Main", 30, 435),
        ("environment:openai", "Key of the environment · openai", 1, 60),
        ("environment:demo", "Demo model", 1, 0),
    ]
    dearest = found.by_execution
    assert [line.cost_nano for line in dearest] == [number * 4 + 1 for number in range(14, -1, -1)]
    assert (dearest[0].key, dearest[0].calls) == (str(UUID(int=15)), 2)
    assert dearest[0].name == f"{world.bot.name} · deleted"


async def test_agents_beyond_the_dearest_are_one_line(world: World) -> None:
    for number in range(60):
        await used(world, NOW, 1_000 - number, step_key=f"agent_{number}")
    lines = (await summary(owner(world), Frozen())).by_entity
    assert (len(lines), lines[0].name) == (50, f"agent_0 · {world.bot.name}")
    assert (lines[-1].key, lines[-1].name, lines[-1].calls) == ("other", "Other", 11)
    assert sum(line.cost_nano for line in lines) == sum(1_000 - number for number in range(60))


async def test_a_bots_costs_by_version_and_by_what_started_it(world: World) -> None:
    old = await BotVersion.get(bot_id=world.bot.id)
    new = await BotVersion.create(
        bot_id=world.bot.id,
        number=old.number + 1,
        source="x",
        source_hash="1" * 64,
        plan={"version": 1},
        name="Better",
    )

    async def ran(version: BotVersion, kind: TriggerKind, cost: int, **more: bool) -> None:
        await Execution.create(
            workspace_id=world.workspace.id,
            bot_id=world.bot.id,
            version_id=version.id,
            status=ExecutionStatus.COMPLETED,
            mode=ExecutionMode.LIVE,
            trigger_kind=kind,
            input_tokens=5,
            cost_nano=cost,
            created_at=NOW,
            **more,
        )

    await ran(old, TriggerKind.MANUAL, 5)
    await ran(new, TriggerKind.SCHEDULE, 70)
    await ran(new, TriggerKind.SCHEDULE, 30, unpriced=True)
    await ran(new, TriggerKind.WEBHOOK, 1_000)
    found = await breakdown(owner(world), Frozen(), world.bot.id)
    assert [(part.name, part.cost_nano) for part in found.by_version] == [
        ("Better", 1_100),
        (f"Version {old.number}", 5),
    ]
    by_trigger = {part.key: (part.executions, part.cost_nano) for part in found.by_trigger}
    assert by_trigger == {"webhook": (1, 1_000), "schedule": (2, 100), "manual": (1, 5)}
    assert (found.total.executions, found.total.cost_nano, found.total.unpriced) == (4, 1_105, 1)
    assert found.total.input_tokens == 20
