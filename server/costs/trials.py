"""What the test of a connection costs where the provider has to be asked a question: a row of usage
without an execution, counted by the budgets of the workspace and of who asked."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from server.connections.base import Opened
from server.core.clock import Clock
from server.core.ids import new_uuid
from server.costs.budgets import Budgets, Held, Spender
from server.costs.door import with_price
from server.engine.facts import used_by
from server.llm.messages import ModelAnswer
from server.llm.workspace_models import WorkspaceModels
from server.models.enums import BudgetAction
from server.models.tables import Usage


class Trials:
    def __init__(self, models: WorkspaceModels, budgets: Budgets, clock: Clock) -> None:
        self._models = models
        self._budgets = budgets
        self._clock = clock

    async def __call__(self, way: Opened, answer: ModelAnswer) -> None:
        """It is paid already: what it cost counts even beyond a limit."""
        if way.workspace_id is None:
            return
        answer = with_price(answer, await self._models.of(way.workspace_id))
        # A budget's first counter sums the rows that are there, so this one comes after it.
        who = Spender(way.workspace_id, way.id, new_uuid(), 1, way.user_id, runs=False)
        limits = [replace(one, action=BudgetAction.WARN) for one in await self._budgets.limits(who)]
        await self._write(way, way.workspace_id, answer)
        if limits and answer.cost:
            held = await self._budgets.hold(who, limits, answer.cost)
            if isinstance(held, Held):
                await self._budgets.settle(held.call_id, answer.cost)

    async def _write(self, way: Opened, workspace_id: UUID, answer: ModelAnswer) -> None:
        await Usage.create(
            workspace_id=workspace_id,
            connection_id=way.id,
            created_at=self._clock.now(),
            **used_by(answer),
        )
