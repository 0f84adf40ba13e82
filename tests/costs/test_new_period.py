"""A budget that is spent has room again when a new period begins, and what waited goes on."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from server.core.clock import SystemClock
from server.costs import service
from server.costs.service import NewBudget, Office
from server.models.enums import BudgetAction, BudgetPeriod, ExecutionStatus, WaitingReason
from server.models.tables import BudgetCounter, Workspace
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import open_home

AUCKLAND = ZoneInfo("Pacific/Auckland")
WRITER = 'writer { "goal": "Say it", "model": "openai:gpt-4o-mini", "maxTokens": 100 }'
# 0.00075 US dollars.
DEAR = Reply("fine words", usage={"prompt_tokens": 1000, "completion_tokens": 1000})


class MovableClock(SystemClock):
    """Its time of day stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


@pytest.mark.slow
async def test_at_the_workspaces_midnight_there_is_room_again_and_what_waited_goes_on(
    tmp_path: Path,
) -> None:
    tomorrow = datetime.now(AUCKLAND).date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, time(), AUCKLAND).astimezone(ZoneInfo("UTC"))
    clock = MovableClock(midnight - timedelta(seconds=2))
    async with ModelServer(DEAR) as models:
        environ = {"OPENAI_API_KEY": "sk-one", "OPENAI_BASE_URL": models.url}
        async with open_home(tmp_path, environ=environ, clock=clock) as home:
            await Workspace.filter(id=home.owner.workspace_id).update(timezone=AUCKLAND.key)
            office = Office(home.rooms.till.budgets, clock, home.rooms.engine.kin.wake)
            limit = NewBudget(Decimal("0.0005"), period=BudgetPeriod.DAY, action=BudgetAction.ASK)
            await service.create(home.owner, office, limit)
            bot = await home.bot(WRITER)
            assert (await home.ended(await home.start(bot, "x"))).output == "fine words"

            second = await home.start(bot, "x")
            waits = await home.until(second, ExecutionStatus.WAITING)
            assert waits.waiting_reason is WaitingReason.BUDGET
            assert len(models.requests) == 1

            clock.at = midnight
            done = await home.ended(second)
            assert (done.status, done.output) == (ExecutionStatus.COMPLETED, "fine words")
            counters = await BudgetCounter.all().order_by("window")
    assert [one.spent_nano for one in counters] == [750_000, 750_000]
    assert counters[1].starts_at == midnight
