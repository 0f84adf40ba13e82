"""`node` and `nodes`: anything with an id."""

from __future__ import annotations

from uuid import UUID

import strawberry

from server.api.access import ANYONE_SIGNED_IN, query
from server.api.approvals import Approval
from server.api.audit import AuditEntry
from server.api.bots import Bot, BotVersion
from server.api.budgets import Budget
from server.api.connections import Connection
from server.api.context import Info
from server.api.execution_types import Execution
from server.api.members import Invitation, Member
from server.api.notifications import Notification
from server.api.recordings import Recording
from server.api.relay import Node
from server.api.sessions import Session
from server.api.tokens import ApiToken
from server.approvals import service as approvals
from server.bots import service as bots
from server.connections import service as connections
from server.core.errors import Denied, Invalid, NotFound
from server.core.ids import split_id
from server.core.paging import MAX_PAGE
from server.costs import service as costs
from server.executions import recordings
from server.executions import service as executions
from server.workspaces import audit, invitations, keys, members, notifications, sessions
from server.workspaces.access import Viewer


async def find_node(info: Info, text: str) -> Node | None:
    """Null for junk, for what is gone, for what is elsewhere and for what may not be seen."""
    found = split_id(text)
    if found is None:
        return None
    kind, row_id = found
    asker = info.context.asker
    try:
        if kind == "bot":
            return Bot.of(await bots.get(asker, row_id))
        if kind == "execution":
            return Execution.of(await executions.get(asker, row_id))
        if kind == "approval":
            return Approval.of(await approvals.get(asker, row_id))
        if kind == "connection":
            return Connection.of(await connections.get(asker, row_id))
        if kind == "notification":
            return Notification.of(await notifications.get(asker, row_id))
        if kind == "budget":
            return Budget.of(await costs.get(asker, row_id))
        if kind == "recording":
            return Recording.of(await recordings.get(asker, row_id))
        if kind == "version":
            version = (await bots.many_versions(asker, [row_id])).get(row_id)
            return BotVersion.of(version) if version is not None else None
        if kind == "token":
            return ApiToken.of(await keys.get(asker, row_id))
        if kind in ("member", "invitation", "session", "audit"):
            return await _of_people(asker, kind, row_id)
    except (NotFound, Denied):
        return None
    return None


async def _of_people(asker: Viewer, kind: str, row_id: UUID) -> Node | None:
    if kind == "member":
        return Member.of(await members.get(asker, row_id))
    if kind == "invitation":
        return Invitation.of(await invitations.get(asker, row_id))
    if kind == "session":
        return Session.of(await sessions.get(asker, row_id))
    entry = await audit.get(asker, row_id)
    return AuditEntry.of(entry) if entry is not None else None


@strawberry.type
class NodeQueries:
    @query(ANYONE_SIGNED_IN, "Anything by its id; null when there is nothing with it here.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        return await find_node(info, id)

    @query(ANYONE_SIGNED_IN, "Up to 100 things by their ids, in that order, null for each miss.")
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        if len(ids) > MAX_PAGE:
            raise Invalid(f"Ask for at most {MAX_PAGE} ids at once.", path=["ids"])
        return [await find_node(info, one) for one in ids]
