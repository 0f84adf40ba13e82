"""`node` and `nodes`: anything with an id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import strawberry

from server.api.access import ANYONE_SIGNED_IN, query
from server.api.approvals import Approval
from server.api.audit import AuditEntry
from server.api.bots import Bot, BotVersion
from server.api.budgets import Budget, BudgetNotice
from server.api.chats import ChatSession
from server.api.connections import Connection
from server.api.context import Info
from server.api.costs import ModelPrice
from server.api.execution_types import Execution
from server.api.incidents import Incident
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
from server.costs import prices
from server.costs import service as costs
from server.executions import chats, recordings
from server.executions import service as executions
from server.healing import service as incidents
from server.workspaces import audit, invitations, keys, members, notifications, sessions
from server.workspaces.access import Viewer

OF_PEOPLE = frozenset({"member", "invitation", "session", "token", "notification"})


Fetch = Callable[[Viewer, UUID], Awaitable[Any]]


async def _version(viewer: Viewer, version_id: UUID) -> Any:
    return (await bots.many_versions(viewer, [version_id])).get(version_id)


# How each kind is read, by whoever may see it, and what it is made into. A type that says it is a
# Node and is not here is found by tests/api/test_permissions.py.
NODES: dict[str, tuple[Fetch, Callable[[Any], Node]]] = {
    "bot": (bots.get, Bot.of),
    "version": (_version, BotVersion.of),
    "execution": (executions.get, Execution.of),
    "recording": (recordings.get, Recording.of),
    "chat": (chats.get, ChatSession.of),
    "approval": (approvals.get, Approval.of),
    "incident": (incidents.get, Incident.of),
    "connection": (connections.get, Connection.of),
    "budget": (costs.get, Budget.of),
    "notice": (costs.notice, BudgetNotice.of),
    "price": (prices.get, ModelPrice.of),
    "notification": (notifications.get, Notification.of),
    "token": (keys.get, ApiToken.of),
    "member": (members.get, Member.of),
    "invitation": (invitations.get, Invitation.of),
    "session": (sessions.get, Session.of),
    "audit": (audit.get, AuditEntry.of),
}


async def find_node(info: Info, text: str) -> Node | None:
    """Null for junk, for what is gone, for what is elsewhere and for what may not be seen."""
    kind, row_id = split_id(text) or ("", None)
    known, asker = NODES.get(kind), info.context.asker
    if known is None or row_id is None or (kind in OF_PEOPLE and asker.narrowed):
        return None
    fetch, made = known
    try:
        row = await fetch(asker, row_id)
    except (NotFound, Denied):
        return None
    return None if row is None else made(row)


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
