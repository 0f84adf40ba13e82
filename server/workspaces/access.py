"""Who is asking and what they may: one table of rights, one filter by workspace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from tortoise.models import Model
from tortoise.queryset import QuerySet

from server.core.errors import Denied, NotFound
from server.models.enums import Role
from server.models.tables import Bot

Table = TypeVar("Table", bound=Model)

READ = frozenset({"bots:read", "executions:read", "connections:read"})
RUN = READ | {"executions:run", "executions:control", "approvals:decide"}
BUILD = RUN | {
    "bots:write",
    "bots:publish",
    "connections:write",
    "triggers:write",
    "tools:write",
    "costs:read",
}
MANAGE = BUILD | {"costs:write", "members:write", "audit:read"}

# The one table of rights: what each role may do.
ROLE_SCOPES: dict[Role, frozenset[str]] = {
    Role.OWNER: MANAGE,
    Role.ADMIN: MANAGE,
    Role.EDITOR: BUILD,
    Role.OPERATOR: RUN,
    Role.VIEWER: READ,
}
SCOPES: tuple[str, ...] = tuple(sorted(MANAGE))


@dataclass(frozen=True, slots=True)
class Viewer:
    """One person or program in one workspace. `scopes` is what is left of the role's rights after
    the token's own; `bot_ids` narrows it to some bots. `session_id` or `token_id` is what let them
    in, `address` where they are."""

    user_id: UUID
    workspace_id: UUID
    role: Role
    name: str
    email: str
    workspace_name: str = ""
    scopes: frozenset[str] = frozenset()
    bot_ids: frozenset[UUID] | None = None
    via_token: bool = False
    session_id: UUID | None = None
    token_id: UUID | None = None
    address: str = ""

    def seen_from(self, address: str) -> Viewer:
        return replace(self, address=address) if address else self

    def may(self, scope: str) -> bool:
        return scope in self.scopes


def scopes_of(role: Role, narrowed: Iterable[str] | None = None) -> frozenset[str]:
    rights = ROLE_SCOPES[role]
    return rights if narrowed is None else rights & frozenset(narrowed)


def require(viewer: Viewer, scope: str) -> None:
    if not viewer.may(scope):
        raise Denied(f"This needs the scope {scope}, which you do not have here.")


def mine(viewer: Viewer, table: type[Table]) -> QuerySet[Table]:
    """Every read and write of a workspace's rows starts here."""
    rows = table.filter(workspace_id=viewer.workspace_id)
    if viewer.bot_ids is None:
        return rows
    if issubclass(table, Bot):
        return rows.filter(id__in=list(viewer.bot_ids))
    if "bot_id" in table._meta.fields_map:
        return rows.filter(bot_id__in=list(viewer.bot_ids))
    return rows


async def one_of_mine(viewer: Viewer, table: type[Table], row_id: UUID, what: str) -> Table:
    """A row of another workspace and one that never was look the same."""
    row = await mine(viewer, table).get_or_none(id=row_id)
    if row is None:
        raise NotFound(f"There is no such {what}.")
    return row
