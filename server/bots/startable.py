"""What a start has to know of a bot, read with one small statement: this stands before every
execution, and a whole row with its text costs four times as much."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from server.bots import service
from server.bots.versions import freeze, version_of
from server.core.errors import NotFound
from server.models.enums import BotState
from server.models.tables import Bot
from server.workspaces.access import Viewer

KEPT = 4_096


@dataclass(frozen=True, slots=True)
class Startable:
    id: UUID
    name: str
    state: BotState
    draft_version: int
    limited: bool = False


async def startable(viewer: Viewer, bot_id: UUID) -> Startable:
    if viewer.bot_ids is None or bot_id in viewer.bot_ids:
        # Nothing but ids of ours is written into it.
        rows = await Bot._meta.db.execute_query_dict(
            "SELECT name, state, draft_version, max_running, max_running_per_key FROM bots "
            f"WHERE id = '{bot_id}' AND workspace_id = '{viewer.workspace_id}' "
            "AND deleted_at IS NULL"
        )
        for row in rows:
            limits = (row["max_running"], row["max_running_per_key"])
            return Startable(
                bot_id,
                row["name"],
                BotState(row["state"]),
                row["draft_version"],
                limited=limits != (None, None),
            )
    raise NotFound.of("bot")


class Versions:
    """Which version a start runs. Versions never change and each change of a draft is counted, so
    what was found once stays true."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[UUID, UUID | int], UUID] = OrderedDict()

    async def of(self, viewer: Viewer, bot: Startable, version_id: UUID | None) -> UUID:
        """The one that is asked for, else the draft as it is now, frozen."""
        key = (bot.id, version_id or bot.draft_version)
        found = self._found.get(key)
        if found is None:
            row = await service.one(viewer, bot.id)
            if version_id is not None:
                found = (await version_of(row, version_id)).id
            else:
                found = (await freeze(row, viewer.user_id)).id
                key = (bot.id, row.draft_version)
            self._found[key] = found
            while len(self._found) > KEPT:
                self._found.popitem(last=False)
        return found


versions = Versions()
