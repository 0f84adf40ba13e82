"""How long finished executions are kept: the rule of each bot, and deleting what it lets go.

Deleting goes in small pieces with pauses, so that work goes on beside it; a large execution loses
its events first, and its row last. What it cost stays in the usage records. What a rule keeps is
not looked at again each minute, so what ended long after it began may stay for an hour more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from tortoise.exceptions import BaseORMException
from tortoise.models import Model
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from server.bots import service as bots
from server.core.clock import Clock
from server.core.errors import Conflict, Invalid
from server.core.ids import uuid_at
from server.engine import latest
from server.engine.blobs import unavailable
from server.executions import chats, lately
from server.executions.figures import open_ones
from server.models.address import SQLITE_BUSY_MS
from server.models.enums import FINAL_STATUSES, ExecutionStatus
from server.models.sqlite_space import INCREMENTAL
from server.models.tables import Blob, BlobPart, Bot, Event, Execution, ModelCall, Step
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, require

EXECUTIONS_AT_ONCE = 50
ROWS_AT_ONCE = 4_000
COUNTED_AT_ONCE = 5_000
PAUSE_SECONDS = 0.02
DAYS_LIMIT, COUNT_LIMIT = 36_500, 10_000_000
ORPHAN_AGE = timedelta(days=1)
PAGES_AT_ONCE = 1_000
LOOK_AGAIN_SECONDS = 3_600.0
NONE_YET = UUID(int=0)
CLOCKS_DIFFER = timedelta(minutes=1)
LAST_OF_ALL = UUID(int=2**128 - 1)

OurTurn = Callable[[], Awaitable[bool]]

log = structlog.get_logger("retention")


@dataclass(frozen=True, slots=True)
class Rule:
    """None sets no limit. Only `statuses` are deleted."""

    max_age_days: int | None = None
    max_count: int | None = None
    statuses: frozenset[ExecutionStatus] = FINAL_STATUSES

    @property
    def keeps_all(self) -> bool:
        return self.max_age_days is None and self.max_count is None

    def to_json(self) -> dict[str, Any]:
        chosen = sorted(status.value for status in self.statuses)
        return {"maxAgeDays": self.max_age_days, "maxCount": self.max_count, "statuses": chosen}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Rule:
        statuses = frozenset(ExecutionStatus(status) for status in found["statuses"])
        return cls(found["maxAgeDays"], found["maxCount"], statuses)


class RuleMoved(Conflict):
    """Somebody else set another rule in the meantime; load it again."""

    def __init__(self, current_version: int) -> None:
        super().__init__(path=["expectedVersion"])
        self.current_version = current_version


def checked_rule(
    max_age_days: int | None, max_count: int | None, statuses: Sequence[ExecutionStatus] | None
) -> Rule:
    if max_age_days is not None and not 1 <= max_age_days <= DAYS_LIMIT:
        raise Invalid(f"Give 1 to {DAYS_LIMIT} days.", path=["maxAgeDays"])
    if max_count is not None and not 0 <= max_count <= COUNT_LIMIT:
        raise Invalid(f"Give 0 to {COUNT_LIMIT} executions.", path=["maxCount"])
    chosen = FINAL_STATUSES if statuses is None else frozenset(statuses)
    if not chosen or not chosen <= FINAL_STATUSES:
        message = "Only what has ended can be deleted: COMPLETED, FAILED, CANCELLED, TIMED_OUT."
        raise Invalid(message, path=["statuses"])
    return Rule(max_age_days, max_count, chosen)


async def set_rule(
    viewer: Viewer, bot_id: UUID, rule: Rule | None, expected_version: int | None = None
) -> Bot:
    """None: what the installation says. A rule deletes for good, so nobody sets one over another
    that they have not seen."""
    require(viewer, "bots:write")
    bot = await bots.one(viewer, bot_id)
    looked_at = bot.retention_version if expected_version is None else expected_version
    before, bot.retention = bot.retention, None if rule is None else rule.to_json()
    async with in_transaction():
        rows = mine(viewer, Bot).filter(id=bot_id, retention_version=looked_at)
        bot.retention_version = looked_at + 1
        if not await rows.update(retention=bot.retention, retention_version=bot.retention_version):
            raise RuleMoved((await bots.one(viewer, bot_id)).retention_version)
        subject = audit.Subject("bot", bot.id, bot.name)
        change = audit.Change({"retention": before}, {"retention": bot.retention})
        await audit.record(viewer, "bot.retention_changed", subject, change)
    return bot


@dataclass(frozen=True, slots=True)
class Counted:
    """What is older than `floor` is too many; None: nothing is. Of those up to `until` none can
    end any more."""

    floor: UUID | None
    until: UUID


@dataclass(frozen=True, slots=True)
class Looked:
    """Up to `last` nothing is left that `rule` lets go; `began` is when it looked from the first
    execution on, of a clock that never goes back."""

    rule: Rule
    last: UUID
    began: float
    counted: Counted | None = None


class Retention:
    """`default_days`: for bots without a rule of their own; 0 keeps everything. `our_turn`: of all
    the workers one deletes; it is asked again before each bot. `tell`: which one of which workspace
    was deleted, for whoever looks at it."""

    def __init__(
        self,
        clock: Clock,
        default_days: int = 0,
        our_turn: OurTurn | None = None,
        tell: Callable[[UUID, UUID], None] | None = None,
    ) -> None:
        self._clock = clock
        self._default = Rule(max_age_days=default_days or None)
        self._our_turn = our_turn
        self._tell = tell
        self._looked: dict[UUID, Looked] = {}

    async def prune(self) -> int:
        """One round over all bots. Returns how many executions were deleted."""
        try:
            return await self._round()
        except (BaseORMException, OSError) as error:
            raise unavailable(error) from error

    async def _round(self) -> int:
        deleted = 0
        for bot in await Bot.all().only("id", "workspace_id", "retention"):
            rule = self._default if bot.retention is None else Rule.from_json(bot.retention)
            if rule.keeps_all:
                self._looked.pop(bot.id, None)
                continue
            if not await self._ours():
                return deleted
            deleted += await self._prune_bot(bot, rule)
        orphans = await self._orphans() if await self._ours() else 0
        if deleted:
            log.info("executions_deleted", count=deleted)
        if deleted or orphans:
            await give_space_back()
        return deleted

    async def _ours(self) -> bool:
        return self._our_turn is None or await self._our_turn()

    async def _prune_bot(self, bot: Bot, rule: Rule) -> int:
        deleted, begin = 0, self._begin(rule, self._looked.get(bot.id))
        counted = await self._counted(bot, rule, begin.counted)
        last, floor = begin.last, self._floor(rule, counted)
        while floor is not None and (ids := await _older(bot.id, last, floor, rule)):
            await delete_executions(ids)
            self._told(bot.workspace_id, ids)
            deleted, last = deleted + len(ids), ids[-1]
            await asyncio.sleep(PAUSE_SECONDS)
        if floor is not None:
            last = max(last, UUID(int=max(0, floor.int - 1)))
        self._looked[bot.id] = Looked(rule, last, begin.began, counted)
        if rule.max_age_days is not None:
            oldest = self._clock.now() - timedelta(days=rule.max_age_days)
            await chats.forget_unused(bot.id, oldest)
        return deleted

    def _told(self, workspace_id: UUID, ids: Sequence[UUID]) -> None:
        if self._tell is not None:
            for execution_id in ids:
                self._tell(workspace_id, execution_id)

    def _begin(self, rule: Rule, looked: Looked | None) -> Looked:
        """Goes on from where the last round ended, under the same rule."""
        now = self._clock.monotonic()
        if looked and looked.rule == rule and now - looked.began < LOOK_AGAIN_SECONDS:
            return looked
        return Looked(rule, NONE_YET, now)

    def _floor(self, rule: Rule, counted: Counted | None) -> UUID | None:
        """What is older goes: by age, or because there are so many later ones."""
        floors = (self._by_age(rule), counted and counted.floor)
        return max((floor for floor in floors if floor is not None), default=None)

    async def _counted(self, bot: Bot, rule: Rule, before: Counted | None) -> Counted | None:
        """As before, while no other has ended that the rule counts: of a million executions few
        may have failed, and to count those is to look at all."""
        if rule.max_count is None:
            return None
        until = await self._all_ended_until(bot)
        counts = Execution.filter(bot_id=bot.id, status__in=list(rule.statuses))
        if before is not None and not await counts.filter(id__gt=before.until).exists():
            return Counted(before.floor, until)
        return Counted(await _by_count(counts, rule.max_count), until)

    async def _all_ended_until(self, bot: Bot) -> UUID:
        """The clocks of those who start executions may differ a little. The bot is not asked for by
        its id: SQLite would then look through all that it has ever run."""
        open_now: list[Any] = await open_ones([bot.workspace_id]).values_list("id", "bot_id")
        begun = (UUID(int=one.int - 1) for one, bot_id in open_now if bot_id == bot.id)
        return min([uuid_at(self._clock.now() - CLOCKS_DIFFER), *begun])

    def _by_age(self, rule: Rule) -> UUID | None:
        if rule.max_age_days is None:
            return None
        return uuid_at(self._clock.now() - timedelta(days=rule.max_age_days))

    async def _orphans(self) -> int:
        """Blobs of executions that were never accepted."""
        before = self._clock.now() - ORPHAN_AGE
        old = await Blob.filter(created_at__lt=before).order_by("created_at").limit(ROWS_AT_ONCE)
        named = {row.execution_id for row in old}
        found = await Execution.filter(id__in=list(named)).values_list("id", flat=True)
        lost = named - set(found) if named else set[UUID]()
        for execution_id in lost:
            await _delete_blobs([execution_id])
        return len(lost)


async def delete_executions(ids: Sequence[UUID]) -> None:
    """Finished ones, for good. May be broken off and begun again at any place."""
    lately.forget(ids)
    latest.forget(ids)
    await _delete_rows(Event, ids)
    await _delete_rows(ModelCall, ids)
    await _delete_rows(Step, ids)
    await _delete_blobs(ids)
    await Execution.filter(id__in=list(ids)).delete()


async def _older(bot_id: UUID, last: UUID, floor: UUID, rule: Rule) -> list[UUID]:
    """After the last one. Ids sort by time, so the index of a bot's executions answers this."""
    rows = Execution.filter(
        bot_id=bot_id, id__gt=last, id__lt=floor, status__in=list(rule.statuses)
    )
    found = await rows.order_by("id").limit(EXECUTIONS_AT_ONCE).values_list("id", flat=True)
    return list(found)  # type: ignore[arg-type]


async def _by_count(counts: QuerySet[Execution], most: int) -> UUID | None:
    """Everything older than this is one too many. Counted in small pieces: one statement over a
    million rows would hold up whoever shares the connection."""
    rows, left, last = counts.order_by("-id"), most, LAST_OF_ALL
    while True:
        passed = min(left, COUNTED_AT_ONCE)
        next_ones = rows.filter(id__lte=last).offset(passed).limit(1)
        found: list[Any] = await next_ones.values_list("id", flat=True)
        if not found:
            return None
        left, last = left - passed, found[0]
        if not left:
            return UUID(int=last.int + 1)
        await asyncio.sleep(0)


async def _delete_rows(table: type[Model], execution_ids: Sequence[UUID]) -> None:
    rows = table.filter(execution_id__in=list(execution_ids)).limit(ROWS_AT_ONCE)
    while ids := await rows.values_list("id", flat=True):
        await table.filter(id__in=list(ids)).delete()
        if len(ids) < ROWS_AT_ONCE:
            return
        await asyncio.sleep(PAUSE_SECONDS)


async def _delete_blobs(execution_ids: Sequence[UUID]) -> None:
    """A part at a time: one may be as large as a page of rows."""
    for blob_id in await Blob.filter(execution_id__in=list(execution_ids)).values_list(
        "id", flat=True
    ):
        await BlobPart.filter(blob_id=blob_id).delete()
        await Blob.filter(id=blob_id).delete()
        await asyncio.sleep(0)


async def give_space_back() -> None:
    """SQLite keeps what was deleted as free pages until it is told; the others do it themselves."""
    connection = Bot._meta.db
    if connection.capabilities.dialect != "sqlite":
        return
    mode = (await connection.execute_query_dict("PRAGMA auto_vacuum"))[0]["auto_vacuum"]
    before = None
    while mode == INCREMENTAL and (free := await _free_pages()) and free != before:
        before = free
        # As a script: a statement by itself gives one page back and stops there.
        await connection.execute_script(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
        await asyncio.sleep(PAUSE_SECONDS)
    await connection.execute_query_dict("PRAGMA wal_checkpoint(PASSIVE)")
    # The log itself keeps its largest size. What it held is copied by now, so nobody who writes
    # waits for long; where somebody writes or reads just then, it is left for another time.
    await connection.execute_script(
        "PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE); "
        f"PRAGMA busy_timeout = {SQLITE_BUSY_MS};"
    )


async def _free_pages() -> int:
    rows = await Bot._meta.db.execute_query_dict("PRAGMA freelist_count")
    return rows[0]["freelist_count"]
