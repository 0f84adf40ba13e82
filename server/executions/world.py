"""What is around a step of a run, for the tools: people and happenings of its workspace."""

from __future__ import annotations

import hashlib
from uuid import UUID

from server.core.clock import Clock
from server.core.ids import public_id
from server.core.logs import REDACTION
from server.engine.writer import Identity
from server.executions import happenings
from server.models.enums import Priority
from server.models.tables import Member
from server.tools.base import Happening
from server.workspaces.notifications import News, Notifier


class StepWorld:
    def __init__(self, clock: Clock, notifier: Notifier, identity: Identity, step_key: str) -> None:
        self._clock = clock
        self._notifier = notifier
        self._identity = identity
        self._step_key = step_key

    async def heard(self, name: str) -> Happening | None:
        run = self._identity
        row = await happenings.heard(
            self._clock, run.workspace_id, run.bot_id, run.id, self._step_key, name
        )
        return None if row is None else Happening(row.name, row.data, row.created_at)

    async def notify(self, title: str, message: str, priority: Priority) -> list[UUID]:
        run = self._identity
        source = {
            "kind": "tool",
            "executionId": public_id("execution", run.id),
            "stepKey": self._step_key,
        }
        place = hashlib.sha256(f"{run.id}:{self._step_key}".encode()).hexdigest()
        told = REDACTION.kept(title), REDACTION.kept(message)
        news = News(run.workspace_id, f"tool:{place}", *told, priority, run.bot_id, source)
        members = Member.filter(workspace_id=run.workspace_id, user__disabled_at=None)
        users = [member.user_id for member in await members.only("user_id")]
        return await self._notifier.tell(news, users)


class StepWorlds:
    """Handed to the engine."""

    def __init__(self, clock: Clock, notifier: Notifier) -> None:
        self._clock = clock
        self._notifier = notifier

    def __call__(self, identity: Identity, step_key: str) -> StepWorld:
        return StepWorld(self._clock, self._notifier, identity, step_key)
