from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from server.core.clock import Clock, SystemClock
from server.core.errors import Invalid
from server.core.ids import new_uuid, uuid_at
from server.core.settings import load_settings
from server.engine import latest
from server.executions import retention
from server.executions.retention import DAYS_LIMIT, Retention, checked_rule, delete_executions
from server.models.address import SQLITE_BUSY_MS
from server.models.enums import ExecutionStatus
from server.models.migrate import migrate
from server.models.tables import Blob, BlobPart, Bot, Event, Execution, Step
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

SAME = 'processor ("same") { "result" }'
FAILS = 'route { a { processor("x") { "result" } } } '


class Later(SystemClock):
    """A clock that is some days ahead."""

    def __init__(self, days: int) -> None:
        self._ahead = timedelta(days=days)

    def now(self):  # type: ignore[no-untyped-def]
        return super().now() + self._ahead


@pytest.fixture
async def home(tmp_path: Path, database_url: str) -> AsyncIterator[Home]:
    gateway = ScriptedGateway()
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


async def some(home: Home, bot: Bot, count: int) -> list[Execution]:
    return [await home.ended(await home.start(bot, number)) for number in range(count)]


async def left(bot: Bot) -> int:
    return await Execution.filter(bot_id=bot.id).count()


async def test_only_what_is_too_old_is_deleted_with_all_that_belongs_to_it(home: Home) -> None:
    bot = await home.bot(SAME)
    large = await home.ended(await home.start(bot, "x" * 2_000_000))
    await some(home, bot, 3)
    clock: Clock = Later(9)
    assert await Retention(clock, default_days=10).prune() == 0
    assert await Retention(Later(11), default_days=10).prune() == 4
    for table in (Execution, Event, Step, Blob, BlobPart):
        assert not await table.exists(), table
    assert large.output is not None


async def test_the_longest_rule_reaches_back_before_the_first_id_and_stops_nobody(
    home: Home,
) -> None:
    long, short = await home.bot(SAME, "long"), await home.bot(SAME, "short")
    long.retention = checked_rule(DAYS_LIMIT, None, None).to_json()
    await long.save()
    await some(home, long, 1)
    await some(home, short, 2)
    assert await Retention(Later(11), default_days=10).prune() == 2
    assert await left(long) == 1


async def test_a_bot_keeps_its_latest_ones_and_its_rule_goes_before_the_default(home: Home) -> None:
    few, all_of_it = await home.bot(SAME, "few"), await home.bot(SAME, "all of it")
    runs = await some(home, few, 5)
    await some(home, all_of_it, 3)
    few.retention = checked_rule(None, 2, None).to_json()
    all_of_it.retention = checked_rule(None, None, None).to_json()
    await few.save()
    await all_of_it.save()
    assert await Retention(Later(30), default_days=10).prune() == 3
    kept = await Execution.filter(bot_id=few.id).order_by("id").values_list("id", flat=True)
    assert kept == [run.id for run in runs[-2:]]
    assert await left(all_of_it) == 3


@pytest.mark.parametrize("at_once", [1, 4])
async def test_the_latest_are_counted_in_pieces_of_any_size(
    home: Home, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(retention, "COUNTED_AT_ONCE", at_once)
    bot = await home.bot(SAME)
    runs = await some(home, bot, 6)
    for keep, deleted in ((6, 0), (4, 2), (0, 4)):
        bot.retention = checked_rule(None, keep, None).to_json()
        await bot.save()
        assert await Retention(SystemClock()).prune() == deleted
        kept = await Execution.filter(bot_id=bot.id).order_by("id").values_list("id", flat=True)
        assert kept == [run.id for run in runs[len(runs) - keep :]]


async def test_statuses_that_are_not_named_and_open_executions_stay(home: Home) -> None:
    bot = await home.bot(SAME)
    runs = await some(home, bot, 4)
    await Execution.filter(id=runs[0].id).update(status=ExecutionStatus.FAILED)
    await Execution.filter(id=runs[1].id).update(status=ExecutionStatus.WAITING)
    bot.retention = checked_rule(1, None, [ExecutionStatus.COMPLETED]).to_json()
    await bot.save()
    assert await Retention(Later(3)).prune() == 2
    assert await left(bot) == 2


class Held(Later):
    """Whose seconds go on when the test says so."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


async def test_what_a_rule_keeps_is_not_looked_at_again_in_each_round(home: Home) -> None:
    bot = await home.bot(SAME)
    runs = await some(home, bot, 4)
    failed = Execution.filter(id__in=[runs[1].id, runs[3].id])
    await failed.update(status=ExecutionStatus.FAILED)
    bot.retention = checked_rule(1, None, [ExecutionStatus.FAILED]).to_json()
    await bot.save()
    clock = Held(3)
    retention = Retention(clock)
    assert await retention.prune() == 2
    await Execution.filter(id=runs[0].id).update(status=ExecutionStatus.FAILED)
    clock.seconds = 3_599
    assert await retention.prune() == 0
    clock.seconds = 3_601
    assert await retention.prune() == 1
    assert await left(bot) == 1
    bot.retention = checked_rule(1, None, [ExecutionStatus.COMPLETED]).to_json()
    await bot.save()
    assert await retention.prune() == 1


async def test_a_rule_of_few_statuses_counts_only_when_one_of_them_has_ended(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    by_count = retention._by_count

    async def counted(rows: Any, most: int) -> Any:
        counts.append(most)
        return await by_count(rows, most)

    async def failed(run: Execution) -> None:
        await Execution.filter(id=run.id).update(status=ExecutionStatus.FAILED)

    monkeypatch.setattr(retention, "_by_count", counted)
    monkeypatch.setattr(retention, "CLOCKS_DIFFER", timedelta(0))
    bot = await home.bot(SAME)
    bot.retention = checked_rule(None, 1, [ExecutionStatus.FAILED]).to_json()
    await bot.save()
    old, at_work, *_ = await some(home, bot, 4)
    await failed(old)
    await Execution.filter(id=at_work.id).update(status=ExecutionStatus.PAUSED)
    pruning = Retention(Held(0))
    assert await pruning.prune() == 0
    await some(home, bot, 3)
    assert await pruning.prune() == 0
    assert counts == [1]
    await failed(at_work)
    assert await pruning.prune() == 1
    assert (counts, await left(bot)) == ([1, 1], 6)
    assert await pruning.prune() == 0
    assert counts == [1, 1]


async def test_a_round_goes_on_after_what_the_one_before_saw(home: Home) -> None:
    """By number: each new one makes one more too many."""
    bot = await home.bot(SAME)
    await some(home, bot, 3)
    bot.retention = checked_rule(None, 2, None).to_json()
    await bot.save()
    retention = Retention(Held(0))
    assert await retention.prune() == 1
    runs = await some(home, bot, 2)
    assert await retention.prune() == 2
    kept = await Execution.filter(bot_id=bot.id).order_by("id").values_list("id", flat=True)
    assert kept == [run.id for run in runs]


async def test_of_several_workers_one_deletes(home: Home) -> None:
    bot = await home.bot(SAME)
    await some(home, bot, 2)
    there = home.rooms.bus.attendance
    await there.leave(home.rooms.engine.owner)
    await there.come("-one")
    await there.come("-two")
    one, other = (Retention(Later(2), 1, partial(there.first, name)) for name in ("-one", "-two"))
    assert await other.prune() == 0
    assert await left(bot) == 2
    assert await one.prune() == 2
    await some(home, bot, 1)
    await there.leave("-one")
    assert await other.prune() == 1


async def test_rules_that_make_no_sense_are_refused() -> None:
    for given in ((0, None, None), (None, -1, None), (1, None, [ExecutionStatus.RUNNING])):
        with pytest.raises(Invalid):
            checked_rule(*given)


async def test_blobs_of_what_was_never_accepted_go_after_a_day(home: Home) -> None:
    await Blob.create(id=new_uuid(), execution_id=new_uuid(), sha256="0" * 64, size=1)
    await Retention(SystemClock()).prune()
    assert await Blob.exists()
    await Retention(Later(2)).prune()
    assert not await Blob.exists()


async def test_a_follower_is_told_what_was_deleted(home: Home) -> None:
    bot = await home.bot(SAME)
    run = await home.ended(await home.start(bot, 1))
    last = run.last_seq
    latest.forget([run.id])
    await Event.filter(execution_id=run.id, seq__lte=last - 1).delete()
    batches = [batch async for batch in home.rooms.engine.follow(run.id)]
    assert [gap for batch in batches for gap in batch.gaps] == [(1, last - 1)]
    assert batches[-1].done
    await delete_executions([run.id])
    batches = [batch async for batch in home.rooms.engine.follow(run.id, last - 1)]
    assert batches[-1].done
    assert not any(batch.events for batch in batches)
    just_ended = await home.ended(await home.start(bot, 2))
    await delete_executions([just_ended.id])
    batches = [batch async for batch in home.rooms.engine.follow(just_ended.id)]
    assert batches[-1].done
    assert not any(batch.events for batch in batches)


async def test_ids_are_compared_with_moments() -> None:
    clock = SystemClock()
    before = uuid_at(clock.now())
    made = new_uuid()
    after = uuid_at(clock.now() + timedelta(seconds=1))
    assert before < made < after


@pytest.mark.slow
async def test_the_sqlite_file_shrinks(tmp_path: Path) -> None:
    async with open_home(tmp_path, gateway=ScriptedGateway()) as home:
        bot = await home.bot(SAME)
        for number in range(10):  # each is written with every step: a slow disk sees 8 MiB of it
            await home.ended(await home.start(bot, f"{number}" * 200_000))
        path = home.rooms.settings.sqlite_path
        assert path is not None
        await Bot._meta.db.execute_query_dict("PRAGMA wal_checkpoint(TRUNCATE)")
        full = path.stat().st_size
        await Retention(Later(2), default_days=1).prune()
        assert path.stat().st_size < full / 3
        assert path.with_name(f"{path.name}-wal").stat().st_size == 0
        (busy,) = await Bot._meta.db.execute_query_dict("PRAGMA busy_timeout")
        assert list(busy.values()) == [SQLITE_BUSY_MS]
        assert (await home.ended(await home.start(bot, 1))).status is ExecutionStatus.COMPLETED


async def test_a_file_from_before_learns_to_shrink(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as old:
        old.execute("CREATE TABLE older (x)")
    await migrate(load_settings({}, data_dir=tmp_path, database_url=f"sqlite://{path}"))
    with sqlite3.connect(path) as found:
        assert found.execute("PRAGMA auto_vacuum").fetchone() == (2,)
