"""Who wrote something. People who have left are still named by what they wrote."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from server.models.tables import BotVersion, User
from server.workspaces.access import Viewer, require


async def authors(viewer: Viewer, user_ids: Sequence[UUID]) -> dict[UUID, User]:
    """For ids that were read from rows of the viewer's workspace."""
    require(viewer, "bots:read")
    rows = await User.filter(id__in=list(user_ids)).only("id", "name", "email")
    return {row.id: row for row in rows}


async def versions_by_number(
    viewer: Viewer, places: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], BotVersion]:
    """Bot and number, such as of the version before another."""
    require(viewer, "bots:read")
    rows = await BotVersion.filter(
        bot_id__in=list({bot_id for bot_id, _ in places}),
        number__in=list({number for _, number in places}),
        bot__workspace_id=viewer.workspace_id,
    ).only("id", "bot_id", "number", "source")
    return {(row.bot_id, row.number): row for row in rows}
