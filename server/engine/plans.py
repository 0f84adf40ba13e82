"""Plans at hand: versions never change, so a plan is read once."""

from __future__ import annotations

from collections import OrderedDict
from uuid import UUID

import structlog

from server.bal.plan import Plan
from server.bal.plan_steps import PlanUnreadable
from server.models.tables import BotVersion

KEPT = 256

log = structlog.get_logger("engine")


class Plans:
    def __init__(self) -> None:
        self._plans: OrderedDict[UUID, Plan] = OrderedDict()

    async def get(self, version_id: UUID) -> Plan | None:
        """None when the version is gone, or was made by a release that this one cannot read."""
        found = self._plans.get(version_id)
        if found is None:
            found = await _stored(version_id)
            if found is None:
                return None
            self._plans[version_id] = found
            while len(self._plans) > KEPT:
                self._plans.popitem(last=False)
        self._plans.move_to_end(version_id)
        return found


async def _stored(version_id: UUID) -> Plan | None:
    version = await BotVersion.get_or_none(id=version_id)
    try:
        return None if version is None else Plan.from_json(version.plan)
    except PlanUnreadable as error:
        log.warning("plan_unreadable", version=str(version_id), error=str(error))
        return None
