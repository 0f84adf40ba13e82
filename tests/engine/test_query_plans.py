"""The statements that run all the time find their rows by an index, on every database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tortoise.queryset import QuerySet, ValuesListQuery

from server.core.ids import new_uuid
from server.engine import mysql_statements, postgres_statements, sqlite_statements
from server.executions.figures import counted, open_ones, since
from server.executions.service import ExecutionFilter, matching
from server.models.enums import ExecutionMode, ExecutionStatus, TriggerKind
from server.models.tables import Blob, Event, Execution
from tests.support.database import World, opened

ROWS = 1_500
OPEN = 20
# How each database says that it looks at every row, or sorts what it found.
READS_ALL = {"sqlite": ("SCAN ", "TEMP B-TREE"), "postgres": ("Seq Scan", "Sort"), "mysql": ()}


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with opened(database_url, tmp_path) as world:
        now = datetime.now(UTC)
        rows = [_row(world, number, now) for number in range(ROWS)]
        await Execution.bulk_create(rows, batch_size=500)
        one = rows[-1].id
        told = [Event(execution_id=one, seq=seq, type="x", at=now) for seq in range(1, ROWS)]
        await Event.bulk_create(told, batch_size=500)
        large = [Blob(id=new_uuid(), execution_id=row.id, sha256="", size=0) for row in rows]
        await Blob.bulk_create(large, batch_size=500)
        tables = ["executions", "events", "blobs"]
        if world.database.address.kind == "mysql":
            await _ask(f"ANALYZE TABLE {', '.join(tables)}")
        else:
            for table in tables:
                await _ask(f"ANALYZE {table}")
        yield world


def _row(world: World, number: int, now: datetime) -> Execution:
    is_open = number < OPEN
    return Execution(
        id=new_uuid(),
        workspace_id=world.workspace.id,
        bot_id=world.bot.id,
        version_id=world.version.id,
        status=ExecutionStatus.PENDING if is_open else ExecutionStatus.COMPLETED,
        mode=ExecutionMode.LIVE,
        trigger_kind=TriggerKind.API,
        due_at=now - timedelta(seconds=number) if is_open else None,
        created_at=now,
    )


async def _ask(statement: str) -> list[dict[str, Any]]:
    return await Execution._meta.db.execute_query_dict(statement)


async def assert_by_index(world: World, statement: str) -> None:
    kind = world.database.address.kind
    if kind == "mysql":
        rows = await _ask(f"EXPLAIN {statement}")
        kinds = {row["type"] for row in rows if row.get("table") not in (None, "c")}
        assert "ALL" not in kinds, rows
        assert not any("filesort" in (row.get("Extra") or "") for row in rows), rows
        return
    asked = "EXPLAIN QUERY PLAN" if kind == "sqlite" else "EXPLAIN"
    plan = json.dumps([str(list(row.values())) for row in await _ask(f"{asked} {statement}")])
    for words in READS_ALL[kind]:
        assert words not in plan, plan


def sql(rows: QuerySet[Any] | ValuesListQuery[Any]) -> str:
    return rows.sql(params_inline=True)


async def test_a_page_of_executions(world: World) -> None:
    mine = Execution.filter(workspace_id=world.workspace.id)
    middle = (await mine.order_by("id").offset(ROWS // 2).first()).id  # type: ignore[union-attr]
    page = mine.order_by("-id").limit(26)
    await assert_by_index(world, sql(page))
    await assert_by_index(world, sql(page.filter(id__lt=middle)))
    of_bot = matching(page, ExecutionFilter(bot_id=world.bot.id))
    await assert_by_index(world, sql(of_bot))
    failed = ExecutionFilter(statuses=[ExecutionStatus.FAILED])
    await assert_by_index(world, sql(matching(page, failed)))


async def test_what_is_due(world: World) -> None:
    """Found among all rows by when it is due."""
    kind = world.database.address.kind
    if kind == "sqlite":
        given = {":now": "'2999-01-01'", ":before": "'2000-01-01'", ":limit": "100"}
        given[":since"] = "'1999-01-01'"
        await assert_by_index(world, _filled(sqlite_statements.DUE, given))
    elif kind == "postgres":
        statement = postgres_statements.DUE.replace("$1::float8", "-10::float8")
        inner = statement.replace("$2", "100").replace("$3::float8", "-1e9::float8")
        plan = json.dumps([str(list(row.values())) for row in await _ask(f"EXPLAIN {inner}")])
        assert "Seq Scan on executions" not in plan, plan
    else:
        await assert_by_index(world, mysql_statements.DUE % ("-1000000000", "-10", "100"))


async def test_a_claim(world: World) -> None:
    kind = world.database.address.kind
    ids = [str(row.id) for row in await Execution.all().order_by("id").limit(3).only("id")]
    if kind == "sqlite":
        listed = f"'{json.dumps(ids)}'"
        given = {":until": "'2999'", ":owner": "'me'", ":now": "'2999'", ":ids": listed}
        given |= {":suspects": "1", ":placed": "0"}
        plan = str([tuple(row.values()) for row in await _ask(_explained(given))])
        assert "SCAN executions" not in plan, plan
    elif kind == "postgres":
        array = "ARRAY[" + ", ".join(f"'{one}'" for one in ids) + "]"
        statement = postgres_statements.CLAIM.replace("$1", array).replace("$2", "'me'")
        statement = statement.replace("$3", "15").replace("$4", "true")
        statement = statement.replace("$5", "false")
        rows = await _ask(f"EXPLAIN {statement}")
        plan = json.dumps([str(list(row.values())) for row in rows])
        assert "Seq Scan on executions" not in plan, plan
    else:
        marks = tuple(f"'{one}'" for one in ids)
        await assert_by_index(world, mysql_statements.choose(3) % (*marks, "1", "0"))


async def test_what_is_parked_is_found_without_looking_at_what_has_ended(world: World) -> None:
    """Each process looks for it every five seconds."""
    kind = world.database.address.kind
    statements = {
        "sqlite": sqlite_statements.PARKED_BOTS,
        "postgres": postgres_statements.PARKED_BOTS,
        "mysql": mysql_statements.PARKED_BOTS,
    }
    asked = "EXPLAIN QUERY PLAN" if kind == "sqlite" else "EXPLAIN"
    rows = await _ask(f"{asked} {statements[kind]}")
    plan = json.dumps([str(list(row.values())) for row in rows])
    assert "SCAN executions" not in plan, plan
    assert "Seq Scan on executions" not in plan, plan
    assert "'ALL'" not in plan, plan


async def test_events_and_what_the_retention_looks_for(world: World) -> None:
    one = (await Execution.all().order_by("-id").first()).id  # type: ignore[union-attr]
    await assert_by_index(
        world, sql(Event.filter(execution_id=one, seq__gt=5).order_by("seq").limit(500))
    )
    await assert_by_index(world, sql(Blob.filter(execution_id=one)))
    older = Execution.filter(bot_id=world.bot.id, id__lt=UUID(int=1 << 100))
    await assert_by_index(world, sql(older.order_by("id").limit(50)))


async def test_what_is_open_is_counted_without_what_has_ended(world: World) -> None:
    plan = await _plan_of_counting(world, open_ones([world.workspace.id]))
    for words in ("SCAN ", "Seq Scan", "ALL"):
        assert words not in plan, plan


async def test_the_latest_are_counted_without_the_earlier_ones(world: World) -> None:
    """Not all of the workspace by an index, but from the first of them on."""
    mine = Execution.filter(workspace_id=world.workspace.id)
    first = (await mine.order_by("-id").offset(20).first()).id  # type: ignore[union-attr]
    plan = await _plan_of_counting(world, since(mine, first))
    by = {"sqlite": "id>?", "postgres": "id >= ", "mysql": "'range'"}
    assert by[world.database.address.kind] in plan, plan


async def _plan_of_counting(world: World, rows: QuerySet[Execution]) -> str:
    asked = "EXPLAIN QUERY PLAN" if world.database.address.kind == "sqlite" else "EXPLAIN"
    plan = await _ask(f"{asked} {sql(counted(rows))}")
    return json.dumps([str(list(row.values())) for row in plan])


def _explained(given: dict[str, str]) -> str:
    return "EXPLAIN QUERY PLAN " + _filled(sqlite_statements.CLAIM, given)


def _filled(statement: str, given: dict[str, str]) -> str:
    for name, value in given.items():
        statement = statement.replace(name, value)
    return statement
